"""Convolutions with fewer products: the numbers of torch's own, forward and backward, to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainer.minimal_filtering import at_points, convolve, values_at_points


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    source = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=source, dtype=dtype)


def plain(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """torch's convolution of (H, W, I)."""
    columns = x.permute(1, 2, 0)
    return torch.conv1d(columns, kernel, bias, padding=kernel.shape[2] // 2).permute(2, 0, 1)


@pytest.mark.parametrize("taps", [3, 5, 7])
@pytest.mark.parametrize("height", [1, 2, 4, 5, 12, 13, 43])
def test_output_and_all_gradients_are_those_of_the_convolution(taps: int, height: int) -> None:
    given = [
        part.requires_grad_()
        for part in (
            drawn(height, 4, 6, dtype=torch.float64),
            drawn(7, 6, taps, dtype=torch.float64),
            drawn(7, dtype=torch.float64),
        )
    ]
    x, kernel, bias = given
    made, true = convolve(x, at_points(kernel), bias, taps), plain(*given)
    torch.testing.assert_close(made, true, rtol=0, atol=1e-12)
    weigh = drawn(*true.shape, dtype=torch.float64)
    found, exact = (torch.autograd.grad(out, given, weigh) for out in (made, true))
    for gradient, wanted in zip(found, exact, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-11)


def test_only_what_is_asked_for_learns() -> None:
    x, kernel, bias = drawn(9, 2, 6).requires_grad_(), drawn(7, 6, 5), drawn(7)
    held = values_at_points(kernel).unbind(0)
    convolve(x, held, bias, 5).sum().backward()
    exact = x.detach().clone().requires_grad_()
    plain(exact, kernel, bias).sum().backward()
    assert x.grad is not None
    assert exact.grad is not None
    torch.testing.assert_close(x.grad, exact.grad, rtol=1e-4, atol=1e-4)
    alone = kernel.clone().requires_grad_()
    assert not convolve(x.detach(), held, bias, 5).requires_grad
    assert torch.autograd.grad(convolve(x.detach(), at_points(alone), bias, 5).sum(), alone)[0].shape == kernel.shape


@pytest.mark.parametrize("taps", [3, 5, 7])
def test_what_is_rounded_stays_under_four_millionths(taps: int) -> None:
    x, kernel = drawn(21, 6, 512).requires_grad_(), drawn(64, 512, taps).requires_grad_()
    exact = [part.detach().double().requires_grad_() for part in (x, kernel)]
    made, true = convolve(x, at_points(kernel), torch.zeros(64), taps), plain(*exact)
    weigh = drawn(*true.shape)
    found = [made, *torch.autograd.grad(made, (x, kernel), weigh)]
    wanted = [true, *torch.autograd.grad(true, exact, weigh.double())]
    for part, other in zip(found, wanted, strict=True):
        assert (part - other).norm() < 4e-6 * other.norm()
