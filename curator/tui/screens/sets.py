"""The room of sets: what has been frozen, and freezing what is accepted now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from catalog import sets
from catalog.errors import BadRequest
from catalog.jobs import Job
from catalog.names import check_name
from catalog.records import SetInfo
from catalog.sets import SetManifest
from curator.launch import start_freeze
from curator.tui.screens.ask import Form
from curator.tui.screens.room import Room
from curator.tui.widgets.facts import Facts
from curator.tui.widgets.field import Field
from curator.tui.widgets.filter_line import NameSuggester
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.tui.words import clock, count, day, number, one_line, short_id

ACCEPTED = "verdict = 'accepted'"
COLUMNS = (
    ListColumn("name", "set", 0),
    ListColumn("clips", "clips", 6, right=True),
    ListColumn("length", "length", 8, right=True),
    ListColumn("speakers", "speakers", 18),
    ListColumn("created", "frozen", 10),
)


@dataclass(frozen=True)
class Freeze:
    """What is to be frozen."""

    name: str
    where: str | None


class FreezeForm(Form[Freeze]):
    """Asks for the set's name and, if only some clips are meant, a filter."""

    TITLE_TEXT = "Freeze a set"
    BUTTON = "Freeze"

    def __init__(self, ready: str) -> None:
        super().__init__()
        self.ready = ready

    def words(self) -> str:
        """What is ready, and what freezing means."""
        return f"{self.ready}\nA set never changes: its clips are copied as FLAC and hashed."

    def fields(self) -> Sequence[Field]:
        """Name and filter."""
        only = Input(placeholder="every accepted clip", suggester=NameSuggester(), id="where", compact=True)
        only.add_class("-optional")
        return [
            Field("Name", Input(placeholder="first", id="name", compact=True), "a folder of this name"),
            Field("Only", only, "such as speaker = 'Ada'"),
        ]

    def answer(self) -> Freeze:
        """A name that can be a folder, and the filter if any."""
        name = self.query_one("#name", Input).value.strip()
        if not name:
            raise BadRequest("Give the set a name")
        return Freeze(check_name("set", name), self.query_one("#where", Input).value.strip() or None)


@dataclass(frozen=True)
class _Shelf:
    """What this room shows."""

    sets: tuple[SetInfo, ...]
    ready: Mapping[str, tuple[int, float]]
    """Accepted clips and seconds, by speaker."""
    models: Mapping[str, tuple[str, ...]]
    """Models trained on a set, by its name."""


