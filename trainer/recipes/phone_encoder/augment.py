"""Changes to a batch of mel frames that leave the words alone: another throat, room, microphone, pace and noise.

All of it works on log mel energies, a hundred times cheaper than on waveforms, so every crop is new in every step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_SCALE = 4.0
_FLOOR = 1e-6
_DB = math.log(10.0) / 10.0


class Augmenter:
    """Random changes drawn from one generator, so a seed fixes them."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def _uniform(self, *size: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(*size, generator=self.generator) * (high - low) + low

    def _some(self, batch: int, share: float) -> Tensor:
        return (self._uniform(batch, 1, 1) < share).float()

    def __call__(self, mel: Tensor) -> Tensor:
        """Changed log mel frames (B, M, mels), normalised as `LogMel` gives them, for frames normalised the same."""
        energy = torch.exp(self.move_formants(mel.float()) * _SCALE - 4.0)
        energy = self.add_room(energy)
        energy = energy * torch.exp(self.tilt(mel.shape[0], mel.shape[2]))
        energy = self.add_noise(energy)
        energy = energy * torch.exp(self.tilt(mel.shape[0], mel.shape[2], strong=False))
        level = torch.log(energy + _FLOOR)
        return self.hide((level + 4.0) / _SCALE)

    def move_formants(self, mel: Tensor) -> Tensor:
        """The spectrum stretched by 0.82 to 1.22 along frequency: a shorter or longer vocal tract."""
        batch, _, bands = mel.shape
        factor = torch.exp(self._uniform(batch, 1, low=-0.2, high=0.2))
        top = 2595.0 * math.log10(1 + 8000 / 700)
        hz = 700.0 * (10.0 ** (torch.linspace(0, top, bands) / 2595.0) - 1.0)
        place = 2595.0 * torch.log10(1 + hz[None] * factor / 700.0) / top * (bands - 1)
        low = place.clamp(0, bands - 1.001)
        index = low.long()
        share = (low - index)[:, None]
        first = mel.gather(2, index[:, None].expand_as(mel))
        second = mel.gather(2, (index + 1)[:, None].expand_as(mel))
        return first * (1 - share) + second * share

    def tilt(self, batch: int, bands: int, *, strong: bool = True) -> Tensor:
        """Log gains (B, 1, bands): loudness, a smooth equaliser curve and, for a quarter, a band limit."""
        x = torch.linspace(0, math.pi, bands)
        waves = torch.stack([torch.cos(k * x) for k in range(1, 5)])
        reach = 6.0 if strong else 2.0
        curve = (self._uniform(batch, 4, low=-reach, high=reach) * torch.tensor([1.0, 0.7, 0.5, 0.5])) @ waves
        curve = curve + self._uniform(batch, 1, low=-reach, high=reach)
        if not strong:
            return (curve * _DB)[:, None]
        band = torch.arange(bands)[None]
        high = self._uniform(batch, 1, low=0.62, high=1.0) * bands
        low = self._uniform(batch, 1, low=0.0, high=0.12) * bands
        loss = 12.0 * (band - high).clamp(min=0) + 6.0 * (low - band).clamp(min=0)
        chosen = (self._uniform(batch, 1) < 0.25).float()
        return ((curve - loss.clamp(max=60.0) * chosen) * _DB)[:, None]

    def add_room(self, energy: Tensor) -> Tensor:
        """A decaying tail of energy behind every frame: 0.15 to 0.7 s of reverberation, for a quarter of the batch."""
        batch, frames, bands = energy.shape
        t60 = self._uniform(batch, 1, low=0.15, high=0.7)
        delay = torch.arange(1, 41)[None] * 0.01
        tail = torch.exp(-13.8 * delay / t60)
        wet = 10.0 ** (self._uniform(batch, 1, low=-2.0, high=-0.2))
        kernel = tail / tail.sum(1, keepdim=True) * wet * (self._uniform(batch, 1) < 0.25).float()
        chosen = kernel.sum(1).nonzero().flatten()
        if len(chosen) == 0:
            return energy
        rows = energy[chosen].transpose(1, 2).reshape(1, len(chosen) * bands, frames)
        weights = kernel[chosen].flip(1).repeat_interleave(bands, 0)[:, None]
        late = F.conv1d(F.pad(rows, (40, 0)), weights, groups=len(chosen) * bands)[..., :frames]
        out = energy.clone()
        out[chosen] = energy[chosen] + late.reshape(len(chosen), bands, frames).transpose(1, 2)
        return out

    def add_noise(self, energy: Tensor) -> Tensor:
        """Steady coloured noise for half of the batch and another crop's speech, quiet, for a tenth."""
        batch, frames, bands = energy.shape
        loud = energy.mean((1, 2), keepdim=True)
        colour = torch.exp(self.tilt(batch, bands) * 2.0)
        flutter = torch.empty(batch, frames, bands).exponential_(generator=self.generator)
        noise = colour * (0.5 + 0.5 * flutter)
        noise = noise / noise.mean((1, 2), keepdim=True)
        ratio = 10.0 ** (-self._uniform(batch, 1, 1, low=0.0, high=3.5))
        out = energy + noise * loud * ratio * self._some(batch, 0.5)
        others = energy.roll(1, 0)
        ratio = 10.0 ** (-self._uniform(batch, 1, 1, low=0.8, high=2.5))
        scale = loud / others.mean((1, 2), keepdim=True).clamp(min=1e-9)
        return out + others * scale * ratio * self._some(batch, 0.1)

    def hide(self, level: Tensor) -> Tensor:
        """One band of up to eight mels and one moment of up to 80 ms set to the mean (SpecAugment)."""
        batch, frames, bands = level.shape
        band, frame = torch.arange(bands)[None], torch.arange(frames)[None]
        low, wide = self._uniform(batch, 1) * bands, self._uniform(batch, 1) * 8
        begin, long = self._uniform(batch, 1) * frames, self._uniform(batch, 1) * 8
        covered = ((band >= low) & (band < low + wide))[:, None] | ((frame >= begin) & (frame < begin + long))[
            :, :, None
        ]
        return level.masked_fill(covered, 0.0)
