"""What the screen knows about a job, and the follower that keeps it up to date from the job folders.

Separate from the widgets because it reads files in a thread, and because an app that was closed and opened again must
find the same jobs from the folders alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog.errors import CuratorError
from catalog.jobs import ENDED, Job, JobState
from catalog.library import Library
from curator.launch import QUEUED, next_in_line
from curator.words import file_name, one_line

NEW_RESULTS = frozenset(("recording", "known"))
LAST_WARNINGS = 200


@dataclass(frozen=True)
class JobView:
    """One job as the screen shows it."""

    id: str
    kind: str
    title: str
    state: JobState
    phase: str = ""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    rate: float | None = None
    eta_s: float | None = None
    note: str = ""
    """What the job says beside its progress."""
    problems: tuple[str, ...] = ()
    """Warnings and inputs that failed, each one line, oldest first."""
    error: str = ""
    """Why the job failed, in its own words."""

    @property
    def live(self) -> bool:
        """Whether its process is, or may soon be, at work."""
        return self.state not in ENDED

    @property
    def share(self) -> float | None:
        """How far it is, 0 to 1; None when it has not said."""
        return min(1.0, self.done / self.total) if self.total > 0 else None


@dataclass(frozen=True)
class Look:
    """What one look at the folders found."""

    views: tuple[JobView, ...]
    """Every followed job, oldest first."""
    with_results: tuple[Job, ...]
    """Jobs that have something new for the catalogue to take in."""
    ended: tuple[JobView, ...]
    """Jobs that ended since the look before."""


@dataclass
class _Followed:
    job: Job
    view: JobView
    offset: int = 0
    problems: list[str] = field(default_factory=list)


class Follower:
    """Follows every job of a library that is alive, whoever started it, and those that ended while it watched."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._followed: dict[Path, _Followed] = {}
        self._past: set[Path] = set()
        self._first = True
        self._lock = threading.Lock()

    def look(self) -> Look:
        """Read what is new."""
        with self._lock:
            return self._look()

    def _look(self) -> Look:
        self._find()
        ended, with_results = [], []
        for followed in self._followed.values():
            if not followed.view.live:
                continue
            news = self._read(followed)
            view = followed.view
            if news or not view.live:
                with_results.append(followed.job)
            if not view.live:
                ended.append(view)
        self._first = False
        return Look(tuple(each.view for each in self._followed.values()), tuple(with_results), tuple(ended))

    def job(self, job_id: str) -> Job | None:
        """The followed job of this id."""
        with self._lock:
            return next((each.job for each in self._followed.values() if each.job.id == job_id), None)

    def next_in_line(self) -> Job | None:
        """The job whose turn it is to be started, if any."""
        with self._lock:
            return next_in_line((each.job, each.view.state) for each in self._followed.values())

    def dismiss(self, job_id: str) -> None:
        """Stop showing a job that has ended."""
        with self._lock:
            for path, followed in list(self._followed.items()):
                if followed.job.id == job_id and not followed.view.live:
                    del self._followed[path]
                    self._past.add(path)

    def _find(self) -> None:
        for parent in (self.library.jobs, self.library.runs):
            paths = sorted(path for path in parent.glob("*") if not path.name.startswith("."))
            for path in paths:
                known = self._followed.get(path)
                if known is not None and not known.view.live and known.job.state() not in ENDED:
                    self._follow(path, offset=known.offset)
                elif known is None:
                    self._meet(path)

    def _meet(self, path: Path) -> None:
        if path in self._past and not (path / "events.jsonl").exists():
            return
        if path in self._past and (path / "result.json").exists():
            return
        try:
            state = Job.open(path).state()
        except (CuratorError, OSError):
            return
        if state in ENDED and (self._first or path in self._past):
            self._past.add(path)
            return
        self._follow(path)

    def _follow(self, path: Path, offset: int = 0) -> None:
        job = Job.open(path)
        self._past.discard(path)
        phase = "in the queue" if QUEUED in job.request else ""
        self._followed[path] = _Followed(job, JobView(job.id, job.kind, title_of(job), "waiting", phase), offset)

    def _read(self, followed: _Followed) -> bool:
        state = followed.job.state()
        events, followed.offset = followed.job.events(followed.offset)
        view = followed.view
        for event in events:
            view = told(view, event)
            problem = problem_of(event)
            if problem:
                followed.problems.append(problem)
        problems = tuple(followed.problems[-LAST_WARNINGS:])
        error = ""
        if state in ENDED:
            result = followed.job.result() or {}
            if state in ("failed", "crashed"):
                error = str(result.get("error") or crash_words(followed.job))
            elif state == "done" and came_to_nothing(result):
                state, error = "failed", problems[-1] if problems else "nothing could be used"
        followed.view = replace(view, state=state, problems=problems, error=one_line(error))
        return any(event.get("type") in NEW_RESULTS for event in events)


def told(view: JobView, event: Mapping[str, Any]) -> JobView:
    """A view after one more event."""
    if event.get("type") == "phase":
        return replace(view, phase=one_line(str(event.get("name", ""))), done=0.0, total=0.0, rate=None, eta_s=None)
    if event.get("type") == "progress":
        return replace(
            view,
            done=float(event.get("done") or 0),
            total=float(event.get("total") or 0),
            unit=one_line(str(event.get("unit", ""))),
            rate=event.get("rate"),
            eta_s=event.get("eta_s"),
            note=one_line(str(event.get("note") or "")),
        )
    return view


def problem_of(event: Mapping[str, Any]) -> str | None:
    """What an event complains about, in one line, or None."""
    if event.get("type") == "warning":
        return one_line(str(event.get("text", "")))
    if event.get("type") == "failed":
        return one_line(str(event.get("error") or f"{event.get('path')}: failed"))
    return None


def came_to_nothing(result: Mapping[str, Any]) -> bool:
    """Whether all that a job was given failed, which its own outcome does not say: one bad file never stops it."""
    made = result.get("outputs") or result.get("recordings") or result.get("known")
    return bool(result.get("failed")) and not made


def crash_words(job: Job) -> str:
    """What to say about a job whose process died."""
    hint = "resume it from its last checkpoint" if job.kind == "train" else "start it again, it goes on where it ended"
    return f"The process died without a result: {hint}. Its log is {job.path / 'log.txt'}"


def title_of(job: Job) -> str:
    """What a job does, for a person."""
    request = job.request
    if job.kind == "add":
        paths = [file_name(str(path)) for path in request.get("paths", [])]
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        return f"Add {paths[0] if paths else 'recordings'}{more}"
    if job.kind == "freeze":
        return f"Freeze {one_line(str(request.get('name', '')))}"
    if job.kind == "train":
        return f"Train {one_line(str(request.get('model', '')))}"
    if job.kind == "convert":
        inputs = [file_name(str(path)) for path in request.get("inputs", [])]
        more = f" and {len(inputs) - 1} more" if len(inputs) > 1 else ""
        return f"Convert {inputs[0] if inputs else ''}{more} with {one_line(str(request.get('model', '')))}"
    if job.kind == "grid":
        tries = len(request.get("options", []))
        return f"Try {tries} settings of {one_line(str(request.get('model', '')))}"
    if job.kind == "preview":
        return f"Preview {one_line(str(request.get('set', '')))}"
    return one_line(job.kind)
