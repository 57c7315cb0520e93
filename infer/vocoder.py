"""The decoder: latent frames and f0 -> waveform, by transposed convolutions around a sine that follows f0.

Separate because it takes nearly all the time of a conversion.
Methods: Kong et al. 2020 (HiFi-GAN), Wang et al. 2019 (neural source-filter).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infer.synthesizer_config import SynthesizerConfig
from infer.weight_norm import NormedConv1d, NormedConvTranspose1d

_SLOPE = 0.1
_LAST_SLOPE = 0.01
_SINE_AMPLITUDE = 0.1
_VOICED_NOISE = 0.003
TILE = 1000
"""Steps of the second stage's input that are decoded at once on a processor (a second of a published voice); what
their convolutions hold still fits its cache."""


def sine_phase(f0: Tensor, hop: int, sample_rate: int, start: float = 0.0) -> Tensor:
    """f0 in Hz (B, T) -> phase in turns (B, T * hop): the running sum of f0 / sample_rate, from `start` on.

    The sum over whole frames is kept within one turn, so the phase stays exact over any length.
    """
    # metal has no float64; there the wrapped sum in float32 is the best there is
    exact = f0.dtype if f0.device.type == "mps" else torch.float64
    turns = f0.to(exact) * (hop / sample_rate)
    before = torch.cumsum(turns - turns.round(), dim=1).roll(1, dims=1)
    before[:, 0] = 0
    before = before + start
    before = (before - before.round()).to(f0.dtype)
    within = torch.arange(1, hop + 1, device=f0.device, dtype=f0.dtype)
    phase = (f0 / sample_rate).unsqueeze(-1) * within + before.unsqueeze(-1)
    return phase.flatten(1)


class SineSource(nn.Module):
    """A sine at f0 where voiced, noise where not, through one learned gain."""

    def __init__(self, sample_rate: int, hop: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop = hop
        self.l_linear = nn.Linear(1, 1)

    def forward(
        self, f0: Tensor, noise: Tensor | None, generator: torch.Generator | None = None, phase: float = 0.0
    ) -> Tensor:
        """f0 in Hz (B, T), noise of unit variance (B, T * hop, 1) or None, the phase in turns to start at ->
        excitation (B, 1, T * hop)."""
        with torch.no_grad():
            turns = sine_phase(f0, self.hop, self.sample_rate, phase)
            voiced = (f0 > 0).to(f0.dtype).repeat_interleave(self.hop, dim=1)
            if noise is None:
                drawn = torch.randn(turns.shape, generator=generator, device=f0.device, dtype=f0.dtype)
            else:
                drawn = noise.squeeze(-1)
            amplitude = voiced * _VOICED_NOISE + (1 - voiced) * (_SINE_AMPLITUDE / 3)
            wave = torch.sin(2 * math.pi * turns) * _SINE_AMPLITUDE * voiced + amplitude * drawn
        excitation: Tensor = torch.tanh(self.l_linear(wave.unsqueeze(-1)))
        return excitation.transpose(1, 2)


class ResidualBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair added to its input."""

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel_size, dilation=step, padding=step * (kernel_size - 1) // 2)
            for step in dilations
        )
        self.convs2 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel_size, padding=(kernel_size - 1) // 2) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, T) -> (B, C, T)."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, _SLOPE)), _SLOPE, inplace=True))
        return x


