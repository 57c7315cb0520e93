"""Editing in the review room: edges nudged, clips split and joined, notes and tags; all of it one press of undo away.

Separate from deciding because an edit changes which clips there are: the new clip is on disk at once, and its scores
follow from a process of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from textual.binding import Binding

from catalog.errors import CuratorError
from catalog.records import SCORE_NAMES, Scoring
from catalog.store import Edited
from curator import edits
from curator.edits import Edge
from curator.tui.messages import ClipsEdited, ClipsRemarked
from curator.tui.scoring_desk import ScoringDesk
from curator.tui.screens.deciding_room import DecidingRoom
from curator.tui.screens.one_line import OneLine
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.reason_bar import ReasonBar
from curator.words import count, number

SMALL_S, LARGE_S = 0.010, 0.050
AROUND_S = 0.8
"""After an edge was moved, so much of the clip beside it is played."""


def _nudges(keys: str, edge: str, by_ms: int, name: str) -> Binding:
    words = f"Move the clip's {edge} {abs(by_ms)} ms {'later' if by_ms > 0 else 'earlier'}."
    label = f"{edge} {'+' if by_ms > 0 else '−'}{abs(by_ms)}"
    return Binding(keys, f"nudge('{edge}', {by_ms})", label, show=False, tooltip=words, id=f"review.{name}")


EDITING: tuple[Binding, ...] = (
    _nudges("left_square_bracket", "start", -10, "start_earlier"),
    _nudges("right_square_bracket", "start", 10, "start_later"),
    _nudges("left_parenthesis", "start", -50, "start_much_earlier"),
    _nudges("right_parenthesis", "start", 50, "start_much_later"),
    _nudges("comma", "end", -10, "end_earlier"),
    _nudges("full_stop", "end", 10, "end_later"),
    _nudges("less_than_sign", "end", -50, "end_much_earlier"),
    _nudges("greater_than_sign", "end", 50, "end_much_later"),
    Binding("S", "split", "Split", show=False, tooltip="Split the clip at the cursor.", id="review.split"),
    Binding("M", "join", "Join", show=False, tooltip="Join the clip with the next one.", id="review.join"),
    Binding("t", "tag", "Tags", show=False, tooltip="Tag the clip, or the marked ones.", id="review.tag"),
    Binding("c", "note", "Note", show=False, tooltip="Write a note on the clip.", id="review.note"),
)
"""The keys of editing."""


class EditingRoom(DecidingRoom):
    """A room in which clips are edited."""

    def __init__(self) -> None:
        super().__init__()
        self._desk: ScoringDesk | None = None
        self._asked_unscored = False

    def on_unmount(self) -> None:
        """Let the scoring process go."""
        if self._desk is not None:
            self._desk.close()

    # edges, halves, pairs

    async def action_nudge(self, edge: Edge, by_ms: int) -> None:
        """Move an edge of the clip under the cursor and play what is beside it."""
        clip = self.current
        if clip is None:
            return
        words = f"{edge} {'+' if by_ms > 0 else '−'}{abs(by_ms)} ms"
        confirm = partial(self._nudged, int(clip["sample_rate"]), edge, words)
        await self._edit(partial(edits.nudge, self.store, clip, edge, by_ms / 1000), confirm)

    async def _edit(self, work: Callable[[], Edited], confirm: Callable[[Edited], None]) -> None:
        table = self.query_one(ClipTable)
        await self.write(work, confirm, partial(table.mark_waiting, table.cursor_row))

    def _nudged(self, rate: int, edge: Edge, words: str, edited: Edited) -> None:
        new, table = edited.shown[0], self.query_one(ClipTable)
        times = {"start_s": new.start / rate, "end_s": new.end / rate, "duration_s": (new.end - new.start) / rate}
        row = table.row_of(edited.hidden[0])
        if row is not None:
            fields = {"id": new.id, "start": new.start, "end": new.end, **times}
            unscored = dict.fromkeys((*SCORE_NAMES, "places", "suggestion"), None)
            table.edit_row(row, {**fields, **unscored, "suggestion_reasons": [], "being_scored": True})
            if table.cursor_row == row:
                self._shown_id = new.id
                self._show_edited(edge)
        said = f"{words}: {number(times['start_s'], 2)}–{number(times['end_s'], 2)} s   u takes it back"
        self.query_one(ReasonBar).say(said, "✂", "$accent")
        self._edited(edited)

    def _show_edited(self, edge: Edge) -> None:
        """Draw the clip under the cursor as it is after a nudge, and play what is beside the edge."""
        clip = self.current
        if clip is None:
            return
        self.draw_clip(clip)
        self.read("picture", partial(self.pictures.of, clip), partial(self._picture_read, clip))
        length = float(clip["duration_s"])
        span = (0.0, min(AROUND_S, length)) if edge == "start" else (max(0.0, length - AROUND_S), length)
        self.play_range(*span, once=True)

    async def action_split(self) -> None:
        """Part the clip under the cursor at the cursor in its picture."""
        clip = self.current
        if clip is not None:
            await self._edit(partial(edits.split_at, self.store, clip, self.lens.cursor_s), partial(self._cut, "split"))

    async def action_join(self) -> None:
        """Make one clip of the one under the cursor and the next of its recording."""
        clip = self.current
        if clip is not None:
            await self._edit(partial(edits.join_next, self.store, clip), partial(self._cut, "joined"))

    def _cut(self, what: str, edited: Edited) -> None:
        into = f"{count(len(edited.hidden), 'clip')} {what} into {len(edited.shown)}   u takes it back"
        self.query_one(ReasonBar).say(into, "✂", "$accent")
        self._read_clips(edited.shown[0].id if edited.shown else None)
        self._edited(edited)

    def _edited(self, edited: Edited) -> None:
        self.post_message(ClipsEdited(edited.hidden, tuple(clip.id for clip in edited.shown), edited.action))
        if self._desk is not None:
            self._desk.drop(edited.hidden)
        self._score([clip.id for clip in edited.shown])

    # scores of what was edited

    def load(self) -> None:
        """Read the clips, and once ask which edited ones still wait for their scores."""
        super().load()
        if self.home.ready and not self._asked_unscored:
            self._asked_unscored = True
            self.read("unscored", self.store.unscored, self._score)

    def _score(self, clips: Sequence[str]) -> None:
        if not clips:
            return
        if self._desk is None:
            self._desk = ScoringDesk(self.store)
        for clip in clips:
            self.run_worker(self._scored(clip), group="score", exit_on_error=False)

    async def _scored(self, clip: str) -> None:
        assert self._desk is not None
        try:
            scorings: list[Scoring] = await asyncio.wrap_future(self._desk.submit([clip]))
        except CuratorError as error:
            self.home.complain(error)
            return
        if scorings:
            await self.home.writer.submit(partial(self.store.rescore, scorings))
            self._load_later()

    # notes and tags

    def action_note(self) -> None:
        """Ask for a note on the clip under the cursor."""
        clip = self.current
        if clip is None:
            return
        ids = self.query_one(ClipTable).marked_ids() or [str(clip["id"])]
        title = "Note" if len(ids) == 1 else f"Note on {count(len(ids), 'clip')}"
        self.app.push_screen(
            OneLine(title, str(clip.get("note") or ""), "empty takes it away"), partial(self._noted, ids)
        )

    def _noted(self, ids: list[str], note: str | None) -> None:
        if note is not None:
            self._remark(ids, "noted", note=note)

    def action_tag(self) -> None:
        """Ask for the tags of the clip under the cursor, or for tags to put on the marked ones."""
        clip = self.current
        if clip is None:
            return
        marked = self.query_one(ClipTable).marked_ids()
        tags = "" if marked else " ".join(clip.get("tags") or ())
        title = f"Tags for {count(len(marked), 'clip')}" if marked else "Tags"
        hint = "words with spaces between; -word takes one away" if marked else "words with spaces between"
        ask = OneLine(title, tags, hint, suggest=self.store.tags)
        self.app.push_screen(ask, partial(self._tagged, marked or [str(clip["id"])], bool(marked), tags.split()))

    def _tagged(self, ids: list[str], many: bool, before: list[str], answer: str | None) -> None:
        if answer is None:
            return
        words = answer.split()
        remove = [word[1:] for word in words if word.startswith("-")]
        add = [word for word in words if not word.startswith("-")]
        self._remark(ids, "tagged", add=add, remove=remove if many else [*remove, *(set(before) - set(add))])

    def _remark(self, ids: list[str], what: str, **said: Any) -> None:
        work = partial(self.journaling.remark, ids, **said)
        self.run_worker(self.write(work, partial(self._remarked, what)), group="remark", exit_on_error=False)

    def _remarked(self, what: str, remarked: tuple[tuple[str, ...], int | None]) -> None:
        ids, action = remarked
        if action is None:
            self.query_one(ReasonBar).say("That was so before; nothing was changed.")
            return
        self.query_one(ReasonBar).say(f"{count(len(ids), 'clip')} {what}   u takes it back", "✎", "$accent")
        self.post_message(ClipsRemarked(ids, action))
        self._clear_marks()
        self.load_now()
