"""Products of matrices on a CPU, for networks that learn there.

Separate because discriminators and generator share them. torch multiplies matrices in single precision with MKL, which
on processors of other makers than its own does without their widest registers; oneDNN, which torch convolves with, uses
them: on a Zen 5 its products take half the time. Passes without gradients keep torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def by_products(weight: Tensor) -> bool:
    """Whether layers are rearranged for a CPU: not where something else decides how they are computed."""
    return weight.device.type == "cpu" and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()


def learns_by_products(weight: Tensor) -> bool:
    """The same for a pass whose gradients are wanted."""
    return by_products(weight) and torch.is_grad_enabled() and weight.requires_grad


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """(M, K), (N, K) and (N,) -> (M, N), a times b transposed plus the bias."""
    multiply = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if multiply is None or a.dtype != torch.float32 or not torch._C._has_mkldnn:
        return F.linear(a, b, bias)
    found: Tensor = multiply(a, b, bias, "none", [], "")
    return found


class _Linear(torch.autograd.Function):
    """A product whose gradients are such products too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = x.flatten(0, -2)
        ctx.save_for_backward(rows, weight)
        return product(rows, weight, bias).view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        found: list[Tensor | None] = [None, None, None]
        if ctx.needs_input_grad[0]:
            found[0] = product(flat, weight.t()).view(*gradient.shape[:-1], -1)
        if ctx.needs_input_grad[1]:
            found[1] = product(flat.t(), rows.t())
        if ctx.needs_input_grad[2]:
            found[2] = flat.sum(0)
        return tuple(found)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x (..., I), weight (O, I), bias (O,) or None -> (..., O)."""
    found: Tensor = _Linear.apply(x, weight, bias)
    return found
