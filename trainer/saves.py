"""What happens at a save: measure, render, keep the generator if it is the best, write the whole state, say so.

Separate from the loop, which only knows when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from infer.mel import MelSettings
from infer.network import Network
from trainer.checkpoints import Checkpoints
from trainer.dataset import TrainClip
from trainer.evaluate import Measurement, Yardstick, fixed
from trainer.samples import render, thin
from trainer.state import TrainState
from trainer.stopping import CHOSEN_BY, Point


class Told(Protocol):
    """What is used of `catalog.jobs.JobReport`."""

    def event(self, kind: str, /, **fields: object) -> None: ...
    def metric(self, step: int, values: Mapping[str, float]) -> None: ...


class Saves:
    """The saves of one run."""

    def __init__(
        self,
        train: Sequence[TrainClip],
        held_out: Sequence[TrainClip],
        mel: MelSettings,
        folder: Path,
        checkpoints: Checkpoints,
        report: Told,
        onlooker: Callable[[Network, int], object] | None = None,
    ) -> None:
        self.yardstick = Yardstick(held_out, train, mel)
        self.heard = self.yardstick.clips or tuple(fixed(train))
        self.folder = folder / "samples"
        self.checkpoints = checkpoints
        self.report = report
        self.onlooker = onlooker

    def look(self, state: TrainState) -> None:
        """Measure what the networks can do before their first step; the curve begins there."""
        if state.step == 0 and not state.curve:
            self._measure(state)
            recorded = self.yardstick.recorded_speaker
            if recorded is not None:
                self.report.event("recorded", **{"held_out/speaker": round(recorded, 4)})

    def save(self, state: TrainState) -> None:
        """Measure, render, and write what is to be kept."""
        found = self._measure(state)
        best = self.checkpoints.save_best(state, None if found is None else found.mel)
        facts: dict[str, Any] = {"best": best}
        if found is not None:
            facts["held_out_mel"] = round(found.mel, 5)
        for sample in render(state.generator, self.heard, self.folder, state.step):
            self.report.event("sample", step=state.step, held_out=bool(self.yardstick.clips), **sample)
        thin(self.folder, keep=[] if state.best is None else [state.best.step])
        self.write(state, **facts)

    def write(self, state: TrainState, **facts: Any) -> None:
        """Write the whole state alone, to go on from."""
        path = self.checkpoints.save(state)
        self.report.event("checkpoint", step=state.step, path=path.name, bytes=path.stat().st_size, **facts)

    def _measure(self, state: TrainState) -> Measurement | None:
        found = self.yardstick.measure(state.generator)
        if found is not None:
            values = found.to_dict()
            self.report.metric(state.step, values)
            state.curve.append(Point(state.step, {**values, CHOSEN_BY: found.mel}))
            if self.onlooker is not None:
                self.onlooker(state.generator, state.step)
        return found
