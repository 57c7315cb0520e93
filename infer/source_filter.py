"""The small voice: a network that says how voice and breath are to sound, and a source that is right by construction.

Separate from RVC's synthesizer because it is another method: there a decoder draws the waveform and has to learn to
follow f0, here it cannot do otherwise, and minutes of training suffice.
Methods: Engel et al. 2020 (DDSP), Liu et al. 2022 (ConvNeXt, the order of a layer).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infer.excitation import (
    breath_floor,
    dispersion,
    fft_size,
    filled_up,
    minimum_phase,
    pulse_train,
    shaped,
    spread,
)
from infer.loudness import SPEECH_DBFS
from infer.source_filter_config import SourceFilterConfig

__all__ = ["SourceFilter", "SourceFilterConfig"]

_PER_DB = math.log(10) / 20
_FIRST_TILT, _FIRST_BREATH = -2.0, -1.5


class Layer(nn.Module):
    """A convolution of each channel over time, then a widening per frame, scaled by the voice, added to its input."""

    def __init__(self, config: SourceFilterConfig) -> None:
        super().__init__()
        width, wide = config.width, config.width * config.expansion
        self.mix = nn.Conv1d(width, width, config.kernel_size, padding=config.kernel_size // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.voice = nn.Linear(config.gin_channels, 2 * width)
        self.widen = nn.Linear(width, wide)
        self.narrow = nn.Linear(wide, width)

    def forward(self, x: Tensor, voice: Tensor) -> Tensor:
        """x (B, T, W), voice (B, 1, G) -> (B, T, W)."""
        scale, shift = self.voice(voice).chunk(2, dim=-1)
        mixed = self.norm(self.mix(x.transpose(1, 2)).transpose(1, 2)) * (1 + scale) + shift
        out: Tensor = x + self.narrow(F.gelu(self.widen(mixed)))
        return out


class SourceFilter(nn.Module):
    """Content, f0, loudness and a voice -> waveform."""

    def __init__(self, config: SourceFilterConfig) -> None:
        super().__init__()
        self.config = config
        self.emb_phone = nn.Linear(config.phone_dim, config.width)
        self.emb_level = nn.Linear(2, config.width)
        self.emb_g = nn.Embedding(config.spk_embed_dim, config.gin_channels)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.proj = nn.Linear(config.width, 2 * config.bands)
        with torch.no_grad():
            self.proj.weight.mul_(0.1)
            self.proj.bias.zero_()
            self.proj.bias[: config.bands] += torch.linspace(0, _FIRST_TILT, config.bands)
            self.proj.bias[config.bands :] += _FIRST_BREATH

    def filters(self, phone: Tensor, f0: Tensor, loudness: Tensor, sid: Tensor) -> tuple[Tensor, Tensor]:
        """phone (B, T, C), f0 in Hz and loudness in dB (B, T), sid (B,) -> natural log magnitudes of the filters of
        pulses and of noise, two of (B, T, bands)."""
        voice = self.emb_g(sid).unsqueeze(1)
        level = torch.stack([(f0 > 0).to(phone.dtype), loudness / 20 + 1], dim=-1)
        x = self.emb_phone(phone) + self.emb_level(level)
        for layer in self.layers:
            x = layer(x, voice)
        out = self.proj(self.norm(x)) + (_PER_DB * (loudness + SPEECH_DBFS)).unsqueeze(-1)
        voiced, breath = out.chunk(2, dim=-1)
        return voiced, breath

    def infer(
        self,
        phone: Tensor,
        f0: Tensor,
        loudness: Tensor,
        sid: Tensor,
        *,
        noise: Tensor | None = None,
        phase: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Convert: as `filters` -> wave (B, T * hop); noise of unit variance (B, T * hop) is drawn if None, `phase` is
        where the pulses start, in turns."""
        return self.sound(*self.filters(phone, f0, loudness, sid), f0, [noise], generator, phase)[0]

    def sound(
        self,
        voiced: Tensor,
        breath: Tensor,
        f0: Tensor,
        noises: list[Tensor | None],
        generator: torch.Generator | None = None,
        phase: float = 0.0,
    ) -> list[Tensor]:
        """The filters of a voice -> one wave (B, T * hop) for each noise, otherwise alike."""
        hop, rate = self.config.hop, self.config.sample_rate
        with torch.no_grad():
            pulses = pulse_train(f0, hop, rate, phase)
            gain = filled_up(voiced, f0, rate)
        voiced, breath = voiced + gain, breath_floor(breath, f0, rate)
        keep = fft_size(hop) - 2 * hop
        late = dispersion(hop, rate, f0.device, f0.dtype)
        filters = (
            minimum_phase(spread(voiced, hop, rate), keep, late),
            minimum_phase(spread(breath, hop, rate), keep),
        )
        waves = []
        for noise in noises:
            if noise is None:
                noise = torch.randn(pulses.shape, generator=generator, device=pulses.device, dtype=pulses.dtype)
            waves.append(shaped((pulses, noise), filters, hop))
        return waves
