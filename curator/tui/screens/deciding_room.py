"""Deciding in the review room: verdicts with their reasons, marks to decide about many clips at once, undo and redo.

A verdict is handed to the one writer and is on disk before the next key is looked at; its mark appears only then. When
that takes long, the app waits a moment, then lets the keys go on, in order, behind the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
from textual.binding import Binding

from catalog.errors import CuratorError
from catalog.records import VerdictName
from catalog.store import Undone
from curator.tui.clip_words import COLOURS, turned_words
from curator.tui.journaling import Decision, Journaling
from curator.tui.messages import VerdictConfirmed, VerdictTakenBack
from curator.tui.screens.ask import Confirm
from curator.tui.screens.hearing_room import HearingRoom
from curator.tui.screens.takes import TakesScreen
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.reason_bar import REASONS, ReasonBar
from curator.words import MARKS, count, file_name, position

SOON_S = 0.1
PATIENCE_S = 1.0
ASK_FROM = 20
"""So many clips are not decided by one key without a question."""
FEW = 50
"""Up to so many rows are marked one by one; more are read again."""
IMPERATIVE = {"accepted": "Accept", "rejected": "Reject", "undecided": "Clear"}
Result = TypeVar("Result")

DECIDING: tuple[Binding, ...] = (
    Binding("a", "decide('accepted')", "Accept", tooltip="Accept and go on.", id="review.accept"),
    Binding("r", "decide('rejected')", "Reject", tooltip="Reject and go on; a digit says why.", id="review.reject"),
    Binding("x", "decide('undecided')", "Clear", show=False, tooltip="Clear the verdict.", id="review.clear"),
    Binding("u", "turn('undo')", "Undo", tooltip="Take back what was done last.", id="review.undo"),
    Binding("U,ctrl+r", "turn('redo')", "Redo", show=False, tooltip="Do again what was undone.", id="review.redo"),
    Binding("m", "mark", "Mark", show=False, tooltip="Mark the clip, or take its mark away; go on.", id="review.mark"),
    Binding("v", "range", "Range", show=False, tooltip="Mark from here on, until v again.", id="review.range"),
    Binding("D", "takes", "Takes", show=False, tooltip="Takes that repeat this clip, side by side.", id="review.takes"),
    Binding("asterisk", "mark_all", "Mark all", show=False, tooltip="Mark all shown, or none.", id="review.mark_all"),
    *(
        Binding(str(n), f"reason({n})", word, show=False, tooltip=f"The reason is: {word}.", id=f"review.why{n}")
        for n, word in enumerate(REASONS, start=1)
    ),
)
"""The keys of deciding."""


class DecidingRoom(HearingRoom):
    """A room in which clips get verdicts; the screen that inherits it composes a line of words `#said`."""

    def __init__(self) -> None:
        super().__init__()
        self._journaling: Journaling | None = None
        self._last_reject: Decision | None = None
        """What a digit would be the reason for; it may still be on its way to disk."""
        self._range: tuple[int, np.ndarray] | None = None
        """While a range is drawn: the row where it began, and the marks before it."""

    @property
    def journaling(self) -> Journaling:
        """What writes to the journal; used in the writer's thread only."""
        self._journaling = self._journaling or Journaling(self.store)
        return self._journaling

    # verdicts

    async def action_decide(self, verdict: VerdictName) -> None:
        """Give the marked clips, or the one under the cursor, a verdict; after a single one go on to the next."""
        table = self.query_one(ClipTable)
        marked = table.marked_ids()
        if not marked:
            await self._decide_one(verdict)
        elif len(marked) < ASK_FROM:
            await self._decide_marked(marked, verdict)
        else:
            question = f"{IMPERATIVE[verdict]} {count(len(marked), 'clip')}? One press of u takes it back."
            asked = partial(self._many_answered, marked, verdict)
            self.app.push_screen(Confirm(question, IMPERATIVE[verdict]), asked)

    def _many_answered(self, marked: list[str], verdict: VerdictName, answer: bool | None) -> None:
        if answer:
            self.run_worker(self._decide_marked(marked, verdict), group="decide", exit_on_error=False)

    async def _decide_one(self, verdict: VerdictName) -> None:
        table = self.query_one(ClipTable)
        clip, row = table.current, table.cursor_row
        if clip is None:
            return
        decision = Decision([clip["id"]], verdict)
        await self._decide(decision, partial(self._one_decided, clip), partial(table.mark_waiting, row))
        if verdict != "undecided" and table.cursor_row == row:
            table.action_cursor_down()

    async def _decide_marked(self, marked: list[str], verdict: VerdictName) -> None:
        await self._decide(Decision(marked, verdict), self._many_decided)

    async def _decide(
        self, decision: Decision, confirm: Callable[[Decision], None], late: Callable[[], None] = lambda: None
    ) -> None:
        in_time = await self.write(partial(self.journaling.decide, decision), confirm, late)
        if not in_time and decision.verdict == "rejected":
            self._ask_why(decision)

    def _ask_why(self, rejection: Decision) -> None:
        self._last_reject = rejection
        self.query_one(ReasonBar).ask(len(rejection.clips))

    def _one_decided(self, clip: dict[str, Any], decision: Decision) -> None:
        verdict = decision.verdict
        self.query_one(ClipTable).mark(dict.fromkeys(decision.clips, verdict), ())
        if verdict == "rejected":
            self._ask_why(decision)
        else:
            words = f"{verdict}: {file_name(clip['path'])} at {position(clip['start_s'])}   u takes it back"
            self.query_one(ReasonBar).say(words, MARKS[verdict], COLOURS[verdict])
        if verdict == "undecided":
            self.draw_clip(self.current)
        self._post_confirmed(decision)

    def _many_decided(self, decision: Decision) -> None:
        table, verdict = self.query_one(ClipTable), decision.verdict
        if table.clips is not None and table.clips.marked.any():
            table.decide_marked(verdict, ())
        else:
            self.show_verdicts(dict.fromkeys(decision.clips, verdict))
        self._clear_marks()
        if verdict == "rejected":
            self._ask_why(decision)
        else:
            words = f"{count(len(decision.clips), 'clip')} {verdict}   u takes it back"
            self.query_one(ReasonBar).say(words, MARKS[verdict], COLOURS[verdict])
        self.draw_clip(self.current)
        self._post_confirmed(decision)

    def _post_confirmed(self, decision: Decision) -> None:
        assert decision.action is not None
        self.post_message(VerdictConfirmed(decision.clips, decision.verdict, decision.reasons, decision.action))

    def show_verdicts(self, verdicts: dict[str, str], reasons: Sequence[str] = ()) -> None:
        """Show confirmed verdicts: a few at once, many by reading the table again."""
        if len(verdicts) <= FEW:
            self.query_one(ClipTable).mark(verdicts, reasons)
        else:
            self.load_now()

    async def action_reason(self, number: int) -> None:
        """Say why what was just rejected was rejected."""
        if self._last_reject is not None:
            work = partial(self.journaling.explain, self._last_reject, REASONS[number - 1])
            await self.write(work, self._explained)

    def _explained(self, why: Decision) -> None:
        self.show_verdicts(dict.fromkeys(why.clips, "rejected"), why.reasons)
        some = "" if len(why.clips) == 1 else f"{count(len(why.clips), 'clip')} "
        self.query_one(ReasonBar).say(f"{some}rejected: {why.reasons[0]}", MARKS["rejected"], COLOURS["rejected"])
        self._post_confirmed(why)

    # takes

    def action_takes(self) -> None:
        """Show the takes that repeat this clip side by side."""
        clip = self.current
        if clip is None or not clip.get("duplicate_group"):
            self.query_one(ReasonBar).say("No other clip repeats this one.")
            return
        self._stop()
        self.app.push_screen(TakesScreen(clip, self.rules, self.pictures), self._take_kept)

    async def _take_kept(self, verdicts: dict[str, VerdictName] | None) -> None:
        from curator.learning import COMPARED

        if verdicts:
            work = partial(self.journaling.decide_each, verdicts, COMPARED)
            await self.write(work, partial(self._takes_decided, COMPARED))

    def _takes_decided(self, reason: str, decided: tuple[dict[str, VerdictName], int]) -> None:
        verdicts, action = decided
        self.show_verdicts(dict(verdicts), (reason,))
        self.draw_clip(self.current)
        rejected = [clip for clip, verdict in verdicts.items() if verdict == "rejected"]
        words = f"1 take kept, {len(rejected):,} rejected: {reason}   u takes it back"
        self.query_one(ReasonBar).say(words, MARKS["accepted"], COLOURS["accepted"])
        self.post_message(VerdictConfirmed(tuple(rejected), "rejected", (reason,), action))

    # writing in turn

    async def write(
        self, work: Callable[[], Result], confirm: Callable[[Result], None], late: Callable[[], None] = lambda: None
    ) -> bool:
        """Hand work to the writer, and wait a moment; whether it was done by then.

        `confirm` hears of it when it is on disk, `late` when that takes a while.
        """
        done = self.home.writer.submit(work)
        done.add_done_callback(partial(self._written, confirm))
        in_time, _ = await asyncio.wait({done}, timeout=SOON_S)
        if not in_time:
            late()
            in_time, _ = await asyncio.wait({done}, timeout=PATIENCE_S)
        if not in_time:
            self._last_reject = None
            self.query_one(ReasonBar).say("The catalogue is busy; your keys wait in order (…)")
        return bool(in_time)

    def _written(self, confirm: Callable[[Any], None], future: asyncio.Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if not self.is_attached:
            # The app is closing: what was written is on disk, and there is nothing left to show it on.
            return
        if error is None:
            self._settle_write()
            confirm(future.result())
            self.draw_status()
            return
        self.query_one(ClipTable).forget_waiting()
        self.query_one(ReasonBar).say("Nothing was changed.", "!", "$warning")
        if not isinstance(error, CuratorError):
            raise error
        self.home.complain(error)

    def _settle_write(self) -> None:
        self._last_reject = None
        self.keep_reading_away()

    # undo and redo

    async def action_turn(self, kind: Literal["undo", "redo"]) -> None:
        """Undo or redo one action; a reason goes with the rejection that it was given for."""
        await self.write(partial(self.journaling.turn, kind), partial(self._turned, kind))

    def _turned(self, kind: str, turned: tuple[Undone, ...]) -> None:
        said = self.query_one(ReasonBar)
        if not turned:
            said.say(f"Nothing to {kind}.")
        for undone in turned:
            self._show_turned(undone)
            words, mark, colour = turned_words(undone)
            said.say(words, mark, colour)
            self.post_message(VerdictTakenBack(undone.clips, undone.after, kind, undone.shown, undone.hidden))

    def _show_turned(self, undone: Undone) -> None:
        """Go to what was undone; verdicts of a few clips are shown at once, anything else is read again."""
        table = self.query_one(ClipTable)
        touched = [*undone.shown, *undone.clips, *undone.remarked]
        row = table.row_of(touched[0]) if touched else None
        if row is not None:
            table.move_cursor(row=row)
        if undone.shown or undone.hidden or undone.remarked or len(undone.clips) > FEW:
            self._read_clips(touched[0] if touched else None)
            return
        table.mark(dict(zip(undone.clips, undone.after, strict=True)))
        self.draw_clip(table.current)
        self._load_later()

    # marks

    def action_mark(self) -> None:
        """Mark the clip under the cursor, or take its mark away, and go on."""
        table = self.query_one(ClipTable)
        if table.clips is None or not table.clips.row_count:
            return
        self._range = None
        marked = table.clips.marked.copy()
        marked[table.cursor_row] = not marked[table.cursor_row]
        table.set_marks(marked)
        self._say_marks()
        table.action_cursor_down()

    def action_range(self) -> None:
        """Begin a range at the cursor, or end the one that was begun."""
        table = self.query_one(ClipTable)
        if self._range is not None:
            self._range = None
            self._say_marks()
        elif table.clips is not None and table.clips.row_count:
            self._range = (table.cursor_row, table.clips.marked.copy())
            self.stretch_range()

    def stretch_range(self) -> None:
        """Let the range that is being drawn reach to the cursor."""
        table = self.query_one(ClipTable)
        if self._range is None or table.clips is None or self._range[1].size != table.clips.row_count:
            self._range = None
            return
        first, last = sorted((self._range[0], table.cursor_row))
        marked = self._range[1].copy()
        marked[first : last + 1] = True
        table.set_marks(marked)
        self._say_marks("range: ")

    def action_mark_all(self) -> None:
        """Mark all clips that the filter shows, or none when all are marked."""
        table = self.query_one(ClipTable)
        if table.clips is not None:
            self._range = None
            table.set_marks(np.full(table.clips.row_count, not table.clips.marked.all()))
            self._say_marks()

    def _clear_marks(self) -> None:
        self._range = None
        table = self.query_one(ClipTable)
        if table.clips is not None and table.clips.marked.any():
            table.set_marks(np.zeros(table.clips.row_count, bool))

    def _say_marks(self, before: str = "") -> None:
        clips = self.query_one(ClipTable).clips
        number = int(clips.marked.sum()) if clips is not None else 0
        words = f"{before}{count(number, 'clip')} marked   a accepts, r rejects, x clears; esc takes the marks away"
        self.query_one(ReasonBar).say(words if number else "No clip is marked.", "▌" if number else "", "$accent")

    def action_widen(self) -> None:
        """Take the marks away, then what narrows the table."""
        clips = self.query_one(ClipTable).clips
        if clips is not None and clips.marked.any():
            self._clear_marks()
            self._say_marks()
        else:
            super().action_widen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Digits are reasons only right after a rejection; otherwise they change the room."""
        if action == "reason":
            return self._last_reject is not None and self.query_one(ReasonBar).asking
        if action == "widen":
            clips = self.query_one(ClipTable).clips if self.is_mounted else None
            if clips is not None and clips.marked.any():
                return True
        return super().check_action(action, parameters)
