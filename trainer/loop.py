"""Training on one page: resume or build, draw, step, tell, save, until the last step or a wish to stop.

Separate from what it calls: the data is `dataset`, the maths are `step` and `spectral`, what lasts is `state`, what is
measured is `evaluate`; here is only their order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch

from catalog.errors import CuratorError
from infer.mel import MelSettings
from infer.network import Network, NetworkConfig
from trainer.base import FROM_SCRATCH, Start, begin
from trainer.checkpoints import Checkpoints, Identity
from trainer.config import TrainConfig
from trainer.dataset import Crop, Position, TrainClip, batches, crops_per_epoch, pool
from trainer.device import gpu_words, memory_in_words
from trainer.pace import Pace
from trainer.saves import Saves
from trainer.state import TrainState
from trainer.stepper import Stepper
from trainer.stopping import settled
from trainer.team import ALONE, Team

PROGRESS_EVERY_S = 0.5


class Report(Protocol):
    """What is used of `catalog.jobs.JobReport`."""

    def event(self, kind: str, /, **fields: object) -> None: ...
    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None: ...
    def metric(self, step: int, values: Mapping[str, float]) -> None: ...
    def warning(self, text: str) -> None: ...
    def stop_requested(self) -> bool: ...


@dataclass(frozen=True)
class Training:
    """What one training is made of."""

    config: TrainConfig
    network: NetworkConfig
    seed: int
    device: torch.device
    train: tuple[TrainClip, ...]
    held_out: tuple[TrainClip, ...]
    data: str
    """Digest of the clips and their features."""
    folder: Path
    """The run's folder."""
    start: Start = FROM_SCRATCH
    """Where the networks come from."""
    team: Team = ALONE
    """The processes that share every batch."""
    pace: Pace = field(default_factory=Pace, compare=False)
    """Counts the time left, by the clock that it was given."""
    onlooker: Callable[[Network, int], object] | None = field(default=None, compare=False)
    """Is shown the generator, and told the step, whenever it has been measured."""

    @property
    def steps(self) -> int:
        """The last step: as asked for, or as many as the epochs take."""
        if self.config.steps is not None:
            return self.config.steps
        crops = self.config.epochs * crops_per_epoch(self.train, self.config.segment_frames)
        return max(1, math.ceil(crops / self.config.batch_size))

    def ended(self, state: TrainState) -> bool:
        """Whether there is nothing left to do: the last step is done, or nothing got better for too long."""
        return state.step >= self.steps or settled(state.curve, self.config.patience)

    @property
    def mel(self) -> MelSettings:
        """The mel spectrogram of loss and measurement."""
        config = self.config
        return MelSettings(config.sample_rate, config.n_fft, config.hop, config.mels)

    @cached_property
    def pool(self) -> tuple[TrainClip, ...]:
        """What the crops of a batch are cut from."""
        return pool(self.train)

    def batches(self, start: Position) -> Iterator[tuple[list[Crop], Position]]:
        """The batches from a position on, each with the position after it."""
        return batches(
            self.train,
            seed=self.seed,
            segment=self.config.segment_frames,
            context=self.config.context_frames,
            batch_size=self.config.batch_size,
            start=start,
        )

    def identity(self) -> Identity:
        """What its checkpoints are bound to."""
        return Identity(self.config, self.network, self.seed, self.data)


def train(training: Training, report: Report) -> tuple[TrainState, Checkpoints]:
    """Train until the last step, until nothing gets better or until asked to stop, going on from the newest checkpoint.

    The state it returns is saved. Raises CuratorError in words when the losses stop being numbers or memory runs out.
    """
    config, steps = training.config, training.steps
    checkpoints = Checkpoints(training.folder / "checkpoints", training.identity(), keep_last=config.keep_last)
    training.team.agree(True)  # what the leader wrote before is on disk for the others to go on from
    state = resume_or_build(training, checkpoints, report)
    checkpoints.check_room(state)
    saves = Saves(
        training.train, training.held_out, training.mel, training.folder, checkpoints, report, training.onlooker
    )
    stream = training.batches(state.position)
    team, stepper = training.team, Stepper(training, state)
    if stepper.warning:
        report.warning(stepper.warning)
    pace, said, saved = training.pace, 0.0, state.step
    pace.begin()
    with memory_in_words(config, training.device):
        if team.leads:
            saves.look(state)
        pace.looked()
        while team.agree(not training.ended(state) and not report.stop_requested()):
            crops, state.position = next(stream)
            state.set_learning_rate(learning_rate(config, state, steps))
            losses = stepper.step(crops)
            state.step += 1
            if state.step % config.log_every == 0 or state.step in (1, steps):
                report.metric(state.step, finite(stepper.values(losses), state.step, checkpoints))
            pace.stepped()
            if time.monotonic() - said >= PROGRESS_EVERY_S or state.step == steps:
                said = time.monotonic()
                left = pace.left(state.step, steps, config.save_every)
                report.progress(state.step, steps, "steps", note(state, training.device), eta_s=left)
            if state.step % config.save_every == 0 or state.step == steps:
                finite(stepper.values(losses), state.step, checkpoints)
                if team.leads:
                    saves.save(state)
                saved = state.step
                pace.saved()
        if state.step > saved:
            finite(stepper.values(losses), state.step, checkpoints)
            if team.leads:
                saves.write(state)
    return state, checkpoints


def note(state: TrainState, device: torch.device) -> str:
    """What is said beside the bar: the epoch, the best save so far, the GPU's load."""
    words = [f"epoch {state.position.epoch + 1}"]
    if state.best is not None and state.best.mel is not None:
        words.append(f"best step {state.best.step}")
    return ", ".join([*words, *gpu_words(device)])


def resume_or_build(training: Training, checkpoints: Checkpoints, report: Report) -> TrainState:
    """The newest checkpoint, else base weights, else networks drawn from the seed."""
    state = TrainState.build(training.config, training.network, training.seed, training.device)
    if checkpoints.newest() is not None:
        warning = checkpoints.resume(state)
        if warning:
            report.warning(warning)
        report.event("resumed", step=state.step, epoch=state.position.epoch)
    elif anew := begin(state, training.start):
        report.event("note", text=f"{training.start.name} does not give {', '.join(anew)}: learned from scratch")
    return state


def learning_rate(config: TrainConfig, state: TrainState, steps: int) -> float:
    """A pure function of step and epoch: a rise, RVC's decay an epoch, and a cosine down to `lr_final`."""
    rise = min(1.0, (state.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    cosine = (1 + math.cos(math.pi * min(1.0, state.step / steps))) / 2
    decay = config.lr_decay**state.position.epoch
    return config.learning_rate * rise * decay * (config.lr_final + (1 - config.lr_final) * cosine)


def finite(values: dict[str, float], step: int, checkpoints: Checkpoints) -> dict[str, float]:
    """The losses as they are; raises CuratorError in words when one is not a number."""
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if not broken:
        return values
    newest = checkpoints.newest()
    kept = f"the checkpoint {newest.name} is from before" if newest else "no checkpoint was written yet"
    raise CuratorError(
        f"The training broke down at step {step}: {broken[0]} is not a number ({kept}); "
        "start a new run with half the learning rate"
    )
