"""The running jobs, one line each, at the foot of every screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from curator.tui.job_view import JobView
from curator.words import STATE_MARKS, clock, number

MOST_LINES = 3
STATE_COLOURS = {"running": "$primary", "stopping": "$warning", "failed": "$error", "crashed": "$error"}


class JobStrip(Static):
    """What is at work now and how long it will take; nothing when nothing is."""

    DEFAULT_CSS = """
    JobStrip { height: auto; max-height: 3; background: $panel; padding: 0 1; display: none; }
    JobStrip.-some { display: block; }
    """

    views: reactive[tuple[JobView, ...]] = reactive[tuple[JobView, ...]](())

    class Opened(Message):
        """The strip was clicked: show the jobs in full."""

    def watch_views(self, views: tuple[JobView, ...]) -> None:
        """Show the jobs that need to be seen."""
        self.set_class(bool(shown(views)), "-some")
        self._draw()

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """Ask for the full list."""
        event.stop()
        self.post_message(self.Opened())

    def _draw(self) -> None:
        width = (self.size.width or self.app.size.width - 2) if self.is_attached else 78
        jobs = shown(self.views)
        lines = [job_line(view, width) for view in jobs[:MOST_LINES]]
        if len(jobs) > MOST_LINES:
            lines[-1] = Content(f"and {len(jobs) - MOST_LINES + 1} more: J shows all").truncate(width)
        self.update(Content("\n").join(lines))


def shown(views: Sequence[JobView]) -> list[JobView]:
    """Those at work, and those that failed and were not looked at yet."""
    return [view for view in views if view.live or view.state in ("failed", "crashed")]


def job_line(view: JobView, width: int) -> Content:
    """One job in one line: mark, name, bar, share, amount, rate, time left, as far as there is room."""
    colour = STATE_COLOURS.get(view.state, "$foreground")
    if view.state in ("failed", "crashed"):
        text = f"{STATE_MARKS[view.state]} {view.title} {view.state}: {view.error}"
        hint = "  J more"
        return Content.assemble((text, colour)).truncate(max(1, width - len(hint)), ellipsis=True) + Content(hint)
    name_width = max(16, min(40, width * 2 // 5))
    title = view.title + (f" · {view.phase}" if view.phase else "")
    parts = [
        Content.assemble((f"{STATE_MARKS[view.state]} ", colour)),
        Content(title).truncate(name_width, ellipsis=True, pad=True),
        Content("  "),
    ]
    numbers = figures(view)
    room = width - 2 - name_width - 2 - len(numbers) - 2
    if view.share is not None and room >= 6:
        parts.append(progress_bar(view.share, min(room, 32)))
        parts.append(Content("  "))
    parts.append(Content.styled(numbers, "$foreground 60%"))
    return Content("").join(parts).truncate(width, ellipsis=True)


def figures(view: JobView) -> str:
    """How far, how fast and how long still, in words."""
    if view.state in ("waiting", "stopping"):
        return "stopping" if view.state == "stopping" else "waiting" if view.phase else "starting"
    if view.share is None:
        return "working"
    words = [f"{view.share * 100:3.0f} %", f"{number(view.done, 0)}/{number(view.total, 0)} {view.unit}".rstrip()]
    if view.rate:
        words.append(f"{number(view.rate, 1 if view.rate < 100 else 0)}/s")
    if view.eta_s is not None:
        words.append(f"{clock(view.eta_s)} left")
    return "  ".join(words)


def progress_bar(share: float, width: int, colour: str = "$primary") -> Content:
    """A bar of `width` cells, in half cells."""
    halves = round(share * width * 2)
    full, half = divmod(halves, 2)
    rest = width - full - half
    return Content.assemble(("━" * full, colour), ("╸" * half, colour), ("─" * rest, "$foreground 20%"))
