"""Training on one page: resume or build, draw, step, tell, save, until the last step or a wish to stop.

Separate from what it calls: the data is `dataset`, the maths are `step` and `spectral`, what lasts is `state`, what is
measured is `evaluate`; here is only their order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Protocol

import torch

from catalog.errors import CuratorError
from trainer.base import begin
from trainer.checkpoints import Checkpoints
from trainer.config import TrainConfig
from trainer.device import gpu_words, memory_in_words
from trainer.saves import Saves
from trainer.state import TrainState
from trainer.stepper import Stepper
from trainer.training import Training

PROGRESS_EVERY_S = 0.5


class Report(Protocol):
    """What is used of `catalog.jobs.JobReport`."""

    def event(self, kind: str, /, **fields: object) -> None: ...
    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None: ...
    def metric(self, step: int, values: Mapping[str, float]) -> None: ...
    def warning(self, text: str) -> None: ...
    def stop_requested(self) -> bool: ...


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
    with memory_in_words(config.batch_size, training.device):
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
