"""Short convolutions with fewer products, for discriminators that learn on a CPU.

Separate from the layers that use it because it is arithmetic alone: the same eight points serve every kernel of up to
seven taps. A stretch of the input and a kernel are taken as polynomials; their values at the points are multiplied, as
matrices over the channels, and the result is read off the products. Four steps of a kernel of five taps take 8 products
instead of 20, six steps of one of three 8 instead of 18. Forward pass and both gradients are made of the same products;
what lies between them are sums. Rounding stays under four millionths of the size of what is rounded
(`benchmarks/minimal_filtering.py` measures it beside torch's own).
Methods: Toom 1963 and Winograd 1980 (minimal filtering), as Lavin and Gray 2016 use them for networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from trainer.products import product

POINTS = 8
"""0, 1, -1, 2, -2, 1/2, -1/2 and infinity: products for a tile of `9 - taps` steps."""
_FINITE = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
_PAIRS = (1, 3, 5)
"""The first of each two points that differ in their sign: what belongs to even powers is the same for both."""

Table = tuple[tuple[float, ...], ...]
"""A row for every point."""

# the polynomials that are zero at all finite points but the row's own, lowest power first; last the one zero at all
_INPUT: Table = (
    (-1, 0, 21 / 4, 0, -21 / 4, 0, 1, 0),
    (0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0),
    (0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0),
    (0, 1 / 2, 1 / 4, -5 / 2, -5 / 4, 2, 1, 0),
    (0, -1 / 2, 1 / 4, 5 / 2, -5 / 4, -2, 1, 0),
    (0, 2, 4, -5 / 2, -5, 1 / 2, 1, 0),
    (0, -2, 4, 5 / 2, -5, -1 / 2, 1, 0),
    (0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1),
)
# what each of them is at its own point, which the kernel's values are divided by
_DIVISORS = (-1.0, -9 / 2, -9 / 2, 90.0, 90.0, 45 / 32, 45 / 32)


def _powers(count: int) -> Table:
    """Powers of the points, as many as asked for; at infinity only the highest counts."""
    return (*(tuple(point**power for power in range(count)) for point in _FINITE), (0.0,) * (count - 1) + (1.0,))


def _kernel(taps: int) -> Table:
    rows = zip(_powers(taps), (*_DIVISORS, 1.0), strict=True)
    return tuple(tuple(value / divisor for value in row) for row, divisor in rows)


class _AtPoints(torch.autograd.Function):
    """Kernels (O, I, taps) -> their values at the points, eight of (O, I)."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor) -> tuple[Tensor, ...]:
        ctx.shape = kernel.shape
        return values_at_points(kernel).unbind(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return torch.stack(_gathered(_kernel(ctx.shape[2]), gradients), dim=2)


class _Convolved(torch.autograd.Function):
    """A convolution without a stride whose output is as long as its input, by kernels at the points."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, taps: int, *points: Tensor) -> Tensor:
        values = _tiles_at_points(x, taps)
        ctx.save_for_backward(*points, *(values if any(ctx.needs_input_grad[3:]) else ()))
        ctx.shape, ctx.taps = x.shape, taps
        tile, tiles = _tiles(len(x), taps)
        # all powers of the point 1 are 1: what is added to its product is added to every step
        made = [
            product(value, point, bias if index == 1 else None).view(tiles, -1)
            for index, (value, point) in enumerate(zip(values, points, strict=True))
        ]
        whole = x.new_empty(tiles, tile, made[0].shape[1])
        _gathered(_powers(tile), made, whole.unbind(1))
        return whole.view(tiles * tile, x.shape[1], -1)[: len(x)]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        points, values = ctx.saved_tensors[:POINTS], ctx.saved_tensors[POINTS:]
        tile, tiles = _tiles(ctx.shape[0], ctx.taps)
        channels = gradient.shape[2]
        steps = _padded(gradient, 0, tiles * tile).view(tiles, tile, -1)
        spread = gradient.new_empty(POINTS, tiles, steps.shape[2])
        _evaluated(_powers(tile), steps.unbind(1), spread.unbind(0))
        spread = spread.view(POINTS, -1, channels)
        given = bias = None
        learnt: list[Tensor | None] = [None] * POINTS
        if ctx.needs_input_grad[0]:
            given = _from_tiles([product(a, b.t()) for a, b in zip(spread, points, strict=True)], ctx.shape, ctx.taps)
        if ctx.needs_input_grad[1]:
            bias = gradient.sum((0, 1))
        if values:
            learnt = [product(a.t(), b.t()) for a, b in zip(spread, values, strict=True)]
        return given, bias, None, *learnt


def _tiles(steps: int, taps: int) -> tuple[int, int]:
    """Steps of a tile, and tiles."""
    tile = POINTS + 1 - taps
    return tile, -(-steps // tile)


def _padded(x: Tensor, before: int, length: int) -> Tensor:
    """x (H, W, C) with steps of zeros before and after, (length, W, C)."""
    if before == 0 and length == len(x):
        return x.contiguous()
    whole = x.new_empty(length, *x.shape[1:])
    whole[:before].zero_()
    whole[before : before + len(x)] = x
    whole[before + len(x) :].zero_()
    return whole


def _tiles_at_points(x: Tensor, taps: int) -> Tensor:
    """x (H, W, I) -> (8, tiles * W, I), the values of what each tile of the output is made from."""
    tile, tiles = _tiles(len(x), taps)
    whole = _padded(x, taps // 2, tiles * tile + taps - 1).flatten(1)
    values = x.new_empty(POINTS, tiles, whole.shape[1])
    _evaluated(_INPUT, [whole[offset::tile][:tiles] for offset in range(POINTS)], values.unbind(0))
    return values.view(POINTS, -1, x.shape[2])


def _from_tiles(values: Sequence[Tensor], shape: torch.Size, taps: int) -> Tensor:
    """Gradients of the values, eight of (tiles * W, I) -> gradient (H, W, I) of the input."""
    tile, tiles = _tiles(shape[0], taps)
    flat = [value.view(tiles, -1) for value in values]
    whole = flat[0].new_empty(tiles - (1 - taps) // tile, tile, flat[0].shape[1])
    whole[tiles:].zero_()
    apart = [whole[:tiles, offset] for offset in range(tile)]
    later = _gathered(_INPUT, flat, apart)[tile:]
    rows = whole.view(-1, whole.shape[2])
    for offset, part in enumerate(later, tile):
        rows[offset::tile][:tiles] += part
    return rows[taps // 2 :][: shape[0]].view(shape)


def _evaluated(table: Table, parts: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """The sums of the parts by each row of the table."""
    for row in (0, POINTS - 1):
        _sum(table[row], parts, out[row])
    for row in _PAIRS:
        even = _sum(table[row][::2], parts[::2])
        odd = _sum(table[row][1::2], parts[1::2])
        torch.add(even, odd, out=out[row])
        torch.sub(even, odd, out=out[row + 1])


def _gathered(table: Table, parts: Sequence[Tensor], out: Sequence[Tensor] = ()) -> list[Tensor]:
    """The sums of the parts by each column of the table, the first of them in `out`."""
    pairs = [(parts[row] + parts[row + 1], parts[row] - parts[row + 1]) for row in _PAIRS]
    sums = []
    for column in range(len(table[0])):
        weights = [table[row][column] for row in (0, *_PAIRS, POINTS - 1)]
        chosen = [parts[0], *(pair[column % 2] for pair in pairs), parts[-1]]
        sums.append(_sum(weights, chosen, out[column] if column < len(out) else None))
    return sums


def _sum(weights: Sequence[float], parts: Sequence[Tensor], out: Tensor | None = None) -> Tensor:
    """The parts, each times its weight, added up."""
    terms = [(weight, part) for weight, part in zip(weights, parts, strict=True) if weight]
    # one that counts once needs no product of its own
    terms.sort(key=lambda term: term[0] != 1)
    (weight, first), rest = terms[0], terms[1:]
    if weight != 1 or not rest:
        total = torch.mul(first, weight, out=out)
    else:
        (weight, second), *rest = rest
        total = torch.add(first, second, alpha=weight, out=out)
    for weight, part in rest:
        total.add_(part, alpha=weight)
    return total


def values_at_points(kernel: Tensor) -> Tensor:
    """Kernel (O, I, taps), taps odd and at most seven -> (8, O, I), without a gradient."""
    flat = kernel.detach().reshape(-1, kernel.shape[2]).t()
    return (flat.new_tensor(_kernel(kernel.shape[2])) @ flat).view(POINTS, *kernel.shape[:2])


def at_points(kernel: Tensor) -> tuple[Tensor, ...]:
    """The same with a gradient, as eight of (O, I): the gradients of one tensor would be brought together in memory."""
    found: tuple[Tensor, ...] = _AtPoints.apply(kernel)
    return found


def convolve(x: Tensor, points: Sequence[Tensor], bias: Tensor, taps: int) -> Tensor:
    """Convolution along the first axis, padded with zeros: x (H, W, I), a kernel (O, I, taps) `at_points`, bias (O,)
    -> (H, W, O)."""
    found: Tensor = _Convolved.apply(x, bias, taps, *points)
    return found
