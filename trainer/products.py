"""Products of matrices on a CPU.

Separate because both ways to convolve by products are made of them. torch multiplies matrices in single precision with
MKL, which on processors of other makers than its own does without their widest registers; oneDNN, which torch convolves
with, uses them: on a Zen 5 its products take half the time.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def by_products(weight: Tensor) -> bool:
    """Whether layers are rearranged for a CPU: not where something else decides how they are computed."""
    return weight.device.type == "cpu" and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """(M, K), (N, K) and (N,) -> (M, N), a times b transposed plus the bias."""
    multiply = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if multiply is None or a.dtype != torch.float32 or not torch._C._has_mkldnn:
        return F.linear(a, b, bias)
    found: Tensor = multiply(a, b, bias, "none", [], "")
    return found
