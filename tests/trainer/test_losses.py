"""The losses against their definitions and a reference number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainer.losses import discriminator_loss, feature_loss, generator_loss, kl_loss, mel_loss


def test_a_perfect_discriminator_loses_nothing_and_a_fooled_one_two_a_piece() -> None:
    ones, zeros = [torch.ones(2, 5), torch.ones(2, 3)], [torch.zeros(2, 5), torch.zeros(2, 3)]
    assert discriminator_loss(ones, zeros) == 0
    assert discriminator_loss(zeros, ones) == 4


def test_the_generator_wins_when_its_fakes_score_one() -> None:
    assert generator_loss([torch.ones(2, 5)]) == 0
    assert generator_loss([torch.zeros(2, 5), torch.full((2, 3), 3.0)]) == 1 + 4


def test_feature_matching_is_twice_the_mean_difference_of_each_layer_and_leaves_the_real_side_alone() -> None:
    real = [[torch.zeros(2, 3, requires_grad=True)], [torch.zeros(4, requires_grad=True)]]
    fake = [[torch.full((2, 3), 0.5, requires_grad=True)], [torch.full((4,), -2.0, requires_grad=True)]]
    loss = feature_loss(real, fake)
    assert loss == 2 * (0.5 + 2.0)
    loss.backward()
    assert real[0][0].grad is None
    assert fake[1][0].grad is not None


def test_the_gradient_of_feature_matching_is_the_definition_s_and_lies_in_memory_as_the_map_does() -> None:
    torch.manual_seed(0)
    made = torch.randn(5, 4, 3).permute(2, 0, 1).requires_grad_()
    true = torch.randn(3, 5, 4)
    true[0, 0, 0] = made.detach()[0, 0, 0]
    (3 * feature_loss([[true]], [[made]])).backward()
    assert made.grad is not None
    torch.testing.assert_close(made.grad, 6 * (made.detach() - true).sign() / 60)
    assert made.grad.stride() == made.stride()


def test_the_divergence_of_two_gaussians_is_met_on_average() -> None:
    torch.manual_seed(0)
    shape = (1, 1, 400_000)
    m_q, logs_q, m_p, logs_p = 0.3, -0.4, -0.5, 0.2
    z = m_q + np.exp(logs_q) * torch.randn(shape)
    exact = logs_p - logs_q - 0.5 + 0.5 * (np.exp(2 * logs_q) + (m_q - m_p) ** 2) * np.exp(-2 * logs_p)
    full = [torch.full(shape, value) for value in (logs_q, m_p, logs_p)]
    assert float(kl_loss(z, *full, torch.ones(1, 1, shape[2]))) == pytest.approx(exact, abs=5e-3)


def test_the_divergence_is_the_reference_one() -> None:
    reference: Any = np.load(Path(__file__).parents[1] / "reference" / "discriminator.npz")
    parts = [
        torch.from_numpy(reference["kl_" + name].astype(np.float32))
        for name in ("z_p", "logs_q", "m_p", "logs_p", "mask")
    ]
    assert float(kl_loss(*parts)) == pytest.approx(float(reference["losses"][3]), rel=1e-5)


def test_frames_past_a_clip_do_not_count() -> None:
    torch.manual_seed(0)
    parts = [torch.randn(1, 4, 6) for _ in range(4)]
    mask = torch.tensor([[[1.0, 1, 1, 1, 0, 0]]])
    whole = kl_loss(*parts, mask)
    short = kl_loss(*(part[..., :4] for part in parts), mask[..., :4])
    torch.testing.assert_close(whole, short)


def test_losses_stay_in_float32_when_the_networks_do_not() -> None:
    half = [torch.full((1, 4), 0.1).bfloat16()]
    assert generator_loss(half).dtype == torch.float32
    assert discriminator_loss(half, half).dtype == torch.float32
    assert mel_loss(half[0], half[0]).dtype == torch.float32
