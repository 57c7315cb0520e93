"""The room of sets: what has been frozen, and freezing what is accepted now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
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
from curator.launch import start_freeze, start_preview
from curator.tui.job_view import JobView
from curator.tui.results import Result, moved_words, of_jobs
from curator.tui.screens.ask import Form
from curator.tui.screens.room import Room
from curator.tui.widgets.facts import Facts
from curator.tui.widgets.field import Field, PathSuggester, typed_path
from curator.tui.widgets.filter_line import NameSuggester
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.words import clock, count, day, file_name, number, one_line, short_id

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
            Field("Only", only, "such as speaker='alto'"),
        ]

    def answer(self) -> Freeze:
        """A name that can be a folder, and the filter if any."""
        name = self.query_one("#name", Input).value.strip()
        if not name:
            raise BadRequest("Give the set a name")
        return Freeze(check_name("set", name), self.query_one("#where", Input).value.strip() or None)


class PreviewForm(Form[Path]):
    """Asks what a set is to be heard with."""

    TITLE_TEXT = "Hear a set as a voice"
    BUTTON = "Hear"

    def __init__(self, name: str, source: Path | None) -> None:
        super().__init__()
        self.set_name = name
        self.source = source

    def words(self) -> str:
        """What is to be expected."""
        return f"Rough, in seconds, and without training: a file spoken with the sounds of {one_line(self.set_name)}."

    def fields(self) -> Sequence[Field]:
        """The file."""
        source = Input(
            str(self.source or ""),
            placeholder="a recording of somebody else",
            suggester=PathSuggester(),
            id="source",
            compact=True,
        )
        return [Field("File", source, size="long")]

    def answer(self) -> Path:
        """A file that is there."""
        text = self.query_one("#source", Input).value
        path = typed_path(text)
        if not text.strip() or not path.is_file():
            raise BadRequest(f"{path}: no such file" if text.strip() else "Type the path of a recording")
        return path


@dataclass(frozen=True)
class _Shelf:
    """What this room shows."""

    sets: tuple[SetInfo, ...]
    ready: Mapping[str, tuple[int, float]]
    """Accepted clips and seconds, by speaker."""
    models: Mapping[str, tuple[str, ...]]
    """Models trained on a set, by its name."""
    previews: Mapping[str, Result]
    """The newest preview of a set, by its name."""
    source: Path | None
    """What was converted or previewed last and is still there."""


class SetsScreen(Room):
    """Frozen sets, one row each."""

    ROOM = "sets"
    CSS_PATH = "two_panes.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "freeze", "Freeze accepted", tooltip="Freeze the accepted clips as a new set.", id="sets.freeze"),
        Binding("t,enter", "train", "Train on it", tooltip="Train a model on this set.", id="sets.train"),
        Binding(
            "p", "preview", "Preview", tooltip="Hear it as a voice now, with the file used last.", id="sets.preview"
        ),
        Binding(
            "P",
            "preview_with",
            "Preview with",
            tooltip="Hear it with another file.",
            show=False,
            id="sets.preview_with",
        ),
        Binding("space", "play", "Hear", tooltip="Play the preview again; again stops it.", show=False, id="sets.play"),
        Binding(
            "v", "verify", "Verify", tooltip="Check the set's files against their hashes.", show=False, id="sets.verify"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.shelf: _Shelf | None = None
        self._awaited: str | None = None

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
        heard = of_jobs(self.store)
        previews = {result.voice: result for result in reversed(heard) if result.kind == "preview"}
        converted = reversed(self.store.conversions())
        used = (*(result.input for result in heard), *(str(record.get("input")) for record in converted))
        source = next((Path(path) for path in used if Path(path).is_file()), None)
        return _Shelf(tuple(reversed(sets.list_sets(self.library))), ready, models, previews, source)

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
        heard = self.shelf.previews.get(manifest.info.name) if self.shelf else None
        self.query_one(Facts).show([*facts_of(manifest, models), *preview_facts(heard)])
        self.refresh_bindings()

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.action_train()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        if action in ("train", "verify", "preview", "preview_with"):
            return bool(self.shelf and self.shelf.sets) or None
        if action == "play":
            return self._preview() is not None
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

    def action_preview(self) -> None:
        """Hear the set with the file that was used last, or ask for one."""
        source = self.shelf.source if self.shelf else None
        if source is None:
            self.action_preview_with()
        else:
            self._begin(source)

    def action_preview_with(self) -> None:
        """Ask for the file to hear the set with."""
        name = self.query_one(Listing).key
        if name is not None and self.shelf is not None:
            self.app.push_screen(PreviewForm(name, self.shelf.source), self._begin)

    def _begin(self, source: Path | None) -> None:
        name = self.query_one(Listing).key
        if source is not None and name is not None:
            self.home.start_job(partial(start_preview, self.library, name, source, None), self._await)

    def _await(self, job: Job) -> None:
        self._awaited = job.id

    def jobs_moved(self, views: tuple[JobView, ...]) -> None:
        """Hear a preview that was asked for as soon as it is there."""
        if any(view.id == self._awaited and view.state == "done" for view in views):
            awaited, self._awaited = self._awaited, None
            self.read("preview", lambda: of_jobs(self.store), lambda found: self._hear(found, str(awaited)))

    def _hear(self, found: Sequence[Result], job: str) -> None:
        heard = next((result for result in found if result.job == job), None)
        if heard is not None and self.is_current:
            self.home.play(heard.output)

    def _preview(self) -> Result | None:
        """The preview of the set under the cursor."""
        name = self.query_one(Listing).key if self.is_mounted else None
        return self.shelf.previews.get(name or "") if self.shelf else None

    def action_play(self) -> None:
        """Play the preview again, or stop."""
        heard = self._preview()
        if self.home.player.playing:
            self.home.player.stop()
        elif heard is not None:
            self.home.play(heard.output)

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


def preview_facts(heard: Result | None) -> list[tuple[str, str]]:
    """What the newest preview of a set said."""
    if heard is None:
        return []
    first = ("preview", f"{file_name(heard.input)}, {moved_words(heard)} st (space plays it)")
    return [first, *(("", fact) for fact in heard.facts)]


def _span(clips: Sequence[Any], low: str, high: str, unit: str) -> str:
    lows = [clip.scores[low] for clip in clips if isinstance(clip.scores.get(low), int | float)]
    highs = [clip.scores[high] for clip in clips if isinstance(clip.scores.get(high), int | float)]
    return f"{number(min(lows), 0)} to {number(max(highs), 0)} {unit}" if lows and highs else "–"
