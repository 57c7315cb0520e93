"""The room in which voices are made: the runs, and the losses, rate and time left of the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Grid, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from catalog import sets
from catalog.errors import BadRequest
from catalog.jobs import Job, JobState, list_jobs
from catalog.library import Library
from catalog.names import check_name
from curator.launch import start_train
from curator.tui.job_view import JobView
from curator.tui.run_history import RunHistory
from curator.tui.run_listening import RunListening
from curator.tui.run_words import empty_words, row_of, run_words
from curator.tui.screens.ask import Form
from curator.tui.screens.room import Room
from curator.tui.widgets.curve import Curve, meaning_of, ordered
from curator.tui.widgets.field import Field
from curator.tui.widgets.listing import ListColumn, Listing
from curator.tui.widgets.tick import Tick
from curator.words import one_line
from trainer.config import PRESETS, TrainRequest
from trainer.estimate import last_cost, words
from trainer.parent import AUTO, LAST, PRESET, resolved

MOST_CURVES = 6
STARTS = (
    ("last model if the set changed, else the preset's base", AUTO),
    ("the last model of this voice", LAST),
    ("the preset's base", PRESET),
    ("nothing", "none"),
)
"""What a training may start from, the default first."""
COLUMNS = (
    ListColumn("mark", "", 1),
    ListColumn("model", "model", 0),
    ListColumn("set", "set", 12),
    ListColumn("preset", "preset", 6),
    ListColumn("state", "state", 8),
)


class TrainForm(Form[TrainRequest]):
    """Asks what to train on, how large, and what the model will be called."""

    TITLE_TEXT = "Train a voice"
    BUTTON = "Train"

    def __init__(self, library: str, names: Sequence[str], chosen: str | None) -> None:
        super().__init__()
        self.library = library
        self.names = names
        self.chosen = chosen

    def words(self) -> str:
        """What it will cost, and that the app need not stay open."""
        return self.told("small", self.chosen or self.names[0], refiner=False)

    def fields(self) -> Sequence[Field]:
        """Set, name, preset, length."""
        options = [(Content(one_line(name)), name) for name in self.names]
        which = Select(options, value=self.chosen or self.names[0], allow_blank=False, id="set", compact=True)
        presets = [(f"{name}: {preset.summary}", name) for name, preset in PRESETS.items()]
        steps = Input(placeholder="as the preset says", type="integer", id="steps", compact=True)
        steps.add_class("-optional")
        return [
            Field("Set", which),
            Field("Model", Input(placeholder="name", id="model", compact=True), "name of the voice"),
            Field("Preset", Select(presets, value="small", allow_blank=False, id="preset", compact=True), size="long"),
            Field("Steps", steps, "how long to train"),
            Field("Start from", Select(STARTS, value=AUTO, allow_blank=False, id="base", compact=True), size="long"),
            Field("Refiner", Tick(id="refiner"), "a second network after it, for Refine"),
        ]

    def on_mount(self) -> None:
        """Begin with the first thing that is not chosen yet."""
        self.query_one("#model", Input).focus()

    @on(Select.Changed)
    @on(Tick.Changed)
    def _tell_again(self) -> None:
        """Say what it will cost with what is chosen."""
        told = self.told(self._chosen("preset"), self._chosen("set"), refiner=self.query_one("#refiner", Tick).value)
        self.query_one(".form-words", Static).update(Content(told))

    def _chosen(self, name: str) -> str:
        return str(self.query_one(f"#{name}", Select).value)

    def told(self, preset: str, set_name: str, *, refiner: bool) -> str:
        """What stands above the questions."""
        told = self.foretold(preset, set_name, refiner=refiner)
        return f"{told[0].upper()}{told[1:]}. It goes on when the app is closed."

    def foretold(self, preset: str, set_name: str, *, refiner: bool = False) -> str:
        """What a training would cost by the last one of its kind here, or how that will be known."""
        request = TrainRequest(self.library, set_name, "any", preset, refiner=refiner)
        library = Library(Path(self.library))
        try:
            cost = last_cost(library, request, sets.load(library, set_name, verify=False).drawn_seconds)
        except BadRequest:
            cost = None
        if cost is None:
            return "what it costs on this machine is measured as it begins, before anything is trained"
        return f"{words(cost)}, as the last one here took"

    def answer(self) -> TrainRequest:
        """The request, checked as the command checks it."""
        name = self.query_one("#model", Input).value.strip()
        if not name:
            raise BadRequest("Give the model a name")
        steps = self.query_one("#steps", Input).value.strip()
        request = TrainRequest(
            library=self.library,
            set_name=self._chosen("set"),
            model=check_name("model", name),
            preset=self._chosen("preset"),
            steps=int(steps) if steps else None,
            refiner=self.query_one("#refiner", Tick).value,
        )
        return resolved(Library(Path(self.library)), request, self._chosen("base"))


class TrainingScreen(Room):
    """Training runs, newest first."""

    ROOM = "training"
    CSS_PATH = ["two_panes.tcss", "training.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "train", "Train", tooltip="Train a model on a set.", id="training.train"),
        Binding("x", "stop", "Stop", tooltip="Save a checkpoint and end the run.", id="training.stop"),
        Binding("c", "resume", "Continue", tooltip="Continue from the last checkpoint.", id="training.resume"),
        Binding("space", "play", "Hear", tooltip="Play a held-out clip as the model says it.", id="training.play"),
        Binding("b", "compare", "A/B", tooltip="Play its recording, or the model again.", id="training.compare"),
        Binding("n", "clip", "Clip", show=False, tooltip="Hear the next of the fixed clips.", id="training.clip"),
        Binding("[", "save(-1)", "Earlier", show=False, tooltip="Hear an earlier save.", id="training.earlier"),
        Binding("]", "save(1)", "Later", show=False, tooltip="Hear a later save.", id="training.later"),
        Binding("l", "scale", "Log", tooltip="Logarithmic or plain axes.", id="training.log"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.histories: dict[str, RunHistory] = {}
        self.ears: dict[str, RunListening] = {}
        self.states: dict[str, JobState] = {}
        self.logarithmic = False

    def body(self) -> Iterable[Widget]:
        """The runs, and the one under the cursor with its curves."""
        with Container(id="body"):
            yield Listing(COLUMNS, id="runs")
            with Vertical(id="run"):
                yield Static(id="run-words")
                yield Grid(id="curves")

    def on_mount(self) -> None:
        """Read on in the run that is shown."""
        self.set_interval(0.5, self._read_on)

    def on_resize(self) -> None:
        """Show as many curves as the new size has room for."""
        self.call_after_refresh(self._read_on)

    def load(self) -> None:
        """Read which runs there are."""
        if self.home.ready:
            self.read("runs", self._runs, self._show)

    def _runs(self) -> tuple[list[str], list[tuple[Job, JobState]]]:
        jobs = [(job, job.state()) for job in reversed(list_jobs(self.library.runs))]
        return [info.name for info in reversed(sets.list_sets(self.library))], jobs

    def _show(self, found: tuple[list[str], list[tuple[Job, JobState]]]) -> None:
        self.names, jobs = found
        self.states = {job.id: state for job, state in jobs}
        self.query_one("#runs", Listing).fill({job.id: row_of(job, state) for job, state in jobs})
        if not jobs:
            self.query_one("#run-words", Static).update(empty_words(bool(self.names)))
        self.refresh_bindings()

    def jobs_moved(self, views: tuple[JobView, ...]) -> None:
        """Show a run's new state as soon as it has one."""
        live = {view.id: view.state for view in views if view.kind == "train"}
        if any(self.states.get(run) != state for run, state in live.items()):
            self.load()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        self._read_on()
        self.refresh_bindings()

    def _read_on(self) -> None:
        run_id = self.query_one("#runs", Listing).key
        if run_id is not None and self.is_current:
            self.read("run", partial(self._history, run_id), self._draw)

    def _history(self, run_id: str) -> RunHistory:
        history = self.histories.get(run_id)
        if history is None:
            history = self.histories[run_id] = RunHistory(self.library.runs / run_id)
        history.read_on()
        return history

    def _draw(self, history: RunHistory) -> None:
        width = max(20, self.query_one("#run-words", Static).size.width)
        heard = self.ears.setdefault(history.job.id, RunListening()).words(history)
        self.query_one("#run-words", Static).update(run_words(history, width, heard))
        grid = self.query_one("#curves", Grid)
        names = ordered(history.curves)[: self._room_for_curves()]
        shown = {curve.metric: curve for curve in grid.query(Curve)}
        if list(shown) != names:
            grid.remove_children()
            shown = {name: Curve(name, meaning_of(name)) for name in names}
            grid.mount_all(shown.values())
        for name, curve in shown.items():
            curve.logarithmic = self.logarithmic
            curve.points = tuple(history.curves[name])

    def _room_for_curves(self) -> int:
        size = self.query_one("#curves", Grid).size
        across = 2 if size.width >= 64 else 1
        down = max(1, size.height // 7)
        self.query_one("#curves", Grid).styles.grid_size_columns = across
        return min(MOST_CURVES, across * down)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with the run under the cursor."""
        if not self.is_mounted:
            return True
        state = self.states.get(self.query_one("#runs", Listing).key or "")
        if action == "train":
            return bool(self.names) or None
        if action == "stop":
            return state in ("running", "waiting", "stopping")
        if action == "resume":
            return state in ("stopped", "failed", "crashed")
        if action in ("play", "compare", "clip", "save", "scale"):
            return state is not None
        return True

    def action_train(self) -> None:
        """Ask for a new run."""
        self.ask(None)

    def ask(self, name: str | None) -> None:
        """Ask for a new run, on this set if one is named."""
        names = list(dict.fromkeys([*([name] if name else []), *self.names]))
        if names:
            self.app.push_screen(TrainForm(str(self.library.root), names, name), self._train)

    def _train(self, request: TrainRequest | None) -> None:
        if request is not None:
            self.home.start_job(partial(start_train, self.library, request))

    def action_stop(self) -> None:
        """Ask the run for a checkpoint and a clean end."""
        run_id = self.query_one("#runs", Listing).key
        if run_id is not None:
            self.home.stop_job(run_id)

    def action_resume(self) -> None:
        """Go on from the last checkpoint."""
        run_id = self.query_one("#runs", Listing).key
        if run_id is not None:
            request = TrainRequest.from_dict(Job.open(self.library.runs / run_id).request)
            self.home.start_job(partial(start_train, self.library, request, run_id=run_id))

    def action_play(self) -> None:
        """Play what the model says, or stop."""
        if self.home.player.playing:
            self.home.player.stop()
        else:
            self._hear(lambda ear, _: setattr(ear, "recording", False))

    def action_compare(self) -> None:
        """Play the recording of what was heard, or the model again."""
        self._hear(lambda ear, _: setattr(ear, "recording", not ear.recording))

    def action_clip(self) -> None:
        """Play the next of the fixed clips."""
        self._hear(RunListening.next_clip)

    def action_save(self, by: int) -> None:
        """Play the same clip at an earlier or later save."""
        self._hear(lambda ear, history: ear.turn(history, by))

    def _hear(self, choose: Callable[[RunListening, RunHistory], None]) -> None:
        run_id = self.query_one("#runs", Listing).key or ""
        history, ear = self.histories.get(run_id), self.ears.setdefault(run_id, RunListening())
        if history is not None:
            choose(ear, history)
        path = None if history is None else ear.path(history)
        if history is None or path is None:
            self.home.say("No sample yet: some are rendered with every checkpoint")
            return
        self._draw(history)
        self.home.play(path)

    def action_scale(self) -> None:
        """Turn the axes logarithmic, or back."""
        self.logarithmic = not self.logarithmic
        for curve in self.query(Curve):
            curve.logarithmic = self.logarithmic
