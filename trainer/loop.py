"""Training on one page: resume or build, draw, step, tell, save, until the last step or a wish to stop.

Separate from what it calls: the data is `dataset`, the maths are `step` and `spectral`, what lasts is `state`, what is
measured is `evaluate`; here is only their order.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch

from catalog.errors import CuratorError
from infer.f0 import coarse
from infer.mel import CLASSIC, MelSettings, spectrogram
from infer.network import NetworkConfig
from infer.source_filter import SourceFilter
from trainer.base import load_base
from trainer.config import TrainConfig
from trainer.dataset import MARGIN_FRAMES, Crops, TrainClip, batches, crops_per_epoch
from trainer.device import autocast_type, memory_in_words
from trainer.evaluate import measure, write_sample
from trainer.spectral import SpectralLosses, spectral_step, spoken
from trainer.state import Checkpoints, Identity, TrainState
from trainer.step import Batch, Draws, StepLosses, StepSettings, Trained, train_step

PROGRESS_EVERY_S = 0.5


class Report(Protocol):
    """What is used of `catalog.jobs.JobReport`."""

    def event(self, kind: str, /, **fields: object) -> None: ...
    def progress(self, done: float, total: float, unit: str, note: str = "") -> None: ...
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
    base: Path | None = None
    """Weights file of a generator to start from; its discriminator lies beside it where there is one."""

    @property
    def steps(self) -> int:
        """The last step: as asked for, or as many as the epochs take."""
        if self.config.steps is not None:
            return self.config.steps
        crops = self.config.epochs * crops_per_epoch(self.train, self.config.segment_frames)
        return max(1, math.ceil(crops / self.config.batch_size))

    @property
    def mel(self) -> MelSettings:
        """The mel spectrogram of loss and measurement."""
        config = self.config
        return MelSettings(config.sample_rate, config.n_fft, config.hop, config.mels)

    def identity(self) -> Identity:
        """What its checkpoints are bound to."""
        return Identity(self.config, self.network, self.seed, self.data)


def train(training: Training, report: Report) -> tuple[TrainState, Checkpoints]:
    """Train until the last step or until asked to stop, going on from the newest checkpoint if there is one.

    The state it returns is saved. Raises CuratorError in words when the losses stop being numbers or memory runs out.
    """
    config, steps = training.config, training.steps
    checkpoints = Checkpoints(training.folder / "checkpoints", training.identity(), keep_last=config.keep_last)
    state = resume_or_build(training, checkpoints, report)
    checkpoints.check_room(state)
    stream = batches(
        training.train,
        seed=training.seed,
        segment=config.segment_frames,
        context=config.context_frames,
        hop=config.hop,
        batch_size=config.batch_size,
        start=state.position,
    )
    said, saved = 0.0, state.step
    with memory_in_words(config, training.device):
        while state.step < steps and not report.stop_requested():
            crops, state.position = next(stream)
            torch.manual_seed(step_seed(training.seed, state.step))
            state.set_learning_rate(learning_rate(config, state, steps))
            losses = one_step(training, state, crops)
            state.step += 1
            if state.step % config.log_every == 0 or state.step in (1, steps):
                report.metric(state.step, finite(losses.values(), state.step, checkpoints))
            if time.monotonic() - said >= PROGRESS_EVERY_S or state.step == steps:
                said = time.monotonic()
                report.progress(state.step, steps, "steps", f"epoch {state.position.epoch + 1}")
            if state.step % config.save_every == 0 or state.step == steps:
                finite(losses.values(), state.step, checkpoints)
                save(training, state, checkpoints, report)
                saved = state.step
        if state.step > saved:
            save(training, state, checkpoints, report)
    return state, checkpoints


def resume_or_build(training: Training, checkpoints: Checkpoints, report: Report) -> TrainState:
    """The newest checkpoint, else base weights, else networks drawn from the seed."""
    state = TrainState.build(training.config, training.network, training.seed, training.device)
    if checkpoints.newest() is not None:
        warning = checkpoints.resume(state)
        if warning:
            report.warning(warning)
        report.event("resumed", step=state.step, epoch=state.position.epoch)
    elif training.base is not None and (anew := load_base(state, training.base)):
        report.event("note", text=f"{training.base.name} does not give {', '.join(anew)}: learned from scratch")
    return state


def one_step(training: Training, state: TrainState, crops: Crops) -> StepLosses | SpectralLosses:
    """The step that the config's method asks for."""
    config = training.config
    if isinstance(state.generator, SourceFilter):
        said, starts = spoken(crops, config.sample_rate, training.device), torch.from_numpy(crops.starts)
        starts = starts.to(training.device)
        return spectral_step(state.generator, state.optimizer_g, said, starts, config.segment_frames, config.loss)
    batch, starts = to_batch(training, crops)
    settings = StepSettings(
        training.mel,
        config.segment_frames,
        c_mel=config.loss.mel,
        c_kl=config.loss.kl,
        autocast=autocast_type(config, training.device),
    )
    return train_step(cast(Trained, state), batch, Draws(starts), settings)


def to_batch(training: Training, crops: Crops) -> tuple[Batch, torch.Tensor]:
    """Crops as tensors on the device, their spectra computed there, and the first frame of each segment (B,)."""
    config, device = training.config, training.device
    audio = torch.from_numpy(crops.audio).to(device)
    spec = spectrogram(audio, config.n_fft, config.hop, config.n_fft, power_floor=CLASSIC.power_floor)
    margin = MARGIN_FRAMES * config.hop
    lengths = torch.from_numpy(crops.lengths).to(device)
    batch = Batch(
        phone=torch.from_numpy(crops.phone).to(device),
        phone_lengths=lengths,
        pitch=torch.from_numpy(coarse(crops.f0)).to(device) if training.network.f0 else None,
        f0=torch.from_numpy(crops.f0).to(device) if training.network.f0 else None,
        spec=spec[..., MARGIN_FRAMES:-MARGIN_FRAMES],
        spec_lengths=lengths,
        wave=audio[:, margin:-margin].unsqueeze(1),
        sid=torch.from_numpy(crops.speaker).to(device),
    )
    return batch, torch.from_numpy(crops.starts).to(device)


def save(training: Training, state: TrainState, checkpoints: Checkpoints, report: Report) -> None:
    """Measure, render a sample, keep the generator if it is the best, and write the checkpoint."""
    found = measure(state.generator, training.held_out, training.mel)
    best = checkpoints.save_best(state, None if found is None else found.mel)
    facts: dict[str, float | bool] = {"best": best}
    if found is not None:
        report.metric(state.step, found.to_dict())
        facts["held_out_mel"] = round(found.mel, 5)
    heard = training.held_out or training.train
    sample = training.folder / "samples" / f"step-{state.step:08d}.wav"
    write_sample(state.generator, heard[0], sample)
    report.event("sample", step=state.step, path=sample.name, clip=heard[0].clip, held_out=bool(training.held_out))
    path = checkpoints.save(state)
    report.event("checkpoint", step=state.step, path=path.name, **facts)


def learning_rate(config: TrainConfig, state: TrainState, steps: int) -> float:
    """A pure function of step and epoch: a rise, RVC's decay an epoch, and a cosine down to `lr_final`."""
    rise = min(1.0, (state.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    cosine = (1 + math.cos(math.pi * min(1.0, state.step / steps))) / 2
    decay = config.lr_decay**state.position.epoch
    return config.learning_rate * rise * decay * (config.lr_final + (1 - config.lr_final) * cosine)


def step_seed(seed: int, step: int) -> int:
    """Seed of everything drawn inside one step."""
    digest = hashlib.sha256(f"{seed}:step:{step}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


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
