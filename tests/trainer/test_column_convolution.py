"""Convolutions by products of matrices: the numbers of torch's own, forward and backward, to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from infer.weight_norm import held_weights
from trainer import discriminator
from trainer.column_convolution import convolve_short, convolve_strided
from trainer.discriminator import PeriodDiscriminator, ScaleDiscriminator
from trainer.minimal_filtering import POINTS, at_points


def picture(*shape: int) -> Tensor:
    source = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=source).contiguous(memory_format=torch.channels_last).requires_grad_()


def close(made: Tensor, true: Tensor, limit: float = 4e-6) -> None:
    assert made.shape == true.shape
    made, true = made.detach().double(), true.detach()
    assert float((made - true).abs().max() / true.abs().max()) < limit


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("height", [1, 4, 43, 44, 45])
def test_output_and_all_gradients_are_those_of_the_convolution_in_double_precision(stride: int, height: int) -> None:
    x, kernel = picture(1, 24, height, 3), picture(40, 24, 5, 1)
    bias = torch.linspace(-1, 1, 40).requires_grad_()
    if stride == 1:
        made = convolve_short(x, at_points(kernel.squeeze(3)), bias)
    else:
        made = convolve_strided(x, kernel, bias, stride)
    same = [part.detach().double().requires_grad_() for part in (x, kernel, bias)]
    true = torch.conv2d(*same, stride=(stride, 1), padding=(2, 0))
    close(made, true)
    weigh = torch.randn(made.shape, generator=torch.Generator().manual_seed(1))
    made.backward(weigh)
    true.backward(weigh.double())
    for part, exact in zip((x, kernel, bias), same, strict=True):
        assert part.grad is not None
        assert exact.grad is not None
        close(part.grad, exact.grad)


@pytest.fixture(params=["period", "scale"])
def judge(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return PeriodDiscriminator(5, 4) if request.param == "period" else ScaleDiscriminator(4)


@pytest.mark.parametrize("samples", [1200, 1303])
def test_a_judge_leaves_the_gradients_that_plain_convolutions_leave(
    judge: nn.Module, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(conv.kernel().shape[0] == POINTS for conv in judge.convs)
    wave = torch.randn(2, 1, samples, generator=torch.Generator().manual_seed(0))
    found = []
    for plain in (False, True):
        monkeypatch.setattr(discriminator, "by_products", lambda _, plain=plain: not plain)
        judge.zero_grad()
        heard = wave.clone().requires_grad_()
        score, features = judge(heard)
        (score.square().mean() + sum(layer.square().mean() for layer in features)).backward()
        assert heard.grad is not None
        found.append([score.detach(), heard.grad, *(part.grad for part in judge.parameters())])
    for made, true in zip(*found, strict=True):
        close(made, true, 1e-4)


def test_held_weights_are_what_the_forward_pass_takes(judge: nn.Module) -> None:
    wave = torch.randn(2, 1, 900, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        score, _ = judge(wave)
        with held_weights(judge):
            held, _ = judge(wave)
        torch.testing.assert_close(held, score)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad(), held_weights(judge):
        mixed, _ = judge(wave)
    torch.testing.assert_close(mixed.float(), score, rtol=0.05, atol=0.05)
