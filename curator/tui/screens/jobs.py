"""All jobs in full: how far each is, everything that went wrong, and a way to stop it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from curator.tui.job_view import JobView
from curator.tui.widgets.job_strip import figures, job_line
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.tui.working import AtHome
from curator.words import STATE_MARKS, count, one_line

MESSAGES = "messages"
LOG_BYTES = 20_000

COLUMNS = (
    ListColumn("mark", "", 1),
    ListColumn("title", "job", 0),
    ListColumn("state", "state", 9),
    ListColumn("figures", "progress", 34),
)


class JobsScreen(ModalScreen[None], AtHome):
    """Every job the app knows of."""

    CSS_PATH = "jobs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,J", "close", "Close", tooltip="Back; failed jobs leave the strip.", id="jobs.close"),
        Binding("x", "stop", "Stop it", tooltip="Ask the job for a clean end.", id="jobs.stop"),
        Binding("l", "log", "Log", tooltip="The end of the job's own log.", id="jobs.log"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = "Jobs"
            yield Listing(COLUMNS, id="job-list")
            with VerticalScroll(id="job-problems"):
                yield Static(id="job-words")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Follow the jobs."""
        self.watch(self.app, "jobs", self._show)

    def _show(self, views: tuple[JobView, ...]) -> None:
        rows: dict[str, Row] = {view.id: row_of(view) for view in reversed(views)}
        if self.home.messages_said:
            said = count(len(self.home.messages_said), "message")
            rows[MESSAGES] = {"mark": Text("!"), "title": "What the app said", "state": "", "figures": said}
        self.query_one(Listing).fill(rows)
        if not rows:
            self.query_one("#job-words", Static).update(
                "Nothing is at work, and nothing failed since the app was opened."
            )

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        view = self._view(event.row_key)
        words = self.query_one("#job-words", Static)
        if view is not None:
            words.update(words_of(view))
        elif event.row_key == MESSAGES:
            words.update(messages_in_words(self.home.messages_said))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what the row under the cursor has."""
        if action in ("stop", "log"):
            view = self._view(self.query_one(Listing).key) if self.is_mounted else None
            return view is not None and (action == "log" or view.live)
        return True

    def action_log(self) -> None:
        """Show the end of the job's log."""
        view = self._view(self.query_one(Listing).key)
        job = self.home.follower.job(view.id) if view is not None else None
        if job is not None:
            self.query_one("#job-words", Static).update(Content(log_end(job.path / "log.txt")))
            self.query_one("#job-problems", VerticalScroll).scroll_end(animate=False)

    def _view(self, job_id: str | None) -> JobView | None:
        return next((view for view in self.home.jobs if view.id == job_id), None)

    def action_stop(self) -> None:
        """Ask the job under the cursor for a clean end."""
        view = self._view(self.query_one(Listing).key)
        if view is not None and view.live:
            self.home.stop_job(view.id)

    def action_close(self) -> None:
        """Go back; what was looked at leaves the strip."""
        for view in self.home.jobs:
            if not view.live:
                self.home.dismiss_job(view.id)
        self.dismiss(None)


def log_end(path: Path) -> str:
    """The last lines of a log, or what to say where there is none."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError as error:
        return f"{one_line(str(path))}: {error.strerror or error}"
    lines = [one_line(line) for line in text.splitlines()] or ["The log is empty."]
    return "\n".join([f"The end of {one_line(str(path))}:", *lines])


def messages_in_words(said: Sequence[tuple[str, str]]) -> Content:
    """What the app said in its corner, the newest first."""
    lines = []
    for severity, words in reversed(said):
        mark, colour = ("✗", "$error") if severity == "error" else ("!", "$warning")
        lines.append(Content.assemble((f"{mark} ", colour), one_line(words)))
    return Content("\n").join(lines)


def row_of(view: JobView) -> Row:
    """A job as a row."""
    return {
        "mark": Text(STATE_MARKS[view.state]),
        "title": view.title,
        "state": view.state,
        "figures": figures(view) if view.live else "",
    }


def words_of(view: JobView) -> Content:
    """Everything there is to say about a job."""
    lines = [job_line(view, 70)] if view.live else [Content(f"{view.title}: {view.state}")]
    if view.error:
        lines.append(Content.styled(view.error, "$error"))
    for problem in view.problems:
        lines.append(Content.assemble(("! ", "$warning"), problem))
    if not view.error and not view.problems:
        lines.append(Content.styled("No problems.", "$foreground 60%"))
    return Content("\n").join(lines)
