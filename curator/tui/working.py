"""What of the app outlives a change of room: the catalogue, the one writer, the followed jobs and the player.

Separate from the app, which knows its rooms, so that a room can know the app that it is in by a type of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker

from catalog.errors import BadRequest, CuratorError
from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.store import Store
from curator.intake import sweep, take_in_finished
from curator.launch import start_queued
from curator.tui.failures import tell_failure
from curator.tui.job_view import Follower, JobView, Look, title_of
from curator.tui.messages import JobsLookedAt, JobStarted
from curator.tui.passage import PLAIN, Manner
from curator.tui.personal import PersonalApp
from curator.tui.player import NoSpeakers, Player
from curator.tui.writer import Writer
from curator.words import count, one_line

Result = TypeVar("Result")
LOOK_EVERY_S = 0.5
NOTICE_EVERY_S = 1.0


class WorkingApp(PersonalApp):
    """An app with a library, and with work going on in it."""

    catalogue: reactive[int] = reactive(0)
    """Counts the changes of the catalogue that screens should read again."""
    jobs: reactive[tuple[JobView, ...]] = reactive[tuple[JobView, ...]](())
    """The jobs that are at work or ended a moment ago."""

    def __init__(self, library: Library, *, player: Player | None = None, settings: Path | None = None) -> None:
        super().__init__(settings)
        self.library = library
        self.store = Store(library)
        self.writer = Writer()
        self.player = player or Player()
        self.follower = Follower(library)
        self.ready = False
        self._opening: Future[None] | None = None
        self._own: set[str] = set()
        self._seen = -1
        self._said_no_speakers = False

    def begin(self) -> None:
        """Open the catalogue, take in what ended while the app was closed, and begin to watch."""
        self.run_worker(self._open(), group="open", exit_on_error=False)
        self.set_interval(NOTICE_EVERY_S, self._notice)
        self.set_interval(LOOK_EVERY_S, self._look)

    def opened(self) -> None:
        """Hear that the catalogue is open; an app may do then what can wait until there is something on the screen."""

    def open_early(self) -> Future[None]:
        """Begin to open the catalogue, which takes as long as drawing the first screen does and can pass beside it."""
        self._opening = self.writer.hand_in(self._prepare)
        return self._opening

    async def _open(self) -> None:
        try:
            await asyncio.wrap_future(self._opening or self.open_early())
        except CuratorError as error:
            self.exit(error)
            return
        self._seen = self.store.changed_since(None)
        self.ready = True
        self.catalogue += 1
        self._look()
        self.opened()

    def _prepare(self) -> None:
        self.library.create()
        self.store.recordings()
        sweep(self.store, self.library)

    def go(self, room: str) -> None:
        """Change the room; questions that are open in this one stay there."""
        if room != self.current_mode:
            self.switch_mode(room)

    def room(self, name: str) -> Screen[Any]:
        """The screen of a room, which must have been opened."""
        return self._screen_stacks[name][0]

    async def write(self, work: Callable[[Store], Result]) -> Result:
        """Write to the catalogue in turn; returns when it is on disk."""
        return await self.writer.submit(partial(work, self.store))

    def write_then(self, work: Callable[[Store], Result], then: Callable[[Result], object]) -> None:
        """Write to the catalogue in turn; `then` hears of it when it is on disk, the person of what went wrong."""

        def done(future: Any) -> None:
            error = None if future.cancelled() else future.exception()
            if error is None:
                self.catalogue += 1
                then(future.result())
            elif isinstance(error, CuratorError):
                self.complain(error)
            else:
                raise error

        self.writer.submit(partial(work, self.store)).add_done_callback(done)

    # jobs

    def start_job(self, start: Callable[[], Job], then: Callable[[Job], object] = lambda job: None) -> None:
        """Start long work without holding up the keys, and hand the job to `then`; what cannot be started is said."""
        self.run_worker(partial(self._start, start, then), thread=True, group="start", exit_on_error=False)

    def _start(self, start: Callable[[], Job], then: Callable[[Job], object]) -> None:
        try:
            job = start()
        except CuratorError as error:
            self.call_from_thread(self.complain, error)
            return
        self._own.add(job.id)
        self.call_from_thread(then, job)
        self.post_message(JobStarted(job.id, job.kind))

    def on_job_started(self, event: JobStarted) -> None:
        """Follow it from its first event."""
        if event.kind == "train":
            self._take_in(Job.open(self.library.runs / event.job_id))
        self._look()

    def stop_job(self, job_id: str) -> None:
        """Ask a job for a clean end."""
        job = self.follower.job(job_id)
        if job is None:
            return
        if job.state() == "waiting":
            JobReport.begin(job.path).finish("stopped")
        else:
            job.ask_stop()
            self.say(f"Stopping cleanly: {title_of(job)}")

    def dismiss_job(self, job_id: str) -> None:
        """Stop showing a job that ended."""
        self.follower.dismiss(job_id)
        self.jobs = tuple(view for view in self.jobs if view.id != job_id or view.live)

    def _look(self) -> None:
        if self.ready and not any(worker.group == "look" and worker.is_running for worker in self.workers):
            self.run_worker(self._look_at_jobs, thread=True, group="look", exit_on_error=False)

    def _look_at_jobs(self) -> None:
        look = self.follower.look()
        queued = self.follower.next_in_line()
        if queued is not None:
            # another app on this library may be quicker
            with contextlib.suppress(BadRequest):
                start_queued(queued)
                self._own.add(queued.id)
        self.post_message(JobsLookedAt(look))

    def on_jobs_looked_at(self, event: JobsLookedAt) -> None:
        """Show the jobs, take in what they found, and tell of those that ended."""
        look: Look = event.look
        if look.views != self.jobs:
            self.jobs = look.views
        ended = {view.id for view in look.ended}
        for job in look.with_results:
            if job.id in ended or job.id in self._own or job.kind == "train":
                self._take_in(job)
        for view in look.ended:
            self._tell_end(view)

    def _tell_end(self, view: JobView) -> None:
        if view.state == "done":
            failed = f", {count(len(view.problems), 'problem')} (J shows more)" if view.problems else ""
            self.notify(one_line(f"{view.title}: done{failed}"), timeout=6, markup=False)
        elif view.state == "stopped":
            self.notify(one_line(f"{view.title}: stopped"), timeout=6, markup=False)
        else:
            self.notify(f"{view.title}: {view.error}", severity="error", timeout=12, markup=False)

    def _take_in(self, job: Job) -> None:
        future = self.writer.submit(partial(take_in_finished, self.store, job))
        future.add_done_callback(self._taken_in)

    def _taken_in(self, future: Any) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, CuratorError):
            self.complain(error)
        elif error is not None:
            raise error
        self.catalogue += 1

    def _notice(self) -> None:
        """Notice what another process did to the catalogue."""
        if not self.ready:
            return
        seen = self.store.changed_since(self._seen)
        if seen != self._seen:
            self._seen = seen
            self.catalogue += 1

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of errors that nobody foresaw."""
        tell_failure(self, event)

    # sound

    def play(self, path: Path | str, start: int = 0, end: int | None = None, manner: Manner = PLAIN) -> None:
        """Play a stretch of a file; a machine that cannot is told of once."""
        work = partial(self._play, path, start, end, manner)
        self.run_worker(work, thread=True, group="play", exclusive=True, exit_on_error=False)

    def _play(self, path: Path | str, start: int, end: int | None, manner: Manner) -> None:
        try:
            self.player.play(path, start, end, manner)
        except NoSpeakers as error:
            if not self._said_no_speakers:
                self._said_no_speakers = True
                self.call_from_thread(self.notify, str(error), severity="warning", timeout=15, markup=False)
        except CuratorError as error:
            self.call_from_thread(self.complain, error)

    def tell_page(self, message: Callable[[], dict[str, object] | None]) -> None:
        """Send the page that shows this app what `message` gives, asked in the app's own thread; from any thread."""
        write = getattr(self._driver, "write_meta", None)

        def send() -> None:
            words = message()
            if words is not None and write is not None:
                write(words)

        if self.is_running:
            send() if self._thread_id == threading.get_ident() else self.call_from_thread(send)

    async def on_unmount(self) -> None:
        """Be silent, finish writing, let the catalogue go."""
        self.player.stop()
        self.writer.close()
        self.store.close()


class AtHome:
    """A screen of this app, which knows it by its own type."""

    @property
    def home(self) -> WorkingApp:
        """The app."""
        return cast(WorkingApp, cast("Screen[Any]", self).app)