class Decoder(nn.Module):
    """Latent (B, I, T), f0 (B, T) and voice vector -> waveform (B, 1, T * hop) in -1..1."""

    def __init__(self, config: SynthesizerConfig) -> None:
        super().__init__()
        self.kernels_per_stage = len(config.resblock_kernel_sizes)
        self.flat = self.folded = False
        self.recompute = False
        """Whether a training computes the residual blocks again for the backward pass instead of keeping what they
        hold (Chen et al. 2016)."""
        self.hop, self.rates, self.reaches = config.hop, config.upsample_rates, reaches(config)
        widths = [config.upsample_initial_channel >> stage for stage in range(len(config.upsample_rates) + 1)]
        if config.f0:
            self.m_source: SineSource | None = SineSource(config.sample_rate, config.hop)
            self.noise_convs = nn.ModuleList(
                _excitation_conv(width, math.prod(config.upsample_rates[stage + 1 :]))
                for stage, width in enumerate(widths[1:])
            )
        else:
            self.m_source = None
        self.conv_pre = nn.Conv1d(config.inter_channels, widths[0], 7, padding=3)
        self.ups = nn.ModuleList(
            NormedConvTranspose1d(wide, narrow, kernel, stride=rate, padding=(kernel - rate) // 2)
            for wide, narrow, rate, kernel in zip(
                widths, widths[1:], config.upsample_rates, config.upsample_kernel_sizes, strict=False
            )
        )
        self.resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, dilations)
            for width in widths[1:]
            for kernel, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
        )
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=False)
        self.cond = nn.Conv1d(config.gin_channels, widths[0], 1)

    def forward(
        self,
        z: Tensor,
        f0: Tensor | None,
        voice: Tensor,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        phase: float = 0.0,
    ) -> Tensor:
        """z (B, I, T), f0 (B, T) or None, voice (B, G, 1), noise (B, T * hop, 1) or None, the phase in turns that the
        source starts at -> (B, 1, T * hop)."""
        excitation: Tensor | None = None
        if self.m_source is not None:
            if f0 is None:
                raise ValueError("this voice needs f0")
            excitation = self.m_source(f0, noise, generator, phase)
        x = self._laid(self.conv_pre(z) + self.cond(voice))
        x = self._stage(0, x, excitation)
        if self.flat and len(self.ups) > 1 and x.shape[-1] > TILE + 2 * self.reaches[1]:
            return self._tiled(x, excitation)
        return self._later(x, excitation)

    @property
    def reach(self) -> int:
        """Frames on either side of a frame of latent that its samples can depend on."""
        return self.reaches[0] + 3

    def _tiled(self, x: Tensor, excitation: Tensor | None) -> Tensor:
        """What `_later` gives, in tiles with as many steps around each as can reach into it.

        The first stage is done before: its steps are few, and beside the tiles of a whole decoder the steps around
        would be many.
        """
        parts, stride = [], self.hop // self.rates[0]
        for start in range(0, x.shape[-1], TILE):
            stop = min(start + TILE, x.shape[-1])
            first, last = max(0, start - self.reaches[1]), min(x.shape[-1], stop + self.reaches[1])
            heard = None if excitation is None else excitation[..., first * stride : last * stride]
            wave = self._later(x[..., first:last], heard)
            parts.append(wave[..., (start - first) * stride : (stop - first) * stride])
        return torch.cat(parts, dim=2)

    def _later(self, x: Tensor, excitation: Tensor | None) -> Tensor:
        """All stages but the first, and the waveform of the last."""
        for stage in range(1, len(self.ups)):
            x = self._stage(stage, x, excitation)
        x = F.leaky_relu(x.squeeze(2) if self.flat else x, _LAST_SLOPE)
        wave: Tensor = torch.tanh(self.conv_post(x))
        return wave

    def _stage(self, stage: int, x: Tensor, excitation: Tensor | None) -> Tensor:
        """More steps, the excitation, and the residual blocks."""
        x = self.ups[stage](F.leaky_relu(x, _SLOPE))
        if excitation is not None:
            x = x + self._laid(self.noise_convs[stage](excitation))
        return self._residual(stage, x)

    def fold_weight_norm(self) -> None:
        """Make the weights constant, for inference only; on the CPU the convolutions are laid out flat as well."""
        if self.folded:
            return
        flat = self.cond.weight.device.type == "cpu"
        for parts in (self.ups, self.resblocks):
            for part in parts.modules():
                if isinstance(part, NormedConv1d | NormedConvTranspose1d):
                    part.fold(flat=flat)
        self.flat, self.folded = flat, True

    def lay_flat(self) -> None:
        """Keep the channels last in memory from here on, which a CPU convolves faster; the weights stay as they are."""
        self.flat = True

    def _laid(self, x: Tensor) -> Tensor:
        """(B, C, T) as the convolutions that are laid out flat take it."""
        return x.unsqueeze(2).contiguous(memory_format=torch.channels_last) if self.flat else x

    def _residual(self, stage: int, x: Tensor) -> Tensor:
        """The mean of the stage's residual blocks."""
        if not (self.recompute and torch.is_grad_enabled()):
            return self._blocks(stage, x)
        from torch.utils.checkpoint import checkpoint

        kept: Tensor = checkpoint(self._blocks, stage, x, use_reentrant=False, preserve_rng_state=False)
        return kept

    def _blocks(self, stage: int, x: Tensor) -> Tensor:
        first = stage * self.kernels_per_stage
        total: Tensor = self.resblocks[first](x)
        for index in range(first + 1, first + self.kernels_per_stage):
            total = total + self.resblocks[index](x)
        return total / self.kernels_per_stage


def reaches(config: SynthesizerConfig) -> tuple[int, ...]:
    """Steps of each stage's input, on either side of one, that its samples can depend on."""
    widest = max(
        sum((kernel - 1) // 2 * (step + 1) for step in steps)
        for kernel, steps in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
    )
    found, steps = [], 3
    for rate, kernel in zip(reversed(config.upsample_rates), reversed(config.upsample_kernel_sizes), strict=True):
        steps = -(-(steps + widest + kernel) // rate)
        found.append(steps)
    return tuple(reversed(found))


def _excitation_conv(width: int, stride: int) -> nn.Conv1d:
    """Brings the excitation from sample rate down to a stage's rate."""
    if stride == 1:
        return nn.Conv1d(1, width, 1)
    return nn.Conv1d(1, width, 2 * stride, stride=stride, padding=stride // 2)
