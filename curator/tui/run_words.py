"""What is said of a training run: its row in the list and the lines above its curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.text import Text
from textual.content import Content

from catalog.errors import BadRequest
from catalog.jobs import ENDED, Job, JobState
from curator.tui.job_view import JobView
from curator.tui.run_history import RunHistory
from curator.tui.widgets.curve import ordered
from curator.tui.widgets.job_strip import figures, progress_bar
from curator.tui.widgets.listing import Row
from curator.words import STATE_MARKS, count, number, one_line
from trainer.config import TrainRequest

STATE_COLOURS = {"running": "$primary", "done": "$success", "failed": "$error", "crashed": "$error"}


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


def run_words(history: RunHistory, width: int, heard: str = "") -> Content:
    """A run in a few lines: what it is, how far and how fast, its newest figures, its best save and what is heard."""
    view, request = history.view, history.job.request
    head = Content.assemble(
        (f"{STATE_MARKS[history.state]} {history.state}", STATE_COLOURS.get(history.state, "$warning")),
        ("  " + one_line(str(request.get("model", ""))), "bold"),
        f" on {one_line(str(request.get('set_name', '')))}, preset {request.get('preset')}",
        f", from {one_line(str(request['base']))}" if request.get("base") else "",
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
    if view.note and history.state not in ENDED:
        progress += Content.styled("  " + view.note, "$foreground 60%")
    lines = [head, progress, figures_line(history)]
    if history.best_step is not None:
        lines.append(best_line(history, heard) + look_again_words(history))
    problem = history.error() or (history.problems[-1] if history.problems else "")
    if history.state == "crashed":
        problem = "The process died; c continues from the last checkpoint"
    if problem:
        lines.append(Content.styled("! " + one_line(problem), "$error" if history.state in ENDED else "$warning"))
    return Content("\n").join(lines)


def view_of(history: RunHistory) -> JobView:
    """The run as a job with its present state."""
    return replace(history.view, state=history.state)


def best_line(history: RunHistory, heard: str) -> Content:
    """The best save by the held-out clips, how long nothing was better, what the keys play."""
    words = f"best step {history.best_step}"
    patience = patience_of(history.job)
    if history.waited:
        rule = f" of {patience} that end the run" if patience and history.state not in ENDED else ""
        words += f", then {history.waited} saves without a better one{rule}"
    return Content.assemble(words, (f"   ♪ {heard}" if heard else "", "$foreground 60%"))


def look_again_words(history: RunHistory) -> Content:
    """How many clips the run found strange, and where they are."""
    if not history.look_again:
        return Content("")
    return Content.assemble(
        ("   look again", "$warning"), f"  at {count(history.look_again, 'clip')}: ", ("2", "bold $accent"), ", then ",
        ("o", "bold $accent"),
    )  # fmt: skip


def patience_of(job: Job) -> int:
    """Saves without a better one that end the run; 0 for never and for a request that cannot be read."""
    try:
        return TrainRequest.from_dict(job.request).config().patience
    except (BadRequest, TypeError):
        return 0


def figures_line(history: RunHistory) -> Content:
    """The newest value of every loss."""
    newest = history.newest
    if not newest:
        return Content.styled("no losses yet", "$foreground 60%")
    parts: list[tuple[str, str]] = []
    for name in ordered(newest):
        parts += [(f"{name} ", "$foreground 60%"), (f"{newest[name]:.3f}   ".replace("-", "−"), "$foreground")]
    return Content.assemble(*parts)
