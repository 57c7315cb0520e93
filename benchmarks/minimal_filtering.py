"""Convolutions of the published discriminators by fewer products beside torch's own: rounding and processor time.

    python -m benchmarks.minimal_filtering

For each layer's shape: the output and both gradients against double precision, norm over norm, and the processor
milliseconds of a forward and a backward pass on one thread, the least of several. The input is noise of unit variance.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from trainer.device import keep_memory
from trainer.minimal_filtering import at_points, convolve

SHAPES = {
    # name: steps, columns, channels in, channels out, taps
    "judge of period 2": (80, 8, 1024, 1024, 5),
    "judge of period 7": (23, 28, 1024, 1024, 5),
    "judge of period 37": (5, 148, 1024, 1024, 5),
}
TURNS = 5

Layer = Callable[[Tensor, Tensor, Tensor], Tensor]


def torchs(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """(H, W, I) -> (H, W, O), laid out as torch convolves it fastest."""
    picture = x.permute(2, 0, 1).unsqueeze(0)
    wide = kernel.unsqueeze(3).contiguous(memory_format=torch.channels_last)
    return torch.conv2d(picture, wide, bias, padding=(kernel.shape[2] // 2, 0))[0].permute(1, 2, 0)


def ours(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """The same by fewer products."""
    return convolve(x, at_points(kernel), bias, kernel.shape[2])


def passes(layer: Layer, given: list[Tensor], weigh: Tensor) -> list[Tensor]:
    """The output, and the gradients of input, kernel and bias."""
    made = layer(*given)
    return [made.detach(), *torch.autograd.grad(made, given, weigh)]


def least(work: Callable[[], object]) -> float:
    """Processor milliseconds of the fastest turn after one that warms up."""
    work()
    used = []
    for _ in range(TURNS):
        start = time.process_time()
        work()
        used.append(1000 * (time.process_time() - start))
    return min(used)


def report(label: str, layer: Layer, given: list[Tensor], weigh: Tensor, exact: list[Tensor]) -> None:
    found = zip(passes(layer, given, weigh), exact, strict=True)
    off = [float((made.double() - true).norm() / true.norm()) for made, true in found]
    spent = least(lambda: passes(layer, given, weigh))
    print(f"  {label:>5}: output off by {off[0]:.1e}, gradient of the input {off[1]:.1e}, of the kernel {off[2]:.1e}; "
          f"{spent:.1f} ms", flush=True)  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    keep_memory()
    for name, (steps, columns, narrow, wide, taps) in SHAPES.items():
        torch.manual_seed(0)
        given = [torch.randn(steps, columns, narrow), torch.randn(wide, narrow, taps), torch.randn(wide)]
        weigh = torch.randn(steps, columns, wide)
        exact = passes(torchs, [part.double().requires_grad_() for part in given], weigh.double())
        given = [part.requires_grad_() for part in given]
        print(f"{name}: {steps} steps of {columns} columns, {narrow} to {wide} channels, {taps} taps")
        for label, layer in (("torch", torchs), ("ours", ours)):
            report(label, layer, given, weigh, exact)


if __name__ == "__main__":
    main()
