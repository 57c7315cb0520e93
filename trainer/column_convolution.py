"""Convolutions down the columns of a picture on a CPU, as products of matrices.

Separate from the discriminators, which only say where they convolve: nearly half of a training step of the published
networks is spent in these few layers, and torch's own gradient of their weights runs at a half to a third of the
speed that the processor multiplies matrices with. The channels lie last in memory, so that the positions of a picture
are the rows of a matrix.
Method: Chellapilla et al. 2006 (convolution as a product of matrices); without a stride see trainer.minimal_filtering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from trainer.minimal_filtering import convolve
from trainer.products import product

TAPS = 5
"""Length of the kernels; the picture is padded by half of it above and below."""
_EDGE = TAPS // 2
_LAST = torch.channels_last


class _Strided(torch.autograd.Function):
    """Convolution with a stride; torch's own but for the gradient of the weights."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, kernel)
        ctx.stride = stride
        return torch.conv2d(x, kernel, bias, (stride, 1), (_EDGE, 0))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=_LAST)
        found: list[Tensor | None] = [None, None, None]
        if ctx.needs_input_grad[0]:
            found[0] = torch.ops.aten.convolution_backward(
                gradient, x, kernel, None, (ctx.stride, 1), (_EDGE, 0), (1, 1), False, (0, 0), 1, (True, False, False)
            )[0]
        if ctx.needs_input_grad[1]:
            found[1] = _weight_gradient(_rows(x), _rows(gradient), ctx.stride)
        if ctx.needs_input_grad[2]:
            found[2] = _rows(gradient).sum((0, 1))
        return (*found, None)


def _weight_gradient(x: Tensor, gradient: Tensor, stride: int) -> Tensor:
    """x (H, W, I), gradient (H', W, O) -> (O, I, TAPS, 1): for each tap the product of the gradient with the rows of x
    that the tap met."""
    steps, width, channels = gradient.shape
    padded = x.new_zeros(max(steps * stride + TAPS, len(x) + 2 * _EDGE), width, x.shape[2])
    padded[_EDGE : _EDGE + len(x)] = x
    turned = gradient.reshape(-1, channels).t().contiguous()
    taps = []
    for tap in range(TAPS):
        met = padded[tap : tap + stride * steps : stride].reshape(steps * width, -1)
        taps.append(product(turned, met.t()))
    return torch.stack(taps).permute(1, 2, 0).unsqueeze(-1)


def _rows(picture: Tensor) -> Tensor:
    """(1, C, H, W) with the channels last in memory -> (H, W, C)."""
    return picture.squeeze(0).permute(1, 2, 0)


def _picture(rows: Tensor) -> Tensor:
    """(H, W, C) -> (1, C, H, W)."""
    return rows.permute(2, 0, 1).unsqueeze(0)


def convolve_short(x: Tensor, points: Sequence[Tensor], bias: Tensor) -> Tensor:
    """x (1, I, H, W) with the channels last in memory, `trainer.minimal_filtering.at_points` of a kernel, bias (O,) ->
    (1, O, H, W)."""
    return _picture(convolve(_rows(x), points, bias, TAPS))


def convolve_strided(x: Tensor, kernel: Tensor, bias: Tensor, stride: int) -> Tensor:
    """x (1, I, H, W) and kernel (O, I, 5, 1) with the channels last in memory, bias (O,) -> (1, O, H', W)."""
    found: Tensor = _Strided.apply(x, kernel, bias, stride)
    return found
