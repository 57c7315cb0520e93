"""What all six rooms share: the frame, reading the catalogue in threads, and loading again when it changed.

Separate so that a screen's own file holds only what that screen shows and does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer
from textual.worker import Worker, get_current_worker

from catalog.errors import CuratorError
from catalog.library import Library
from catalog.store import Store
from curator.tui.failures import tell_failure
from curator.tui.job_view import JobView
from curator.tui.messages import Loaded, LoadFailed
from curator.tui.widgets.job_strip import JobStrip
from curator.tui.widgets.top_bar import TopBar
from curator.tui.working import AtHome

Result = TypeVar("Result")


class Room(Screen[None], AtHome):
    """A screen that is one of the app's modes."""

    ROOM: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (112, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]

    def __init__(self) -> None:
        super().__init__()
        self._generations: defaultdict[str, int] = defaultdict(int)
        self._stale = True
        self._errands: list[Callable[[], None]] = []

    @property
    def store(self) -> Store:
        """The catalogue; used in threads only."""
        return self.home.store

    @property
    def library(self) -> Library:
        """Where the files are."""
        return self.home.library

    @property
    def adding(self) -> bool:
        """Whether recordings are being added."""
        return any(view.kind == "add" and view.live for view in self.home.jobs)

    def compose(self) -> ComposeResult:
        yield TopBar(self.ROOM, self.library.root.name)
        yield from self.body()
        yield JobStrip(id="jobs")
        yield Footer(show_command_palette=False, compact=True)

    def body(self) -> Iterable[Widget]:
        """What stands between the frame's lines."""
        raise NotImplementedError

    def load(self) -> None:
        """Read what this screen shows; called when it is opened and when the catalogue changed."""
        raise NotImplementedError

    def jobs_moved(self, views: tuple[JobView, ...]) -> None:
        """Hear how the jobs are."""

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """What the command palette offers here besides what it offers everywhere: name, meaning, what it does."""
        return ()

    def on_mount(self) -> None:
        """Follow what the app knows."""
        self.watch(self.app, "catalogue", self._catalogue_changed, init=False)
        self.watch(self.app, "jobs", self._jobs_changed)
        self.call_after_refresh(self._run_errands)

    def once_open(self, errand: Callable[[], None]) -> None:
        """Do something as soon as the room's widgets are there, which for a room just entered is not yet."""
        self._errands.append(errand)
        if self.is_mounted:
            self._run_errands()

    def _run_errands(self) -> None:
        errands, self._errands = self._errands, []
        for errand in errands:
            errand()

    def on_screen_resume(self) -> None:
        """Load what changed while another room was open."""
        if self._stale:
            self._stale = False
            self.load()

    def _catalogue_changed(self) -> None:
        if self.is_current or self.app.screen_stack[0] is self:
            self.load()
        else:
            self._stale = True

    def _jobs_changed(self, views: tuple[JobView, ...]) -> None:
        self.query_one(JobStrip).views = views
        self.jobs_moved(views)

    def read(self, what: str, work: Callable[[], Result], then: Callable[[Result], None]) -> None:
        """Do `work` in a thread and hand its result to `then` here, unless something newer was asked for meanwhile."""
        self._generations[what] += 1
        self.run_worker(
            partial(self._reading, what, self._generations[what], work, then),
            group=what,
            thread=True,
            exclusive=True,
            exit_on_error=False,
        )

    def drop_readings(self, what: str) -> None:
        """Let readings that are under way come to nothing."""
        self._generations[what] += 1

    def _reading(self, what: str, generation: int, work: Callable[[], Result], then: Callable[[Result], None]) -> None:
        worker = get_current_worker()
        try:
            result = work()
        except CuratorError as error:
            self.post_message(LoadFailed(what, generation, error))
            return
        if not worker.is_cancelled:
            self.post_message(Loaded(what, generation, result, then))

    @on(Loaded)
    def _use(self, event: Loaded) -> None:
        if event.generation == self._generations[event.what]:
            event.then(event.result)

    @on(LoadFailed)
    def _load_failed(self, event: LoadFailed) -> None:
        if event.generation == self._generations[event.what]:
            self.read_failed(event.what, event.error)

    def read_failed(self, what: str, error: CuratorError) -> None:
        """Say why something could not be read."""
        self.home.complain(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of errors that nobody foresaw."""
        tell_failure(self.app, event)
