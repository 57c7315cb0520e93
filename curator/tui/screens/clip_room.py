"""Finding in the review room: which clips the table shows, in which order, and how a person gets to one of them.

Separate from deciding, which is in `review`: what is here only reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa
from textual import on
from textual.binding import Binding
from textual.timer import Timer
from textual.widgets import Input, Static

from catalog.errors import CuratorError
from curator.policy import default_rules
from curator.tui.clip_words import SORTS, status_line
from curator.tui.screens.ask import Choose
from curator.tui.screens.room import Room
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import FilterLine
from curator.tui.widgets.reason_bar import ReasonBar

CALM_S = 1.5


FINDING: tuple[Binding, ...] = (
    Binding("n", "next_open", "Next open", tooltip="Go to the next clip without a verdict.", id="review.next"),
    Binding("slash", "filter", "Filter", tooltip="Show only some clips, as --where does.", id="review.filter"),
    Binding("s", "sort", "Sort", show=False, tooltip="Choose the order.", id="review.sort"),
    Binding("escape", "widen", "All", show=False, tooltip="Take filter and order away.", id="review.all"),
)
"""The keys of finding; the screen lists them after its own, which is the order of the footer."""


class ClipRoom(Room):
    """A room with a table of clips, a filter line, a status line and a line of words.

    The screen that inherits it composes them as `#clips`, `#filter`, `#review-status` and `#said`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rules = default_rules()
        self.where = ""
        self.sort = ""
        self.scope: tuple[str, str] | None = None
        self.problem = ""
        self._wrote_at = -1e9
        self._later: Timer | None = None

    # what is shown

    def show_recording(self, recording: str, name: str) -> None:
        """Show only one recording's clips."""
        self.scope = (recording, name)
        self.where = ""
        self._read_clips(None)

    def load(self) -> None:
        """Read the clips, but not under the hands of a person who is deciding."""
        if not self.home.ready:
            return
        if time.monotonic() - self._wrote_at < CALM_S:
            self._load_later()
        else:
            self.load_now()

    def _load_later(self) -> None:
        if self._later is not None:
            self._later.stop()
        self._later = self.set_timer(CALM_S, self.load)

    def load_now(self) -> None:
        """Read the clips at once, the cursor staying on its clip."""
        clip = self.query_one(ClipTable).current
        self._read_clips(clip["id"] if clip else None)

    def _read_clips(self, keep: str | None) -> None:
        conditions = [f"recording = '{self.scope[0]}'"] if self.scope else []
        conditions += [f"({self.where})"] if self.where else []
        where, sort = " AND ".join(conditions) or None, self.sort or None
        work = partial(self.store.clip_table, where=where, sort=sort, rules=self.rules)
        self.read("clips", work, partial(self._show, keep))

    def _show(self, keep: str | None, table: pa.Table) -> None:
        self.problem = ""
        self.query_one(ClipTable).show_table(table, keep=keep)
        self.draw_status()

    def read_failed(self, what: str, error: CuratorError) -> None:
        """A filter that is not one is said in the status line."""
        if what == "clips" and (self.where or self.sort):
            self.problem = str(error)
            self.draw_status()
        else:
            super().read_failed(what, error)

    def draw_status(self) -> None:
        """Say how many clips are shown and what chose them."""
        table = self.query_one(ClipTable)
        counts = table.verdict_counts()
        line = status_line(counts, self.scope[1] if self.scope else "", self.where, self._sort_words(), self.problem)
        self.query_one("#review-status", Static).update(line, layout=False)

    def _sort_words(self) -> str:
        return next((words for sort, words in SORTS if sort == self.sort and sort), self.sort)

    def keep_reading_away(self) -> None:
        """A verdict was just written: what is being read is old, and the next reading waits until the keys rest."""
        self._wrote_at = time.monotonic()
        if any(worker.group == "clips" and worker.node is self and worker.is_running for worker in self.app.workers):
            self.drop_readings("clips")
            self._load_later()

    # moving and choosing

    def action_next_open(self) -> None:
        """Go to the next clip without a verdict."""
        table = self.query_one(ClipTable)
        row = table.next_undecided()
        if row is None:
            self.query_one(ReasonBar).say("Every clip here has its verdict.", "✓", "$success")
        else:
            table.move_cursor(row=row)

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterLine).open(self.where)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.query_one(FilterLine).has_class("-open"):
            self._filter(event.value.strip())

    @on(FilterLine.Closed)
    def _filter_closed(self, event: FilterLine.Closed) -> None:
        self.query_one(ClipTable).focus()
        self._filter(event.text)

    def _filter(self, where: str) -> None:
        if where != self.where:
            self.where = where
            self.load_now()

    def action_widen(self) -> None:
        """Take the filter away, then the recording, then the order."""
        if self.where:
            self.where = ""
        elif self.scope:
            self.scope = None
        else:
            self.sort = ""
        self.load_now()

    def action_sort(self) -> None:
        """Ask for the order."""
        self.choose("Order", SORTS, self.sort, self._order)

    def _order(self, sort: str) -> None:
        self.sort = sort
        self.load_now()

    def choose(
        self, title: str, options: Sequence[tuple[str, str]], chosen: str | None, then: Callable[[str], None]
    ) -> None:
        """Ask for one of a few things; `then` hears of it unless the person leaves."""

        def answered(value: str | None) -> None:
            if value is not None:
                then(value)

        self.app.push_screen(Choose(title, options, chosen), answered)

    @on(ClipTable.HeaderSelected)
    def _heading_clicked(self, event: ClipTable.HeaderSelected) -> None:
        table = self.query_one(ClipTable)
        if table.clips is not None:
            field = table.clips.shown[event.column_index][0].field
            self._order(f"{field} DESC NULLS LAST" if self.sort == field else field)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to widen only what is narrowed."""
        if action == "widen":
            return bool(self.where or self.scope or self.sort)
        return True
