"""The discriminators: one that looks at the waveform as it is, and one for each of several periods.

Separate from the generator because only training needs them; parameters carry RVC's names.
Method: Kong et al. 2020 (HiFi-GAN: multi-period and multi-scale discriminators).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infer.weight_norm import NormedConv1d, NormedConv2d
from trainer.column_convolution import TAPS, convolve_short, convolve_strided
from trainer.minimal_filtering import at_points, values_at_points
from trainer.products import by_products

_SLOPE = 0.1
_WIDE = 256
"""Channels from which on fewer products pay for the sums that they need."""

Judgement = tuple[list[Tensor], list[list[Tensor]]]
"""Scores (B, n) of each discriminator, and the feature maps of each of its layers."""


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Which periods are looked at, and by how much all channels are divided (1: as published)."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11, 17, 23, 37)
    divisor: int = 1


V1 = DiscriminatorConfig((2, 3, 5, 7, 11, 17))
V2 = DiscriminatorConfig()


class TimeConv1d(NormedConv1d):
    """Convolution over (B, C, T); on a CPU a wide one without a stride by fewer products, and one with a stride and
    groups as one without a stride over as many more channels, which fill the registers."""

    def kernel(self) -> Tensor:
        """The weight as `forward` takes it."""
        if self._held is not None or not (self._short() and by_products(self.weight_v)):
            return super().kernel()
        return values_at_points(super().kernel())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T')."""
        if not by_products(self.weight_v):
            return super().forward(x)
        if self._short():
            assert self.bias is not None
            # the clips side by side, each a column
            columns = x.permute(1, 2, 0).unsqueeze(0).contiguous(memory_format=torch.channels_last)
            points = at_points(super().kernel()) if self._held is None else self._held.unbind(0)
            return convolve_short(columns, points, self.bias).squeeze(0).permute(2, 0, 1)
        if self.stride[0] > 1 and self.out_channels >= 16 * self.groups:
            return self._folded(x)
        return super().forward(x)

    def _short(self) -> bool:
        plain = self.stride[0] == 1 and self.groups == 1 and self.kernel_size[0] == TAPS
        return plain and self.in_channels >= _WIDE

    def _folded(self, x: Tensor) -> Tensor:
        """Each stretch of as many steps as the stride is one step of as many times the channels."""
        (size,), (stride,) = self.kernel_size, self.stride
        taps = -(-size // stride)
        steps = (x.shape[2] + 2 * (size // 2) - size) // stride + taps
        padded = F.pad(x, (size // 2, steps * stride - x.shape[2] - size // 2))
        wide = padded.reshape(*padded.shape[:2], steps, stride).transpose(2, 3).flatten(1, 2)
        kernel = F.pad(self.kernel(), (0, taps * stride - size))
        kernel = kernel.reshape(*kernel.shape[:2], taps, stride).transpose(2, 3)
        return F.conv1d(wide, kernel.flatten(1, 2), self.bias, groups=self.groups)


class ScaleDiscriminator(nn.Module):
    """Grouped strided convolutions over the waveform."""

    def __init__(self, divisor: int) -> None:
        super().__init__()
        widths = [1, *(max(width // divisor, 4) for width in (16, 64, 256, 1024, 1024, 1024))]
        kernels, strides = (15, 41, 41, 41, 41, 5), (1, 4, 4, 4, 4, 1)
        self.convs = nn.ModuleList(
            TimeConv1d(narrow, wide, kernel, stride=stride, padding=kernel // 2, groups=min(groups, narrow // 4 or 1))
            for narrow, wide, kernel, stride, groups in zip(
                widths, widths[1:], kernels, strides, (1, 4, 16, 64, 256, 1), strict=False
            )
        )
        self.conv_post = NormedConv1d(widths[-1], 1, 3, padding=1)

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """wave (B, 1, N) -> scores (B, n), feature maps."""
        return _judge(wave, self.convs, self.conv_post)


class ColumnConv2d(NormedConv2d):
    """Convolution down the columns of (B, C, T, P); on a CPU of one picture with the channels last in memory, and by
    products of matrices."""

    def kernel(self) -> Tensor:
        """The weight as `forward` takes it."""
        if self._held is not None or self.in_channels == 1 or not by_products(self.weight_v):
            return super().kernel()
        kernel = super().kernel()
        if self._short():
            return values_at_points(kernel.squeeze(3))
        return kernel.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, P) -> (B, C', T', P)."""
        if self.in_channels == 1 or not by_products(self.weight_v):
            return super().forward(x)
        assert self.bias is not None
        x = x.contiguous(memory_format=torch.channels_last)
        if self._short():
            points = at_points(super().kernel().squeeze(3)) if self._held is None else self._held.unbind(0)
            return convolve_short(x, points, self.bias)
        return convolve_strided(x, self.kernel(), self.bias, self.stride[0])

    def _short(self) -> bool:
        return self.stride[0] == 1 and self.in_channels >= _WIDE


class PeriodDiscriminator(nn.Module):
    """Convolutions over the waveform laid out in rows of `period` samples, along the columns."""

    def __init__(self, period: int, divisor: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, *(max(width // divisor, 4) for width in (32, 128, 512, 1024, 1024))]
        self.convs = nn.ModuleList(
            ColumnConv2d(narrow, wide, TAPS, stride=stride, padding=TAPS // 2)
            for narrow, wide, stride in zip(widths, widths[1:], (3, 3, 3, 3, 1), strict=False)
        )
        self.conv_post = NormedConv2d(widths[-1], 1, 3, padding=1)

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """wave (B, 1, N) -> scores (B, n), feature maps."""
        batch, missing = wave.shape[0], -wave.shape[-1] % self.period
        padded = F.pad(wave, (0, missing), mode="reflect")
        rows = padded.reshape(batch, 1, -1, self.period)
        if wave.device.type != "cpu":
            return _judge(rows, self.convs, self.conv_post)
        # the columns of all clips side by side in one picture: a CPU works along its width, which one period is too
        # narrow for
        _, features = _judge(rows.permute(1, 2, 0, 3).flatten(2).unsqueeze(0), self.convs, self.conv_post)
        apart = [layer.reshape(*layer.shape[1:3], batch, -1).permute(2, 0, 1, 3) for layer in features]
        return apart[-1].flatten(1), apart


class MultiPeriodDiscriminator(nn.Module):
    """All discriminators; `V1` and `V2` are the published ones, smaller ones train on a CPU."""

    def __init__(self, config: DiscriminatorConfig = V2) -> None:
        super().__init__()
        self.config = config
        self.discriminators = nn.ModuleList(
            [
                ScaleDiscriminator(config.divisor),
                *(PeriodDiscriminator(period, config.divisor) for period in config.periods),
            ]
        )

    def forward(self, wave: Tensor) -> Judgement:
        """wave (B, 1, N) -> scores and feature maps, one entry for each discriminator."""
        scores, features = zip(*(judge(wave) for judge in self.discriminators), strict=True)
        return list(scores), list(features)


def _judge(x: Tensor, convs: nn.ModuleList, last: nn.Module) -> tuple[Tensor, list[Tensor]]:
    features: list[Tensor] = []
    for convolve in convs:
        x = F.leaky_relu(convolve(x), _SLOPE)
        features.append(x)
    x = last(x)
    features.append(x)
    return x.flatten(1), features
