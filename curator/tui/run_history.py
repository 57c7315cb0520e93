"""The story of one training run as its events tell it: losses over steps, progress and samples.

Separate because the training screen shows any run, alive or long ended, and reads on where it stopped reading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.jobs import Job, JobState
from curator.tui.job_view import JobView, problem_of, title_of, told
from trainer.stopping import CHOSEN_BY, Point, best, waited


@dataclass(frozen=True)
class Sample:
    """A fixed clip as the model says it at a save."""

    step: int
    number: int
    """Which of the fixed clips, from 1."""
    path: Path
    original: Path | None
    """The recording itself."""


class RunHistory:
    """One run, read from its folder as it grows."""

    def __init__(self, path: Path) -> None:
        self.job = Job.open(path)
        self.view = JobView(self.job.id, self.job.kind, title_of(self.job), "waiting")
        self.state: JobState = "waiting"
        self.curves: dict[str, list[tuple[float, float]]] = {}
        self.samples: dict[int, dict[int, Sample]] = {}
        """By step and number of the clip."""
        self.problems: list[str] = []
        self.reached: tuple[float, float] | None = None
        """Steps done and steps asked for, kept when a later phase counts something else."""
        self.look_again = 0
        """Clips of the set that the ended run found strange."""
        self._offset = 0

    def read_on(self) -> bool:
        """Read what is new; True when anything was."""
        state = self.job.state()
        events, self._offset = self.job.events(self._offset)
        for event in events:
            self.view = told(self.view, event)
            self._take(event)
        changed = bool(events) or state != self.state
        self.state = state
        return changed

    @property
    def newest(self) -> dict[str, float]:
        """The newest value of every metric."""
        return {name: points[-1][1] for name, points in self.curves.items()}

    @property
    def best_step(self) -> int | None:
        """The save that measured best on the held-out clips."""
        top = best(self._measured)
        return None if top is None else top.step

    @property
    def waited(self) -> int:
        """Saves since the best."""
        return waited(self._measured)

    @property
    def _measured(self) -> list[Point]:
        return [Point(int(step), {CHOSEN_BY: value}) for step, value in self.curves.get(CHOSEN_BY, ())]

    def error(self) -> str:
        """Why the run failed, or nothing."""
        return str((self.job.result() or {}).get("error") or "") if self.state == "failed" else ""

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind == "metric":
            for name, value in dict(event.get("values") or {}).items():
                self._point(str(name), event.get("step"), value)
        elif kind == "progress" and event.get("unit") == "steps":
            self.reached = float(event.get("done") or 0), float(event.get("total") or 0)
        elif kind == "sample" and event.get("path"):
            self._hear(event)
        elif kind == "look_again":
            self.look_again = int(event.get("clips") or 0)
        problem = problem_of(event)
        if problem:
            self.problems.append(problem)

    def _hear(self, event: Mapping[str, Any]) -> None:
        folder, step, number = self.job.path / "samples", int(event.get("step") or 0), int(event.get("number") or 1)
        original = folder / str(event["original"]) if event.get("original") else None
        self.samples.setdefault(step, {})[number] = Sample(step, number, folder / str(event["path"]), original)

    def _point(self, name: str, step: object, value: object) -> None:
        if not isinstance(step, int | float) or not isinstance(value, int | float) or not math.isfinite(value):
            return
        points = self.curves.setdefault(name, [])
        while points and points[-1][0] >= step:
            points.pop()
        points.append((float(step), float(value)))
