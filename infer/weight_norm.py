"""Convolutions with weight normalisation whose parameters keep the names weight_g and weight_v.

Separate because every RVC file, old and new, stores these two names, while torch's own wrappers either rename them
or rewrite the module; these fold to a plain weight for inference.
Method: Salimans and Kingma, "Weight Normalization", 2016: w = g * v / |v|, the norm over all but the first axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Normed(nn.Module):
    """What the three convolutions share: the two parameters, the weight made of them, folding and holding."""

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def _split(self) -> None:
        """Replace `weight` by weight_g and weight_v that give the same weight; registered after the bias."""
        weight = self._parameters.pop("weight")
        assert weight is not None
        axes = tuple(range(1, weight.dim()))
        norm = torch.linalg.vector_norm(weight.detach(), dim=axes, keepdim=True)
        self.weight_g = nn.Parameter(norm)
        self.weight_v = nn.Parameter(weight.detach().clone())
        self._held: Tensor | None = None

    def kernel(self) -> Tensor:
        """The weight to convolve with."""
        if self._held is not None:
            return self._held
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def flat_kernel(self) -> Tensor:
        """The weight of a one-dimensional convolution for (B, C, 1, T) with the channels last in memory."""
        kernel = self.kernel()
        if kernel.dim() == 4:
            return kernel
        return kernel.unsqueeze(2).contiguous(memory_format=torch.channels_last)

    def fold(self, *, flat: bool = False) -> None:
        """Turn the two parameters into one constant weight; nothing can be trained or saved as RVC's after.

        `flat` is for one-dimensional ones: they then take (B, C, 1, T) with the channels last in memory, which the
        CPU convolves faster.
        """
        if "weight_v" in self._parameters:
            with torch.no_grad():
                weight = torch._weight_norm(self.weight_v, self.weight_g, 0).detach()
            if flat:
                weight = weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
            del self._parameters["weight_v"], self._parameters["weight_g"]
            del self._held
            self.register_buffer("_held", weight, persistent=False)


class NormedConv1d(_Normed, nn.Conv1d):
    """Conv1d over (B, C, T), or over (B, C, 1, T) with the channels last in memory."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, *, stride: int = 1, padding: int = 0,
        dilation: int = 1, groups: int = 1,
    ) -> None:  # fmt: skip
        nn.Conv1d.__init__(
            self, channels_in, channels_out, kernel_size, stride=stride, padding=padding, dilation=dilation,
            groups=groups,
        )  # fmt: skip
        self._split()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T), or (B, C, 1, T) with the channels last in memory -> (B, C', T') or (B, C', 1, T')."""
        if x.dim() == 4:
            steps = (1, self.stride[0]), (0, int(self.padding[0])), (1, self.dilation[0])
            return F.conv2d(x, self.flat_kernel(), self.bias, *steps, self.groups)
        return F.conv1d(x, self.kernel(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormedConv2d(_Normed, nn.Conv2d):
    """Conv2d over (B, C, T, P) with a kernel along T only."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        nn.Conv2d.__init__(self, channels_in, channels_out, (kernel_size, 1), stride=(stride, 1), padding=(padding, 0))
        self._split()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, P) -> (B, C', T', P)."""
        return F.conv2d(x, self.kernel(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormedConvTranspose1d(_Normed, nn.ConvTranspose1d):
    """ConvTranspose1d over (B, C, T), or over (B, C, 1, T) with the channels last in memory; the first axis of its
    weight is the input channel, so weight_g is (in, 1, 1)."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        nn.ConvTranspose1d.__init__(self, channels_in, channels_out, kernel_size, stride=stride, padding=padding)
        self._split()

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, T) -> (B, C', T'), T' about stride * T; `output_size` is part of torch's signature and not used."""
        if x.dim() == 4:
            steps = (1, self.stride[0]), (0, int(self.padding[0]))
            return F.conv_transpose2d(x, self.flat_kernel(), self.bias, *steps)
        return F.conv_transpose1d(x, self.kernel(), self.bias, self.stride, (int(self.padding[0]),))


def fold_weight_norm(module: nn.Module) -> None:
    """Fold every weight-normed convolution inside `module`, in place."""
    for part in module.modules():
        if isinstance(part, _Normed):
            part.fold()


@contextmanager
def held_weights(module: nn.Module) -> Iterator[None]:
    """Inside, every weight-normed convolution of `module` uses one constant weight computed at the start: for
    several passes that need no gradient of the weights."""
    parts = [part for part in module.modules() if isinstance(part, _Normed) and "weight_v" in part._parameters]
    with torch.no_grad():
        for part in parts:
            part._held = part.kernel()
    try:
        yield
    finally:
        for part in parts:
            part._held = None
