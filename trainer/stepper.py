"""From a batch of crops to one step of either method, on one process or on its share of several.

Separate from the loop, which knows only that there are steps, and from the steps, which know only tensors. All that is
random in a step is drawn here for the whole batch from (seed, step), and each process takes the rows that are its own:
so many processes draw what one would.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from infer.f0 import coarse
from infer.mel import CLASSIC, spectrogram
from infer.source_filter import SourceFilter
from infer.synthesizer import Synthesizer
from trainer.compiling import compile_passes
from trainer.dataset import MARGIN_FRAMES, Crop, Crops, TensorCrops, collate
from trainer.device import autocast_type
from trainer.fit import put_back, rows_that_fit
from trainer.resident import Resident, fits
from trainer.spectral import SpectralLosses, alone, spectral_step, spoken
from trainer.state import TrainState
from trainer.step import Batch, Draws, Passes, StepLosses, StepSettings, Trained, train_step
from trainer.training import Training

Losses = StepLosses | SpectralLosses


class Stepper:
    """Makes the steps of one training."""

    def __init__(self, training: Training, state: TrainState) -> None:
        config = training.config
        self.training, self.state = training, state
        self.team = training.team
        self.team.check_share(config.batch_size)
        self.rows = self.team.rows(config.batch_size)
        self.settings = StepSettings(
            training.mel,
            config.segment_frames,
            c_mel=config.loss.mel,
            c_kl=config.loss.kl,
            autocast=autocast_type(config, training.device),
            rows_at_once=config.rows_at_once,
        )
        self.resident = Resident(training.pool, training.device) if fits(training.pool, training.device) else None
        generator = state.generator
        if isinstance(generator, Synthesizer):
            generator.dec.recompute = config.checkpointing
        self.filters: Callable[..., tuple[Tensor, Tensor]] | None = None
        self.passes: Passes | None = None
        if isinstance(generator, SourceFilter) and self.team.size > 1:
            self.filters = averaged(generator, "filters")
        elif isinstance(generator, Synthesizer) and state.discriminator is not None and self.team.size > 1:
            judges = [averaged(judge, "forward") for judge in state.discriminator.discriminators]
            self.passes = Passes(averaged(generator, "forward_train"), judges)
        if training.device.type == "cuda" and not config.rows_at_once and state.discriminator is not None:
            self.settings = replace(self.settings, rows_at_once=self._rows_that_fit())
        self.warning = compile_passes(state, self._attempt) if config.compile else None
        """What a person should know of how steps are made."""

    def step(self, batch: Sequence[Crop]) -> Losses:
        """One step on this process's rows of the batch."""
        return self._learn(self._read(batch), self.settings)

    def _read(self, batch: Sequence[Crop]) -> Crops | TensorCrops:
        config = self.training.config
        where: dict[str, Any] = {"context": config.context_frames, "hop": config.hop, "rows": self.rows}
        if self.resident is not None:
            return self.resident.read(batch, **where)
        return collate(self.training.pool, batch, **where)

    def _learn(self, crops: Crops | TensorCrops, settings: StepSettings, *, together: bool = True) -> Losses:
        training, state = self.training, self.state
        # what the networks draw by themselves (dropout) is seeded as well, apart for each process
        torch.manual_seed(step_seed(training.seed, state.step) + self.team.rank)
        starts = torch.as_tensor(crops.starts).to(training.device)
        if isinstance(state.generator, SourceFilter):
            said = spoken(crops, training.config.sample_rate, training.device)
            noises = [self.noise(which, said.wave.shape[1]) for which in range(2)]
            return spectral_step(
                state.generator, state.optimizer_g, said, starts, training.config.segment_frames, training.config.loss,
                noises=noises, filters=self.filters if together else None, mean=self.team.mean if together else alone,
            )  # fmt: skip
        batch = to_batch(training, crops)
        config = state.generator.config
        noise_q = self.noise(0, cast(Any, config).inter_channels, batch.spec.shape[2])
        noise_src = self.noise(1, training.config.segment_frames * training.config.hop, 1)
        draws = Draws(starts, noise_q, noise_src if training.network.f0 else None)
        passes = self.passes if together else None
        return train_step(cast(Trained, state), batch, draws, settings, passes=passes, scaler=state.scaler)

    def _rows_that_fit(self) -> int:
        """Rows that pass together: as many as the GPU can take, on the process that can take the fewest."""
        most = self.rows.stop - self.rows.start
        with put_back(self.state):
            fit = rows_that_fit(most, self._attempt)
        return self.team.least(fit)

    def _attempt(self, rows: int | None = None) -> None:
        """A step on no matter which crops, without the team: a process that fails would leave the others waiting."""
        crops = self._read([Crop(0, 0, 0)] * self.training.config.batch_size)
        settings = self.settings if rows is None else replace(self.settings, rows_at_once=rows)
        self._learn(crops, settings, together=False)

    def noise(self, which: int, *shape: int) -> Tensor:
        """Noise of unit variance for this process's rows, of which the step has several kinds."""
        training = self.training
        seed = step_seed(training.seed, self.state.step, which)
        chance = torch.Generator(training.device).manual_seed(seed)
        whole = (training.config.batch_size, *shape)
        return torch.randn(whole, generator=chance, device=training.device)[self.rows]

    def values(self, losses: Losses) -> dict[str, float]:
        """The losses of the whole batch as plain numbers, on every process; waits for the device."""
        own = losses.values()
        if self.state.scaler is not None:
            # gradients that overflow float16 make the scaler skip the step: no sign of a break-down
            own = {name: value for name, value in own.items() if "grad_norm" not in name or math.isfinite(value)}
        if self.team.size == 1:
            return own
        found = self.team.mean(torch.tensor(list(own.values()), dtype=torch.float64))
        return dict(zip(own, found.tolist(), strict=True))


class _Method(nn.Module):
    """One method of a network as the forward pass of a module."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network, self.name = network, name

    def forward(self, *given: Any, **named: Any) -> Any:
        """What the method gives."""
        return getattr(self.network, self.name)(*given, **named)


def averaged(network: nn.Module, name: str) -> Any:
    """A method of a network whose backward pass leaves on every process of the team the mean of their gradients."""
    from torch.nn.parallel import DistributedDataParallel

    return DistributedDataParallel(_Method(network, name), gradient_as_bucket_view=True)


def to_batch(training: Training, crops: Crops | TensorCrops) -> Batch:
    """Crops as tensors on the device, their spectra computed there."""
    config, device = training.config, training.device

    def there(part: Any) -> Tensor:
        return torch.as_tensor(part).to(device, non_blocking=True)

    audio = there(crops.audio)
    spec = spectrogram(audio, config.n_fft, config.hop, config.n_fft, power_floor=CLASSIC.power_floor)
    margin = MARGIN_FRAMES * config.hop
    lengths = there(crops.lengths)
    pitch = crops.pitch if isinstance(crops, TensorCrops) else coarse(crops.f0)
    return Batch(
        phone=there(crops.phone),
        phone_lengths=lengths,
        pitch=there(pitch) if training.network.f0 else None,
        f0=there(crops.f0) if training.network.f0 else None,
        spec=spec[..., MARGIN_FRAMES:-MARGIN_FRAMES],
        spec_lengths=lengths,
        wave=audio[:, margin:-margin].unsqueeze(1),
        sid=there(crops.speaker),
        mean_frames=there(np.float32(crops.mean_frames)),
    )


def step_seed(seed: int, step: int, which: int = -1) -> int:
    """Seed of what is drawn inside one step, by kind."""
    digest = hashlib.sha256(f"{seed}:step:{step}:{which}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 2