class SetsScreen(Room):
    """Frozen sets, one row each."""

    ROOM = "sets"
    CSS_PATH = "two_panes.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "freeze", "Freeze accepted", tooltip="Freeze the accepted clips as a new set.", id="sets.freeze"),
        Binding("t,enter", "train", "Train on it", tooltip="Train a model on this set.", id="sets.train"),
        Binding("v", "verify", "Verify", tooltip="Check the set's files against their hashes.", id="sets.verify"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.shelf: _Shelf | None = None

    def body(self) -> Iterable[Widget]:
        """The list and what is in the set under the cursor."""
        yield Static(id="totals", classes="line")
        with Container(id="body"):
            yield Listing(COLUMNS, id="sets")
            with Vertical(id="facts"):
                yield Facts(id="fact-words")

    def load(self) -> None:
        """Read sets and accepted clips."""
        if self.home.ready:
            self.read("sets", self._shelf, self._show)

    def _shelf(self) -> _Shelf:
        accepted = self.store.clip_table(where=ACCEPTED).select(["speaker", "duration_s"]).to_pylist()
        ready: dict[str, tuple[int, float]] = {}
        for row in accepted:
            clips, seconds = ready.get(row["speaker"], (0, 0.0))
            ready[row["speaker"]] = (clips + 1, seconds + row["duration_s"])
        models: dict[str, tuple[str, ...]] = {}
        for run in self.store.runs():
            name = str(run["set"] or "")
            if run["outcome"] == "done" and run["model"] not in models.get(name, ()):
                models[name] = (*models.get(name, ()), str(run["model"]))
        return _Shelf(tuple(reversed(sets.list_sets(self.library))), ready, models)

    def _show(self, shelf: _Shelf) -> None:
        self.shelf = shelf
        self.query_one(Listing).fill({info.name: as_row(info) for info in shelf.sets})
        self.query_one("#totals", Static).update(ready_words(shelf.ready))
        if not shelf.sets:
            self.query_one(Facts).say(empty_words(shelf.ready))
        self.refresh_bindings()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        name = event.row_key
        if name is not None:
            self.read("set", lambda: sets.load(self.library, name, verify=False), self._describe)

    def _describe(self, manifest: SetManifest) -> None:
        models = self.shelf.models.get(manifest.info.name, ()) if self.shelf else ()
        self.query_one(Facts).show(facts_of(manifest, models))

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.action_train()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        if action in ("train", "verify"):
            return bool(self.shelf and self.shelf.sets) or None
        return self.shelf is not None if action == "freeze" else True

    def action_freeze(self) -> None:
        """Ask for a name, and begin."""
        if self.shelf is None:
            return
        if not self.shelf.ready:
            self.home.complain(BadRequest("Nothing is accepted yet: accept clips in the review room (2) first"))
            return
        self.app.push_screen(FreezeForm(ready_words(self.shelf.ready).plain), self._freeze)

    def _freeze(self, freeze: Freeze | None) -> None:
        if freeze is None:
            return
        library, store = self.library, self.store

        def begin() -> Job:
            where = f"({ACCEPTED}) AND ({freeze.where})" if freeze.where else ACCEPTED
            rows = store.clip_table(where=where).to_pylist()
            if not rows:
                raise BadRequest(f"No accepted clip fits {freeze.where}")
            return start_freeze(library, freeze.name, rows)

        self.home.start_job(begin)

    def action_train(self) -> None:
        """Go to the training room with this set chosen."""
        from curator.tui.screens.training import TrainingScreen

        name = self.query_one(Listing).key
        if name is None:
            return
        self.home.go("training")
        room = self.home.room("training")
        if isinstance(room, TrainingScreen):
            room.once_open(lambda: room.ask(name))

    def action_verify(self) -> None:
        """Check every file of the set."""
        name = self.query_one(Listing).key
        if name is not None:
            self.home.say(f"Checking the files of {name}")
            self.read("verify", lambda: sets.load(self.library, name, verify=True), self._verified)

    def _verified(self, manifest: SetManifest) -> None:
        self.home.say(f"{manifest.info.name}: {count(manifest.info.clips, 'file')} as they were frozen")


def as_row(info: SetInfo) -> Row:
    """A set as a row."""
    return {
        "name": info.name,
        "clips": str(info.clips),
        "length": clock(info.seconds),
        "speakers": ", ".join(info.speakers),
        "created": day(info.created_at),
    }


def ready_words(ready: Mapping[str, tuple[int, float]]) -> Content:
    """What is accepted now, in one line."""
    if not ready:
        return Content("Nothing accepted yet")
    clips, seconds = sum(c for c, _ in ready.values()), sum(s for _, s in ready.values())
    parts = [f"{one_line(speaker)} {clock(s)}" for speaker, (_, s) in sorted(ready.items())]
    each = f"  ({', '.join(parts)})" if len(parts) > 1 else f"  of {one_line(next(iter(ready)))}"
    return Content.assemble("Accepted now: ", (count(clips, "clip"), "$foreground"), f"  {clock(seconds)}", each)


def empty_words(ready: Mapping[str, tuple[int, float]]) -> Content:
    """What to do when there is no set yet."""
    if not ready:
        return Content("No sets yet. Accept clips in the review room (2), then freeze them here.")
    return Content.assemble("No sets yet. Press ", ("f", "bold $accent"), " to freeze what is accepted.")


def facts_of(manifest: SetManifest, models: Sequence[str]) -> list[tuple[str, str]]:
    """A set's facts."""
    info, clips = manifest.info, manifest.clips
    lengths = sorted((clip.end - clip.start) / clip.sample_rate for clip in clips)
    rates = sorted({clip.sample_rate for clip in clips})
    return [
        ("set", info.name),
        ("id", short_id(info.id)),
        ("clips", f"{info.clips} from {count(len({clip.recording for clip in clips}), 'recording')}"),
        ("length", clock(info.seconds)),
        ("clip length", f"{number(lengths[0])} to {number(lengths[-1])} s" if lengths else "–"),
        ("rate", ", ".join(f"{rate / 1000:g} kHz" for rate in rates)),
        ("pitch", _span(clips, "f0_low_hz", "f0_high_hz", "Hz")),
        ("snr", _span(clips, "snr_db", "snr_db", "dB")),
        ("models", ", ".join(models) or "none yet: t trains one"),
        *(("" if n else "done to it", words) for n, words in enumerate(manifest.processing)),
    ]


def _span(clips: Sequence[Any], low: str, high: str, unit: str) -> str:
    lows = [clip.scores[low] for clip in clips if isinstance(clip.scores.get(low), int | float)]
    highs = [clip.scores[high] for clip in clips if isinstance(clip.scores.get(high), int | float)]
    return f"{number(min(lows), 0)} to {number(max(highs), 0)} {unit}" if lows and highs else "–"
