"""The room in which clips are decided: the table, the clip's sound and scores, and a key for every decision.

A verdict is handed to the one writer and is on disk before the next key is looked at; its mark appears only then. When
another process holds the catalogue the app waits a moment, then lets the keys go on, in order, behind the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from catalog.errors import CuratorError
from catalog.records import VerdictName
from catalog.store import Undone
from curator.tui.clip_words import COLOURS, clip_heading
from curator.tui.envelope import Envelope
from curator.tui.envelopes import Envelopes
from curator.tui.messages import VerdictConfirmed, VerdictTakenBack
from curator.tui.screens.clip_room import FINDING, ClipRoom
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import FilterLine
from curator.tui.widgets.reason_bar import REASONS, ReasonBar
from curator.tui.widgets.score_panel import ScorePanel
from curator.tui.widgets.waveform import Waveform
from curator.tui.words import MARKS, count, file_name, position

SOON_S = 0.1
PATIENCE_S = 1.0
SETTLE_S = 0.04


class ReviewScreen(ClipRoom):
    """Clips, one row each, and the one under the cursor in full."""

    ROOM = "review"
    CSS_PATH = "review.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", tooltip="Play the clip; again stops it.", id="review.play"),
        Binding("a", "decide('accepted')", "Accept", tooltip="Accept and go on.", id="review.accept"),
        Binding("r", "decide('rejected')", "Reject", tooltip="Reject and go on.", id="review.reject"),
        Binding("x", "decide('undecided')", "Clear", show=False, tooltip="Clear the verdict.", id="review.clear"),
        Binding("u", "turn('undo')", "Undo", tooltip="Take the last decision back.", id="review.undo"),
        Binding("U", "turn('redo')", "Redo", show=False, tooltip="Do again what was undone.", id="review.redo"),
        *FINDING,
        *(
            Binding(str(n), f"reason({n})", word, show=False, tooltip=f"The reason is: {word}.", id=f"review.why{n}")
            for n, word in enumerate(REASONS, start=1)
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._last_reject: tuple[str, int] | None = None
        self._reason_after: dict[int, int] = {}
        self._settle: Timer | None = None
        self._playhead: Timer | None = None
        self._heard = False
        self._envelopes: Envelopes | None = None

    def body(self) -> Iterable[Widget]:
        """Status and filter above, table and clip side by side or one over the other, the last word below."""
        yield Static(id="review-status", classes="line")
        yield FilterLine(id="filter")
        with Container(id="body"):
            yield ClipTable(id="clips")
            with Vertical(id="clip"):
                yield Static(id="clip-heading")
                yield Waveform(id="wave")
                yield ScorePanel(id="scores")
        yield ReasonBar(id="said")

    def on_mount(self) -> None:
        """Begin with the clips, not with the filter."""
        self.query_one(ClipTable).focus()
        self._playhead = self.set_interval(0.05, self._follow_sound, pause=True)

    # what is shown

    def read_failed(self, what: str, error: CuratorError) -> None:
        """A clip that cannot be heard is said in its place."""
        if what == "wave":
            self.query_one(Waveform).note = str(error)
        else:
            super().read_failed(what, error)

    @on(ClipTable.Moved)
    def _moved(self, event: ClipTable.Moved) -> None:
        self.home.player.stop()
        clip = event.clip
        self._draw_clip(clip)
        wave = self.query_one(Waveform)
        wave.envelope, wave.note = None, ""
        if self._settle is not None:
            self._settle.stop()
        if clip is not None:
            self._settle = self.set_timer(SETTLE_S, partial(self._read_wave, clip))

    def _draw_clip(self, clip: dict[str, Any] | None) -> None:
        self.query_one(ScorePanel).show(clip, self.rules)
        self.query_one("#clip-heading", Static).update(clip_heading(clip), layout=False)

    def _read_wave(self, clip: dict[str, Any]) -> None:
        envelopes = self._envelopes = self._envelopes or Envelopes(self.store)
        self.read("wave", partial(envelopes.of, clip), self._show_wave)

    def _show_wave(self, envelope: Envelope) -> None:
        self.query_one(Waveform).envelope = envelope

    # sound

    def action_play(self) -> None:
        """Play the clip under the cursor, or stop."""
        self._play_from(0.0)

    @on(Waveform.Sought)
    def _sought(self, event: Waveform.Sought) -> None:
        self.home.player.stop()
        self._play_from(event.seconds)

    def _play_from(self, seconds: float) -> None:
        clip = self.query_one(ClipTable).current
        if self.home.player.playing or clip is None:
            self.home.player.stop()
            return
        start = int(clip["start"]) + int(seconds * int(clip["sample_rate"]))
        self._offset_s, self._heard = seconds, False
        self.home.play(str(clip["path"]), start, int(clip["end"]))
        if self._playhead is not None:
            self._playhead.resume()

    def _follow_sound(self) -> None:
        player, wave = self.home.player, self.query_one(Waveform)
        if player.playing:
            self._heard = True
            wave.played_s = self._offset_s + player.position_s
        elif self._heard:
            wave.played_s = None
            if self._playhead is not None:
                self._playhead.pause()

    # decisions

    async def action_decide(self, verdict: VerdictName) -> None:
        """Give the clip under the cursor a verdict and go on to the next."""
        table = self.query_one(ClipTable)
        clip, row = table.current, table.cursor_row
        if clip is None:
            return
        confirm = partial(self._confirm, clip, verdict, ())
        await self._write(confirm, [clip["id"]], verdict, (), partial(table.mark_waiting, row))
        if verdict != "undecided" and table.cursor_row == row:
            table.action_cursor_down()

    async def action_reason(self, number: int) -> None:
        """Say why the clip that was just rejected was rejected."""
        if self._last_reject is None:
            return
        clip_id, rejected_by = self._last_reject
        reasons = (REASONS[number - 1],)

        def confirm(action: int) -> None:
            self._reason_after[rejected_by] = action
            self.query_one(ClipTable).mark({clip_id: "rejected"}, reasons)
            self.query_one(ReasonBar).say(f"rejected: {reasons[0]}", "✗", "$error")
            self.post_message(VerdictConfirmed((clip_id,), "rejected", reasons, action))

        await self._write(confirm, [clip_id], "rejected", reasons)

    async def _write(
        self,
        confirm: Callable[[int], None],
        clips: Sequence[str],
        verdict: VerdictName,
        reasons: Sequence[str],
        late: Callable[[], None] = lambda: None,
    ) -> None:
        decided = self.home.writer.submit(partial(self.store.decide, list(clips), verdict, list(reasons)))
        decided.add_done_callback(partial(self._written, confirm))
        await self._be_patient(decided, late)

    async def _be_patient(self, future: asyncio.Future[Any], late: Callable[[], None] = lambda: None) -> None:
        done, _ = await asyncio.wait({future}, timeout=SOON_S)
        if not done:
            late()
            done, _ = await asyncio.wait({future}, timeout=PATIENCE_S)
        if not done:
            self.query_one(ReasonBar).say("Another process holds the catalogue; decisions wait in order (…)")

    def _written(self, confirm: Callable[[int], None], future: asyncio.Future[int]) -> None:
        error = None if future.cancelled() else future.exception()
        if error is None:
            self._settle_write()
            confirm(future.result())
            self.draw_status()
            return
        self.query_one(ClipTable).forget_waiting()
        self.query_one(ReasonBar).say("Not decided.", "!", "$warning")
        if not isinstance(error, CuratorError):
            raise error
        self.home.complain(error)

    def _settle_write(self) -> None:
        self._last_reject = None
        self.keep_reading_away()

    def _confirm(self, clip: dict[str, Any], verdict: VerdictName, reasons: Sequence[str], action: int) -> None:
        self.query_one(ClipTable).mark({clip["id"]: verdict}, reasons)
        said = self.query_one(ReasonBar)
        if verdict == "rejected":
            self._last_reject = (clip["id"], action)
            said.ask()
        else:
            words = f"{verdict}: {file_name(clip['path'])} at {position(clip['start_s'])}   u takes it back"
            said.say(words, MARKS[verdict], COLOURS[verdict])
        if verdict == "undecided":
            self._draw_clip(self.query_one(ClipTable).current)
        self.post_message(VerdictConfirmed((clip["id"],), verdict, tuple(reasons), action))

    async def action_turn(self, kind: str) -> None:
        """Undo or redo one decision; a reason goes with the rejection that it was given for."""
        work = self.store.undo if kind == "undo" else self.store.redo
        turned = self.home.writer.submit(work)
        turned.add_done_callback(partial(self._turned, kind))
        await self._be_patient(turned)
        if not turned.done() or turned.exception() is not None or turned.result() is None:
            return
        action = turned.result().action  # type: ignore[union-attr]
        pairs = self._reason_after.values() if kind == "undo" else self._reason_after.keys()
        if action in pairs:
            second = self.home.writer.submit(work)
            second.add_done_callback(partial(self._turned, kind))
            await self._be_patient(second)

    def _turned(self, kind: str, future: asyncio.Future[Undone | None]) -> None:
        error = None if future.cancelled() else future.exception()
        said = self.query_one(ReasonBar)
        if error is not None:
            if not isinstance(error, CuratorError):
                raise error
            self.home.complain(error)
            return
        undone = future.result()
        self._settle_write()
        if undone is None:
            said.say(f"Nothing to {kind}.")
            return
        table = self.query_one(ClipTable)
        table.mark(dict(zip(undone.clips, undone.after, strict=True)))
        row = table.row_of(undone.clips[0]) if undone.clips else None
        if row is not None:
            table.move_cursor(row=row)
        self._draw_clip(table.current)
        after = undone.after[0] if len(set(undone.after)) == 1 else "as before"
        done = "Undone" if kind == "undo" else "Done again"
        said.say(f"{done}: {count(len(undone.clips), 'clip')} {after}", MARKS.get(after, "·"), COLOURS.get(after, ""))
        self.post_message(VerdictTakenBack(undone.clips, undone.after, kind))
        self.draw_status()
        self._load_later()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Digits are reasons only right after a rejection; otherwise they change the room."""
        if action == "reason":
            return self._last_reject is not None and self.query_one(ReasonBar).asking
        return super().check_action(action, parameters)
