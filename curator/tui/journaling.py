"""What the keys of review write to the journal, in the thread of the one writer, each when its turn comes.

Separate from the rooms because it touches no widget. On a busy machine, or while another process holds the catalogue,
keys go on ahead of the disk: a clip that was on the screen when its key was pressed may have given way by then to one
that an earlier key made, and a reason may be given for a rejection that is still on its way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from catalog.errors import BadRequest, CuratorError
from catalog.records import VerdictName
from catalog.store import Store, Undone


class Decision:
    """One verdict on some clips."""

    def __init__(self, clips: Sequence[str], verdict: VerdictName, reasons: Sequence[str] = ()) -> None:
        self.clips = tuple(clips)
        """Once written: the clips that the verdict went to."""
        self.verdict = verdict
        self.reasons = tuple(reasons)
        self.action: int | None = None
        """Its number in the journal, once written."""


class Journaling:
    """Writes to the journal of a store about the clips as what was written before has left them.

    Every method is for the writer's thread and raises CuratorError.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reason_of: dict[int, int] = {}
        """Rejections, and the actions that said why."""

    def decide(self, decision: Decision) -> Decision:
        """Write a verdict."""
        decision.clips = tuple(dict.fromkeys(self._store.in_place_of(decision.clips)))
        decision.action = self._store.decide(list(decision.clips), decision.verdict, list(decision.reasons))
        return decision

    def explain(self, rejection: Decision, reason: str) -> Decision:
        """Write why clips were rejected; undo and redo keep the two together."""
        if rejection.action is None:
            raise BadRequest(f"{reason}: nothing was rejected that this could be the reason for.")
        why = self.decide(Decision(rejection.clips, "rejected", [reason]))
        assert why.action is not None
        self._reason_of[rejection.action] = why.action
        return why

    def decide_each(self, verdicts: Mapping[str, VerdictName], reason: str) -> tuple[dict[str, VerdictName], int]:
        """Write a verdict for each of some clips; the clips that they went to, and the number of the action."""
        present = dict(zip(self._store.in_place_of(list(verdicts)), verdicts.values(), strict=True))
        return present, self._store.decide_each(present, [reason])

    def remark(self, clips: Sequence[str], **said: Any) -> tuple[tuple[str, ...], int | None]:
        """Write a note or tags; the clips that they went to, and the action's number, None where nothing is new."""
        present = tuple(dict.fromkeys(self._store.in_place_of(clips)))
        return present, self._store.remark(present, **said)

    def turn(self, kind: Literal["undo", "redo"]) -> tuple[Undone, ...]:
        """Undo or redo one action, and with a rejection the reason that was given for it; empty where there is none."""
        turn = self._store.undo if kind == "undo" else self._store.redo
        first = turn()
        if first is None:
            return ()
        if first.action not in (self._reason_of.values() if kind == "undo" else self._reason_of):
            return (first,)
        try:
            second = turn()
        except CuratorError:
            # the next key turns it
            second = None
        return (first,) if second is None else (first, second)
