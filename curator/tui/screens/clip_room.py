"""Finding in the review room: which clips the table shows, in which order, and how a person gets to one of them.

Separate from deciding, which is in `review`: what is here only reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from catalog.errors import CuratorError
from catalog.filters import NAMES
from catalog.judgement import Judgement
from catalog.saved_filters import SavedFilter
from curator.policy import default_rules, policy_of
from curator.tui.clip_words import SORTS, status_line
from curator.tui.learner import learn_from
from curator.tui.messages import RecordingSought, VerdictConfirmed
from curator.tui.screens.ask import Choose
from curator.tui.screens.learned import LearnedScreen
from curator.tui.screens.pick import Choice, Pick
from curator.tui.screens.room import Room
from curator.tui.screens.save import SaveForm
from curator.tui.views import View, views
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import VALUES, FilterLine
from curator.tui.widgets.reason_bar import ReasonBar
from curator.words import one_line

CALM_S = 1.5
TYPING_S = 0.12
LEARN_EVERY = 10
NO_ORDER = frozenset(("reasons", "tags", "suggestion_reasons", "suggestion_scores", "places"))


FINDING: tuple[Binding, ...] = (
    Binding("n", "next_open", "Next", show=False, tooltip="Go to the next clip without a verdict.", id="review.next"),
    Binding("slash", "filter", "Filter", tooltip="Show only some clips, as --where does.", id="review.filter"),
    Binding("o", "views", "Views", tooltip="Worst first, most doubtful first, your own.", id="review.views"),
    Binding("s", "sort", "Sort", show=False, tooltip="Choose the order, by any field.", id="review.sort"),
    Binding("f", "find", "Find", show=False, tooltip="Find a recording by some letters of its name.", id="review.find"),
    Binding(
        "left_curly_bracket",
        "recording(-1)",
        "Recording before",
        show=False,
        tooltip="Go to the first clip of the recording before.",
        id="review.recording_before",
    ),
    Binding(
        "right_curly_bracket",
        "recording(1)",
        "Next recording",
        show=False,
        tooltip="Go to the first clip of the next recording.",
        id="review.next_recording",
    ),
    Binding(
        "L",
        "learned",
        "Learned",
        show=False,
        tooltip="What was learned from your decisions, how right it is, and what it would decide.",
        id="review.learned",
    ),
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
        self.judgement: Judgement | None = None
        self._said_of_rules = ""
        self._learned_at = 0
        self._decided = 0
        self.where = ""
        self.sort = ""
        self.scope: tuple[str, str] | None = None
        self.problem = ""
        self._wrote_at = -1e9
        self._later: Timer | None = None
        self._typing: Timer | None = None
        self._lesson: Timer | None = None

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Views, orders and what was learned."""
        yield "Views", "Worst first, most doubtful first, saved ones", self.action_views
        yield "Learned", "What was learned from your decisions", self.action_learned
        yield "Order", "By any score or field", self.action_sort

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
        self._read_rules()
        if time.monotonic() - self._wrote_at < CALM_S:
            self._load_later()
        else:
            self.load_now()

    def _read_rules(self) -> None:
        """The library's own limits; with a mistake in their file the usual ones hold, and the mistake is said once."""
        try:
            self.rules = policy_of(self.library).rules
        except CuratorError as error:
            if str(error) != self._said_of_rules:
                self.home.complain(error)
            self._said_of_rules = str(error)

    def _load_later(self) -> None:
        if self._later is not None:
            self._later.stop()
        self._later = self.set_timer(CALM_S, self.load)

    def load_now(self) -> None:
        """Read the clips at once, the cursor staying on its clip."""
        clip = self.query_one(ClipTable).current
        self._read_clips(clip["id"] if clip else None)

    def _read_clips(self, keep: str | None, *, top: bool = False) -> None:
        where = [f"recording = '{self.scope[0]}'"] if self.scope else []
        where += [self.where] if self.where else []
        self.read("clips", partial(self._clips_and_judgement, where, self.sort or None), partial(self._show, keep, top))

    def _clips_and_judgement(self, where: Sequence[str], sort: str | None) -> tuple[pa.Table, Judgement | None]:
        return self.store.clip_table(where=where, sort=sort, rules=self.rules), self.store.judgement()

    def _show(self, keep: str | None, top: bool, found: tuple[pa.Table, Judgement | None]) -> None:
        table, self.judgement = found
        self.problem = ""
        shown = self.query_one(ClipTable)
        shown.show_table(table, keep=keep)
        if top:
            shown.action_first()
        self.draw_status()

    def read_failed(self, what: str, error: CuratorError) -> None:
        """A filter that is not one is said in the status line."""
        if what == "clips" and (self.where or self.sort):
            line = self.query_one(FilterLine)
            unfinished = line.has_class("-open") and line.completions.found
            self.problem = "" if unfinished else str(error)
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
        line = self.query_one(FilterLine)
        line.values = {**VALUES, "speaker": speakers_of(self.query_one(ClipTable))}
        line.open(self.where)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING_S, self._filter_as_typed)

    def _filter_as_typed(self) -> None:
        line = self.query_one(FilterLine)
        if line.has_class("-open"):
            self._filter(line.value.strip())

    @on(FilterLine.SaveWanted)
    def _save_wanted(self, event: FilterLine.SaveWanted) -> None:
        self.app.push_screen(SaveForm(), partial(self._save, event.text))

    def _save(self, where: str, name: str | None) -> None:
        if name:
            saved = SavedFilter(name, where, self.sort)
            self.home.write_then(lambda store: store.save_filter(saved), lambda _: self.home.say(f"Saved: {name}"))

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
        """Ask for the order: some that answer a question, then every field both ways."""
        every = [
            (f"{field}{way}", f"{field}  {words}")
            for field in NAMES
            if field not in NO_ORDER
            for way, words in ((" NULLS LAST", "rising"), (" DESC NULLS LAST", "falling"))
        ]
        choices = [Choice(sort, words, sort) for sort, words in [*SORTS, *every]]
        self.app.push_screen(Pick("Order", choices), self._ordered)

    def _ordered(self, sort: str | None) -> None:
        if sort is not None:
            self._order(sort)

    def _order(self, sort: str) -> None:
        self.sort = sort
        self.load_now()

    def choose(
        self,
        title: str,
        options: Sequence[tuple[str, str | Content]],
        chosen: str | None,
        then: Callable[[str], None],
        drop: Callable[[str], None] | None = None,
    ) -> None:
        """Ask for one of a few things; `then` hears of it unless the person leaves, `drop` of one to be removed."""

        def answered(value: str | None) -> None:
            if value is not None:
                then(value)

        self.app.push_screen(Choose(title, options, chosen, drop), answered)

    def action_views(self) -> None:
        """Ask which clips are to be looked at."""
        self.read("saved filters", self.store.saved_filters, self._views)

    def _views(self, saved: list[SavedFilter]) -> None:
        offered = views(self.rules, learned=self.judgement is not None, saved=saved)
        options = [
            (str(number), Content.assemble(f"{one_line(view.name):<24}", (view.meaning, "$foreground 60%")))
            for number, view in enumerate(offered)
        ]

        def chosen(number: str) -> None:
            self.show_view(offered[int(number)])

        def drop(number: str) -> None:
            view = offered[int(number)]
            if view.meaning == "saved":
                self.home.write_then(
                    lambda store: store.remove_filter(view.name), lambda _: self.home.say(f"Removed: {view.name}")
                )

        self.choose("Views", options, None, chosen, drop)

    def show_view(self, view: View) -> None:
        """Show the clips of a view, from its first one."""
        self.where, self.sort, self.scope = view.where, view.sort, None
        self._read_clips(None, top=True)

    def action_find(self) -> None:
        """Find a recording."""
        self.post_message(RecordingSought())

    def action_recording(self, by: int) -> None:
        """Go to the first clip of the recording before or after this one in the table."""
        table = self.query_one(ClipTable)
        row = other_recording(table, by)
        if row is None:
            self.query_one(ReasonBar).say("There is no other recording that way.")
        else:
            table.move_cursor(row=row)

    # learning

    def action_learned(self) -> None:
        """Show what was learned."""
        self.app.push_screen(LearnedScreen(self.query_one(ClipTable).current), self._learned_closed)

    def _learned_closed(self, view: View | None) -> None:
        if view is not None:
            self.show_view(view)
        else:
            self.load_now()

    @on(VerdictConfirmed)
    def _learn_again(self, event: VerdictConfirmed) -> None:
        self._decided += len(event.clips)
        self._learn_when_calm()

    def _learn_when_calm(self) -> None:
        """Learn once the keys rest: on a large library it takes half a second and a copy of all clips."""
        if self._lesson is not None:
            self._lesson.stop()
        due = self.home.settings.on("learn") and self._decided - self._learned_at >= LEARN_EVERY
        self._lesson = self.set_timer(CALM_S, self._learn) if due else None

    def _learn(self) -> None:
        if any(worker.group == "learning" and worker.is_running for worker in self.app.workers):
            self._learn_when_calm()
            return
        self._learned_at = self._decided
        self.read("learning", partial(learn_from, self.store, self.home.writer), self._learned_anew)

    def _learned_anew(self, judgement: Judgement | None) -> None:
        if judgement is not None:
            if self.judgement is None:
                self.home.say("Learned from your decisions: L shows what, o orders by doubt.")
            self.judgement = judgement
            self._load_later()

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


def speakers_of(table: ClipTable) -> list[str]:
    """The speakers of the clips that are shown."""
    return sorted(table.clips.data["speaker"].unique().to_pylist()) if table.clips is not None else []


def other_recording(table: ClipTable, by: int) -> int | None:
    """The row where the recording before or after the cursor's begins in the table; None when there is none."""
    if table.clips is None or not table.clips.row_count:
        return None
    place = table.clips.data["recording"].combine_chunks().dictionary_encode().indices.to_numpy()
    begins = np.flatnonzero(np.append(True, place[1:] != place[:-1]))
    here = int(np.searchsorted(begins, table.cursor_row, side="right")) - 1
    if by > 0:
        return int(begins[here + 1]) if here + 1 < begins.size else None
    if table.cursor_row > begins[here]:
        return int(begins[here])
    return int(begins[here - 1]) if here else None
