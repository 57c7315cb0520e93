"""The list of what the converter has made and is making, and hearing one result against another.

Separate from the form, because comparing knows nothing of how a conversion is asked for: B is the result under the
cursor, A the one that was marked or else the file both were made of, and one key goes from one to the other at the same
place of the file.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Static

from catalog import audio
from curator.tui.job_view import JobView
from curator.tui.results import Result, comparison, listed, remove, row_of, row_of_job
from curator.tui.screens.room import Room
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.words import count

COLUMNS = (
    ListColumn("mark", "", 1),
    ListColumn("input", "file", 0),
    ListColumn("model", "model", 12),
    ListColumn("transpose", "pitch", 5, right=True, from_width=56),
    ListColumn("settings", "settings", 0, from_width=60),
    ListColumn("length", "length", 7, right=True),
    ListColumn("when", "made", 16, from_width=96),
)
JOB = "job:"
LOOK_EVERY_S = 0.25
SILENT_LOOKS = 4
"""A sound takes a moment to begin: after so many looks at silence it is over."""
Side = Literal["A", "B"]


class ComparingRoom(Room):
    """Results in a list with `id` results, and what is compared in a line or more with `id` heard."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "play", "Hear", tooltip="Play the result; again stops it.", id="convert.play"),
        Binding("b", "other", "A/B", tooltip="Go on in the other: the marked result, or the file.", id="convert.other"),
        Binding(
            "m", "mark", "Mark A", tooltip="Compare others with it; again: the file.", show=False, id="convert.mark"
        ),
        Binding("o", "original", "Original", tooltip="Play what it was made of.", show=False, id="convert.original"),
        Binding("x", "stop", "Stop", tooltip="Stop this job, or take it out of the queue.", id="convert.stop"),
        Binding("d,delete", "drop", "Remove", tooltip="Remove this grid or preview.", show=False, id="convert.drop"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[str, Result] = {}
        self.running: dict[str, JobView] = {}
        self.marked: str | None = None
        """The result that is A; None for the file."""
        self.sounding: Side | None = None
        self._began_s = 0.0
        """Where in the file the sound began."""
        self._silent = 0
        """Looks since the sound was heard last."""

    def on_mount(self) -> None:
        """Follow the sound to its end."""
        self.set_interval(LOOK_EVERY_S, self._follow_sound)

    # the list

    def fill_list(self) -> None:
        """Show the jobs at work above what there is to hear."""
        rows: dict[str, Row] = {JOB + key: row_of_job(view) for key, view in reversed(self.running.items())}
        rows |= {key: row_of(result, "A" if key == self.marked else "") for key, result in self.results.items()}
        self.query_one("#results", Listing).fill(rows)
        parts = [count(len(self.results), "result")] if self.results else []
        parts += [f"{len(self.running)} at work or waiting"] if self.running else []
        title = ", ".join(parts) or "No results yet: fill in the form, then ^s"
        self.query_one("#results-title", Static).update(title)

    def jobs_moved(self, views: tuple[JobView, ...]) -> None:
        """Show how far each conversion is."""
        running = {view.id: view for view in listed(views)}
        if running != self.running:
            self.running = running
            self.fill_list()
            self.refresh_bindings()

    def under_cursor(self) -> Result | None:
        """The result that the cursor is on."""
        return self.results.get(self.query_one("#results", Listing).key or "")

    def job_under_cursor(self) -> JobView | None:
        """The job that the cursor is on."""
        key = self.query_one("#results", Listing).key or ""
        return self.running.get(key.removeprefix(JOB)) if key.startswith(JOB) else None

    @on(Listing.Moved, "#results")
    def _moved(self, event: Listing.Moved) -> None:
        self._show_heard()
        self.refresh_bindings()

    @on(Listing.Opened, "#results")
    def _opened(self) -> None:
        self.action_play()

    def action_stop(self) -> None:
        """Stop the job under the cursor."""
        view = self.job_under_cursor()
        if view is not None:
            self.home.stop_job(view.id)

    def action_drop(self) -> None:
        """Remove the grid or preview under the cursor."""
        result = self.under_cursor()
        if result is not None and result.job is not None:
            self.read("drop", partial(remove, self.library, result), lambda _: self.load())

    # hearing

    def action_mark(self) -> None:
        """Compare others with the result under the cursor; once more, with the file again."""
        result = self.under_cursor()
        if result is not None:
            self.marked = None if self.marked == result.key else result.key
            self.fill_list()
            self._show_heard()

    def action_play(self) -> None:
        """Play the result under the cursor, or stop."""
        self._play_or_stop("B")

    def action_original(self) -> None:
        """Play what the result was made of, or stop."""
        result = self.under_cursor()
        if self.home.player.playing:
            self.home.player.stop()
        elif result is not None:
            self.play(result, None, result.starts_s)

    def _play_or_stop(self, side: Side) -> None:
        result = self.under_cursor()
        if self.home.player.playing:
            self.home.player.stop()
        elif result is not None:
            self.play_side(side, result.starts_s)

    def action_other(self) -> None:
        """Go on in the other one where this one is, or begin with B."""
        result = self.under_cursor()
        if result is None:
            return
        if self.sounding is None or not self.home.player.playing:
            self.play_side("B", result.starts_s)
        else:
            at_s = self._began_s + self.home.player.position_s
            self.play_side("A" if self.sounding == "B" else "B", at_s)

    def play_side(self, side: Side, at_s: float) -> None:
        """Play one side of the comparison from a place in the file on."""
        result = self.under_cursor()
        if result is not None:
            self.play(result, self.results.get(self.marked or "") if side == "A" else result, at_s)

    def play(self, result: Result, sound: Result | None, at_s: float) -> None:
        """Play `sound`, None for the file that `result` was made of, from `at_s` in that file on, and no further than
        the stretch that `result` is of."""
        path, begins_s = (result.input, 0.0) if sound is None else (sound.output, sound.starts_s)
        excerpt = result.kind == "try"
        end_s = result.starts_s + (result.seconds or 0.0) - begins_s if excerpt else None
        from_s = max(0.0, at_s - begins_s)
        side: Side = "B" if sound is result else "A"

        def sounds(span: tuple[int, int | None]) -> None:
            self.sounding, self._began_s, self._silent = side, begins_s + from_s, 0
            self._show_heard()
            self.home.play(path, *span)

        self.read("sound", partial(in_samples, path, from_s, end_s), sounds)

    def _follow_sound(self) -> None:
        """Take the mark from what is heard no longer, or cannot be heard on this machine."""
        if self.sounding is None:
            return
        self._silent = 0 if self.home.player.playing else self._silent + 1
        if self._silent > SILENT_LOOKS:
            self.sounding = None
            self._show_heard()

    def _show_heard(self) -> None:
        words, result = self.query_one("#heard", Static), self.under_cursor()
        words.set_class(result is not None, "-some")
        if result is not None:
            marked = self.results.get(self.marked or "")
            words.update(comparison(result, marked, self.sounding or "", self.query_one("#results").size.width - 2))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what the row under the cursor has, while the list has the keys."""
        if not self.is_mounted:
            return True
        result = self.under_cursor() if isinstance(self.focused, Listing) else None
        if action in ("play", "original", "other", "mark"):
            return result is not None
        if action == "drop":
            return result is not None and result.job is not None
        if action == "stop":
            return isinstance(self.focused, Listing) and self.job_under_cursor() is not None
        return True


def in_samples(path: str, start_s: float, end_s: float | None) -> tuple[int, int | None]:
    """A stretch of a file in samples at its own rate; raises BadAudio for one that cannot be read."""
    rate = audio.probe(path).sample_rate
    return round(start_s * rate), None if end_s is None else round(end_s * rate)
