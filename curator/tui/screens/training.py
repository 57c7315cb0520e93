"""The room in which voices are made: the runs, and the losses, rate and time left of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Grid, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from catalog import sets
from catalog.errors import BadRequest
from catalog.jobs import ENDED, Job, JobState, list_jobs
from catalog.names import check_name
from curator.launch import start_train
from curator.tui.job_view import JobView
from curator.tui.run_history import RunHistory
from curator.tui.screens.ask import Form
from curator.tui.screens.room import Room
from curator.tui.widgets.curve import Curve, meaning_of, ordered
from curator.tui.widgets.field import Field
from curator.tui.widgets.job_strip import figures, progress_bar
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.tui.words import STATE_MARKS, number, one_line
from trainer.config import PRESETS, TrainRequest

MOST_CURVES = 6
STATE_COLOURS = {"running": "$primary", "done": "$success", "failed": "$error", "crashed": "$error"}
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
        """What happens then."""
        return "Training is a process of its own: it goes on when the app is closed, and the app finds it again."

    def fields(self) -> Sequence[Field]:
        """Set, name, preset, length."""
        options = [(Content(one_line(name)), name) for name in self.names]
        which = Select(options, value=self.chosen or self.names[0], allow_blank=False, id="set", compact=True)
        presets = [(f"{preset.name}: {preset.cost}", preset.name) for preset in PRESETS.values()]
        steps = Input(placeholder="as the preset says", type="integer", id="steps", compact=True)
        steps.add_class("-optional")
        return [
            Field("Set", which),
            Field("Model", Input(placeholder="name", id="model", compact=True), "what the voice is called"),
            Field(
                "Preset", Select(presets, value="small", allow_blank=False, id="preset", compact=True), "size and rate"
            ),
            Field("Steps", steps, "how long to train"),
        ]

    def answer(self) -> TrainRequest:
        """The request, checked as the command checks it."""
        name = self.query_one("#model", Input).value.strip()
        if not name:
            raise BadRequest("Give the model a name")
        steps = self.query_one("#steps", Input).value.strip()
        return TrainRequest(
            library=self.library,
            set_name=str(self.query_one("#set", Select).value),
            model=check_name("model", name),
            preset=str(self.query_one("#preset", Select).value),
            steps=int(steps) if steps else None,
        )


class TrainingScreen(Room):
    """Training runs, newest first."""

    ROOM = "training"
    CSS_PATH = ["two_panes.tcss", "training.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "train", "Train", tooltip="Train a model on a set.", id="training.train"),
        Binding("x", "stop", "Stop", tooltip="Save a checkpoint and end the run.", id="training.stop"),
        Binding("c", "resume", "Continue", tooltip="Continue from the last checkpoint.", id="training.resume"),
        Binding("space", "play", "Hear", tooltip="Play the newest sample; again stops it.", id="training.play"),
        Binding("l", "scale", "Log", tooltip="Logarithmic or plain axes.", id="training.log"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.histories: dict[str, RunHistory] = {}
        self.states: dict[str, JobState] = {}
        self.logarithmic = False

    def body(self) -> Iterable[Widget]:
        """The runs, and the one under the cursor with its curves."""
        with Container(id="body"):
            yield Listing(COLUMNS, opens=False, id="runs")
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
        self.query_one("#run-words", Static).update(run_words(history, width))
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
        if action in ("play", "scale"):
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
        """Play the newest sample, or stop."""
        if self.home.player.playing:
            self.home.player.stop()
            return
        history = self.histories.get(self.query_one("#runs", Listing).key or "")
        if history is None or not history.samples:
            self.home.say("No sample yet: one is rendered with every checkpoint")
        else:
            self.home.play(history.samples[-1])

    def action_scale(self) -> None:
        """Turn the axes logarithmic, or back."""
        self.logarithmic = not self.logarithmic
        for curve in self.query(Curve):
            curve.logarithmic = self.logarithmic


def row_of(job: Job, state: JobState) -> Row:
    """A run as a row."""
    request: dict[str, Any] = job.request
    return {
        "mark": Text(STATE_MARKS[state]),
        "model": str(request.get("model", "")),
        "set": str(request.get("set_name", "")),
        "preset": str(request.get("preset", "")),
        "state": state,
    }


def empty_words(has_sets: bool) -> Content:
    """What to do when there is no run yet."""
    if not has_sets:
        return Content("No runs yet. Freeze a set first (3), then train on it here.")
    return Content.assemble("No runs yet. Press ", ("t", "bold $accent"), " to train a voice on a set.")


def run_words(history: RunHistory, width: int) -> Content:
    """A run in three lines: what it is, how far and how fast, its newest figures."""
    view, request = history.view, history.job.request
    head = Content.assemble(
        (f"{STATE_MARKS[history.state]} {history.state}", STATE_COLOURS.get(history.state, "$warning")),
        ("  " + one_line(str(request.get("model", ""))), "bold"),
        f" on {one_line(str(request.get('set_name', '')))}, preset {request.get('preset')}",
        (f"  {view.phase}" if history.state not in ENDED and view.phase else "", "$foreground 60%"),
    )
    share = view.share or 0.0
    words = figures(view_of(history))
    if history.state in ENDED:
        done, total = history.reached or (0.0, 0.0)
        share = 1.0 if history.state == "done" else done / total if total else 0.0
        words = f"{share * 100:3.0f} %  {number(done, 0)}/{number(total, 0)} steps"
    bar = progress_bar(share, max(6, min(40, width - len(words) - 2)))
    progress = Content("  ").join([bar, Content(words)])
    lines = [head, progress, figures_line(history)]
    problem = history.error() or (history.problems[-1] if history.problems else "")
    if history.state == "crashed":
        problem = "The process died; c continues from the last checkpoint"
    if problem:
        lines.append(Content.styled("! " + one_line(problem), "$error" if history.state in ENDED else "$warning"))
    return Content("\n").join(lines)


def view_of(history: RunHistory) -> JobView:
    """The run as a job with its present state."""
    return replace(history.view, state=history.state)


def figures_line(history: RunHistory) -> Content:
    """The newest value of every loss."""
    newest = history.newest
    if not newest:
        return Content.styled("no losses yet", "$foreground 60%")
    parts: list[tuple[str, str]] = []
    for name in ordered(newest):
        parts += [(f"{name} ", "$foreground 60%"), (f"{newest[name]:.3f}   ".replace("-", "−"), "$foreground")]
    return Content.assemble(*parts)
