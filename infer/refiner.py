"""The refiner: a network that takes noise off a mel spectrogram, told what is said, how high, how loud and by whom.

Separate from the voices, because it is an extra beside any of them: it hears what a voice has made as a spectrogram,
and a moderate amount of noise hides what is wrong with it while the outline stays. Parameters carry the names of
so-vits-svc 4.1's diffusion models, so that theirs are read as they are.
Methods: Liu et al. 2022 (DiffSinger), Liu et al. 2021 (DiffSVC), Kong et al. 2021 (DiffWave: the denoiser),
Vaswani et al. 2017 (sines that tell the step), Karras et al. 2022 (what a network of our own leaves to a guess).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infer.diffusion import CALLS, amounts, denoised, noised, times
from infer.mel import MelSettings, Numerics
from infer.refiner_config import OWN, SOVITS, RefinerConfig

LOWEST, HIGHEST = -12.0, 2.0
"""Log mel magnitudes between these are what the denoiser sees as -1 to 1."""
MEAN, SPREAD = -0.05, 0.3
"""Of such numbers over speech."""
_MEL_BREAK = 700.0
_LONGEST_WAVE = 10_000.0
_SOVITS_FFT, _SOVITS_LOW, _SOVITS_HIGH = 2048, 40.0, 16000.0
_SOVITS_NUMERICS = Numerics("nsf-hifigan", 1e-9, 1e-5, True)


class DenoiserLayer(nn.Module):
    """A gated convolution over time that hears the step and the condition."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.dilated_conv = nn.Conv1d(width, 2 * width, 3, padding=1)
        self.diffusion_projection = nn.Linear(width, width)
        self.conditioner_projection = nn.Conv1d(hidden, 2 * width, 1)
        self.output_projection = nn.Conv1d(width, 2 * width, 1)

    def forward(self, x: Tensor, step: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, W, T), step (B, W), condition (B, 2 * W, T) -> what goes on and what is skipped, (B, W, T)."""
        heard = self.dilated_conv(x + self.diffusion_projection(step).unsqueeze(-1)) + condition
        gate, filtered = heard.chunk(2, dim=1)
        residual, skip = self.output_projection(torch.sigmoid(gate) * torch.tanh(filtered)).chunk(2, dim=1)
        return (x + residual) / math.sqrt(2), skip


class Denoiser(nn.Module):
    """A noisy spectrogram, its step and a condition -> the noise in it."""

    def __init__(self, n_mels: int, layers: int, width: int, hidden: int) -> None:
        super().__init__()
        self.input_projection = nn.Conv1d(n_mels, width, 1)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.Mish(), nn.Linear(4 * width, width))
        self.residual_layers = nn.ModuleList(DenoiserLayer(width, hidden) for _ in range(layers))
        self.skip_projection = nn.Conv1d(width, width, 1)
        self.output_projection = nn.Conv1d(width, n_mels, 1)
        for part in self.modules():
            if isinstance(part, nn.Conv1d):
                nn.init.kaiming_normal_(part.weight)
        # begins without an opinion, which is right on average
        nn.init.zeros_(self.output_projection.weight)

    def conditions(self, condition: Tensor) -> list[Tensor]:
        """What each layer is to hear of a condition (B, H, T), which is the same for every step."""
        layers = cast(Iterable[DenoiserLayer], self.residual_layers)
        return [layer.conditioner_projection(condition) for layer in layers]

    def forward(self, noisy: Tensor, step: Tensor, conditions: list[Tensor]) -> Tensor:
        """noisy (B, M, T), step (B,), a condition for each layer -> noise of unit variance (B, M, T)."""
        x = F.relu(self.input_projection(noisy))
        told = self.mlp(step_waves(step, x.shape[1]))
        total = torch.zeros_like(x)
        for layer, condition in zip(self.residual_layers, conditions, strict=True):
            x, skip = layer(x, told, condition)
            total = total + skip
        out: Tensor = self.output_projection(F.relu(self.skip_projection(total / math.sqrt(len(conditions)))))
        return out


class Refiner(nn.Module):
    """Content, f0, loudness and a speaker -> which spectrogram a noisy one is meant to be."""

    def __init__(self, config: RefinerConfig) -> None:
        super().__init__()
        self.config = config
        self.unit_embed = nn.Linear(config.phone_dim, config.hidden)
        self.f0_embed = nn.Linear(1, config.hidden)
        self.volume_embed = nn.Linear(1, config.hidden)
        if config.shifted:
            self.aug_shift_embed = nn.Linear(1, config.hidden, bias=False)
        if config.speakers > 1:
            self.spk_embed = nn.Embedding(config.speakers, config.hidden)
        self.decoder = nn.ModuleDict(
            {"denoise_fn": Denoiser(config.n_mels, config.layers, config.width, config.hidden)}
        )

    def condition(self, units: Tensor, f0: Tensor, volume: Tensor, sid: Tensor) -> Tensor:
        """units (B, T, C), f0 in Hz without gaps and volume (B, T), sid (B,) -> (B, H, T).

        Volume is what `loudness_input` makes of a loudness.
        """
        pitch = torch.log(1 + f0 / _MEL_BREAK).unsqueeze(-1)
        x = self.unit_embed(units) + self.f0_embed(pitch) + self.volume_embed(volume.unsqueeze(-1))
        if self.config.speakers > 1:
            x = x + self.spk_embed(sid).unsqueeze(1)
        found: Tensor = x.transpose(1, 2)
        return found

    def predict(self, noisy: Tensor, step: Tensor, condition: Tensor) -> Tensor:
        """A noisy spectrogram (B, M, T) between -1 and 1 and its step (B,) -> the noise in it (B, M, T)."""
        return self._heard(noisy, step, self._denoiser.conditions(condition))

    def weight(self, step: Tensor) -> Tensor:
        """Steps (B,) -> what an error of the noise counts (B,), so that the denoiser's own answer counts alike at all
        of them."""
        if self.config.layout == SOVITS:
            return torch.ones(len(step), device=step.device)
        signal, spread = amounts(step)
        return 1 + (spread / signal / SPREAD).square()

    @property
    def _denoiser(self) -> Denoiser:
        found = self.decoder["denoise_fn"]
        assert isinstance(found, Denoiser)
        return found

    def _heard(self, noisy: Tensor, step: Tensor, told: list[Tensor]) -> Tensor:
        """The noise. A network of our own says only what a guess from mean and spread of all spectrograms leaves open,
        always of one size: from little data that is learned many times faster (Karras et al. 2022)."""
        if self.config.layout == SOVITS:
            theirs: Tensor = self._denoiser(noisy, step, told)
            return theirs
        signal, spread = (each[:, None, None] for each in amounts(step))
        ratio = spread / signal
        size = (ratio.square() + SPREAD**2).sqrt()
        centred = (noisy / signal - MEAN) / size
        own: Tensor = (ratio * centred - SPREAD * self._denoiser(centred, step, told)) / size
        return own

    def refine(self, mel: Tensor, condition: Tensor, noise: Tensor, steps: int, calls: int = CALLS) -> Tensor:
        """A log mel spectrogram and unit noise (B, M, T) -> the same after `steps` of noise came and went."""
        told = self._denoiser.conditions(condition)
        asked = times(steps, calls)

        def predict(x: Tensor, step: int) -> Tensor:
            return self._heard(x, torch.full((len(x),), step, device=x.device), told)

        last = torch.full((len(mel),), asked[0], device=mel.device)
        return from_unit(denoised(noised(to_unit(mel), noise, last), predict, asked))


def mel_settings(config: RefinerConfig) -> MelSettings:
    """The spectrogram that a refiner reads: that of the published RVC models, or of the vocoder of so-vits-svc 4.1."""
    if config.layout == OWN:
        return MelSettings.published(config.sample_rate, config.hop)
    return MelSettings(
        config.sample_rate, _SOVITS_FFT, config.hop, config.n_mels, _SOVITS_LOW, _SOVITS_HIGH, _SOVITS_NUMERICS
    )


def loudness_input(decibels: Tensor) -> Tensor:
    """Loudness in dB against speech, of any shape, as a refiner of our own reads it, about -3 to 1."""
    return decibels / 20 + 1


def to_unit(mel: Tensor) -> Tensor:
    """Log mel magnitudes (B, M, T), or of any shape, to about -1 to 1."""
    return (mel - LOWEST) / (HIGHEST - LOWEST) * 2 - 1


def from_unit(unit: Tensor) -> Tensor:
    """The reverse of `to_unit`."""
    return (unit + 1) / 2 * (HIGHEST - LOWEST) + LOWEST


def step_waves(step: Tensor, width: int) -> Tensor:
    """Steps (B,) -> sines and cosines of them, from one a step down to one in 10,000: (B, width)."""
    half = width // 2
    rates = torch.exp(-math.log(_LONGEST_WAVE) / (half - 1) * torch.arange(half, device=step.device))
    turned = step.float().unsqueeze(-1) * rates
    return torch.cat([turned.sin(), turned.cos()], dim=-1)
