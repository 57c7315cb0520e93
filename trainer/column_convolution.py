"""Convolutions down the columns of a picture on a CPU, as products of matrices.

Separate from the discriminators, which only say where they convolve: nearly half of a training step of the published
networks is spent in these few layers, and torch's own gradient of their weights runs at a half to a third of the
speed that the processor multiplies matrices with. The channels lie last in memory, so that the positions of a picture
are the rows of a matrix.
Methods: Chellapilla et al. 2006 (convolution as a product of matrices), Winograd 1980 and Toom 1963 (short
convolutions with fewer products), as Lavin and Gray 2016 use them for networks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TAPS = 5
"""Length of the kernels; the picture is padded by half of it above and below."""
_EDGE = TAPS // 2
_POINTS = 6
"""Products for two steps of a column, of ten: the two polynomials, of 2 and 5 terms, are multiplied at 0, 1, -1, 2, -2
and infinity."""
_LAST = torch.channels_last

# the kernel's polynomial at the points, each divided by the product of the point's distances from the others
_AT_POINTS = (
    (1 / 4, 0.0, 0.0, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6, 1 / 3, 2 / 3),
    (1 / 24, -1 / 12, 1 / 6, -1 / 3, 2 / 3),
    (0.0, 0.0, 0.0, 0.0, 1.0),
)


def product(a: Tensor, b: Tensor) -> Tensor:
    """(M, K) and (N, K) -> (M, N), a times b transposed.

    oneDNN's product uses the widest registers of every maker's processor, which torch's own (MKL) does not: on a Zen 5
    it is twice as fast.
    """
    multiply = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if multiply is None or a.dtype != torch.float32 or not torch._C._has_mkldnn:
        return a @ b.t()
    found: Tensor = multiply(a, b, None, "none", [], "")
    return found


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


class _AtPoints(torch.autograd.Function):
    """Kernels (O, I, TAPS, 1) -> their polynomials at the points (6, O, I)."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor) -> Tensor:
        ctx.shape = kernel.shape
        flat = kernel.reshape(-1, TAPS).t()
        return (flat.new_tensor(_AT_POINTS) @ flat).reshape(_POINTS, *kernel.shape[:2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return (gradient.reshape(_POINTS, -1).t() @ gradient.new_tensor(_AT_POINTS)).reshape(ctx.shape)


class _Short(torch.autograd.Function):
    """Convolution without a stride, two steps of a column at a time, by kernels at the points."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, points: Tensor, bias: Tensor) -> Tensor:
        rows = _rows(x)
        steps, width, _ = rows.shape
        values = _input_at_points(rows)
        ctx.save_for_backward(values if points.requires_grad else x.new_empty(0), points)
        ctx.shape = rows.shape
        m = [product(values[point], points[point]) for point in range(_POINTS)]
        made = x.new_empty(-(-steps // 2), 2, width, points.shape[1])
        both, others = m[1] + m[2], m[3] + m[4]
        made[:, 0] = (m[0].add_(both).add_(others).add_(bias)).view(-1, width, points.shape[1])
        torch.sub(m[1], m[2], out=both)
        torch.sub(m[3], m[4], out=others)
        made[:, 1] = m[5].add_(both).add_(others, alpha=2).add_(bias).view(-1, width, points.shape[1])
        return _picture(made.flatten(0, 1)[:steps])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        values, points = ctx.saved_tensors
        rows = _rows(gradient.contiguous(memory_format=_LAST))
        steps = _output_at_points(rows)
        found: list[Tensor | None] = [None, None, None]
        if ctx.needs_input_grad[0]:
            spread = [product(steps[point], points[point].t()) for point in range(_POINTS)]
            found[0] = _picture(_from_points(spread, ctx.shape))
        if ctx.needs_input_grad[1]:
            pairs = zip(steps, values, strict=True)
            found[1] = torch.stack([product(step.t().contiguous(), value.t()) for step, value in pairs])
        if ctx.needs_input_grad[2]:
            found[2] = rows.sum((0, 1))
        return tuple(found)


def _input_at_points(rows: Tensor) -> Tensor:
    """(H, W, I) -> (6, ceil(H / 2) * W, I): the values that each pair of steps multiplies at the points."""
    steps, width, channels = rows.shape
    pairs = -(-steps // 2)
    padded = rows.new_zeros(2 * pairs + TAPS, width, channels)
    padded[_EDGE : _EDGE + steps] = rows
    d = [padded[offset : offset + 2 * pairs : 2] for offset in range(_POINTS)]
    values = rows.new_empty(_POINTS, pairs, width, channels)
    even, odd = torch.sub(d[4], d[2], alpha=4), torch.sub(d[3], d[1], alpha=4)
    torch.add(even, odd, out=values[1])
    torch.sub(even, odd, out=values[2])
    torch.sub(d[4], d[2], out=even)
    torch.sub(d[3], d[1], out=odd)
    torch.add(even, odd, alpha=2, out=values[3])
    torch.sub(even, odd, alpha=2, out=values[4])
    torch.add(d[4], d[0], alpha=4, out=values[0]).sub_(d[2], alpha=5)
    torch.add(d[5], d[1], alpha=4, out=values[5]).sub_(d[3], alpha=5)
    return values.flatten(1, 2)


def _output_at_points(rows: Tensor) -> list[Tensor]:
    """Gradient (H, W, O) -> six of (ceil(H / 2) * W, O), of what the points' products are added up to."""
    steps, width, channels = rows.shape
    if steps % 2:
        rows = torch.cat([rows, rows.new_zeros(1, width, channels)])
    first, second = (rows[half::2].reshape(-1, channels) for half in range(2))
    return [
        first, first + second, first - second,
        first.add(second, alpha=2), first.sub(second, alpha=2), second,
    ]  # fmt: skip


def _from_points(spread: list[Tensor], shape: tuple[int, int, int]) -> Tensor:
    """Gradients of the values at the points, six of (ceil(H / 2) * W, I) -> gradient (H, W, I) of the picture."""
    steps, width, channels = shape
    pairs = -(-steps // 2)
    v = [part.view(pairs, width, channels) for part in spread]
    whole = v[0].new_zeros(2 * pairs + TAPS, width, channels)
    d = [whole[offset : offset + 2 * pairs : 2] for offset in range(_POINTS)]
    both, others = v[1] + v[2], v[3] + v[4]
    d[0].add_(v[0], alpha=4)
    d[2].sub_(v[0], alpha=5).sub_(both, alpha=4).sub_(others)
    d[4].add_(v[0]).add_(both).add_(others)
    torch.sub(v[1], v[2], out=both)
    torch.sub(v[3], v[4], out=others)
    d[1].sub_(both, alpha=4).sub_(others, alpha=2).add_(v[5], alpha=4)
    d[3].add_(both).add_(others, alpha=2).sub_(v[5], alpha=5)
    d[5].add_(v[5])
    return whole[_EDGE : _EDGE + steps]


def _rows(picture: Tensor) -> Tensor:
    """(1, C, H, W) with the channels last in memory -> (H, W, C)."""
    return picture[0].permute(1, 2, 0)


def _picture(rows: Tensor) -> Tensor:
    """(H, W, C) -> (1, C, H, W)."""
    return rows.permute(2, 0, 1).unsqueeze(0)


def at_points(kernel: Tensor) -> Tensor:
    """Kernel (O, I, 5, 1) -> what `convolve_short` takes (6, O, I)."""
    found: Tensor = _AtPoints.apply(kernel)
    return found


def convolve_short(x: Tensor, points: Tensor, bias: Tensor) -> Tensor:
    """x (1, I, H, W) with the channels last in memory, `at_points` of a kernel, bias (O,) -> (1, O, H, W)."""
    found: Tensor = _Short.apply(x, points, bias)
    return found


def convolve_strided(x: Tensor, kernel: Tensor, bias: Tensor, stride: int) -> Tensor:
    """x (1, I, H, W) and kernel (O, I, 5, 1) with the channels last in memory, bias (O,) -> (1, O, H', W)."""
    found: Tensor = _Strided.apply(x, kernel, bias, stride)
    return found
