"""What is heard of a run: which of its fixed clips, at which save, the rendering or the recording.

Separate from the screen so that stepping through saves and clips can be held by tests without a terminal.
"""

from __future__ import annotations

from pathlib import Path

from curator.tui.run_history import RunHistory, Sample


class RunListening:
    """Where the ear is in one run; without a choice it is at the best save of an ended run, else at the newest."""

    def __init__(self) -> None:
        self.number = 1
        """Which of the fixed clips, from 1."""
        self.step: int | None = None
        """The save that was chosen; None: no choice."""
        self.recording = False
        """Whether the recording is heard in the place of what the model makes of it."""

    def sample(self, history: RunHistory) -> Sample | None:
        """The rendering that is meant; None before the first save."""
        steps = self._steps(history)
        if not steps:
            return None
        step = self.step if self.step in steps else None
        if step is None:
            ended_best = history.best_step if history.state == "done" else None
            step = ended_best if ended_best in steps else steps[-1]
        numbers = history.samples[step]
        return numbers.get(self.number) or numbers[min(numbers)]

    def path(self, history: RunHistory) -> Path | None:
        """The file to play."""
        sample = self.sample(history)
        if sample is None:
            return None
        return sample.original if self.recording and sample.original is not None else sample.path

    def turn(self, history: RunHistory, by: int) -> None:
        """Go to what the model says at a later or earlier save, and stay at the ends."""
        self.recording = False
        steps, now = self._steps(history), self.sample(history)
        if now is not None:
            self.step = steps[min(len(steps) - 1, max(0, steps.index(now.step) + by))]

    def next_clip(self, history: RunHistory) -> None:
        """Go to the next of the fixed clips, after the last to the first."""
        now = self.sample(history)
        if now is not None:
            numbers = sorted(history.samples[now.step])
            self.number = numbers[(numbers.index(now.number) + 1) % len(numbers)]

    def words(self, history: RunHistory) -> str:
        """What is heard by the play key; nothing before the first save."""
        sample = self.sample(history)
        if sample is None:
            return ""
        clips = len(history.samples[sample.step])
        what = "the recording" if self.recording and sample.original is not None else "the model"
        best = ", the best" if sample.step == history.best_step else ""
        return f"clip {sample.number} of {clips}, step {sample.step}{best}: {what}"

    def _steps(self, history: RunHistory) -> list[int]:
        """The saves whose renderings are still on disk."""
        return [
            step for step in sorted(history.samples) if any(s.path.exists() for s in history.samples[step].values())
        ]
