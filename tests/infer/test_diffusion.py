"""The solver held against data of one Gaussian, for which everything is known in closed form.

For data N(m, s²) what is left after a step is N(a m, a² s² + b²) with the factors a of data and b of noise; the noise
in it that is to be expected, and the way that every point takes down to no noise at all, follow from that alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from infer.diffusion import TIMESTEPS, betas, denoised, noised, times

MEAN, SPREAD = 0.4, 0.3


def factors(step: int) -> tuple[float, float]:
    """Data's and noise's factor after a step, multiplied up one by one."""
    kept = 1.0
    for beta in betas()[: step + 1]:
        kept *= 1 - beta
    return kept**0.5, (1 - kept) ** 0.5


def expected_noise(x: Tensor, step: int) -> Tensor:
    a, b = factors(step)
    return b * (x - a * MEAN) / (a**2 * SPREAD**2 + b**2)


def exact(x: Tensor, step: int) -> Tensor:
    """Where the deterministic way leads: each point keeps its distance from the mean, counted in spreads."""
    a, b = factors(step)
    return MEAN + SPREAD * (x - a * MEAN) / (a**2 * SPREAD**2 + b**2) ** 0.5


def ancestral(x: Tensor, predict: Callable[[Tensor, int], Tensor], last: int, chance: torch.Generator) -> Tensor:
    """Sampling as DDPM does it, one step after the other, each with noise of its own."""
    for step in range(last, -1, -1):
        beta, (_, b) = betas()[step], factors(step)
        x = (x - beta / b * predict(x, step)) / (1 - beta) ** 0.5
        if step:
            before = factors(step - 1)[1]
            x = x + (beta * before**2 / b**2) ** 0.5 * torch.randn(x.shape, generator=chance)
    return x


def test_noise_is_put_on_as_the_schedule_says() -> None:
    data, noise = torch.full((2, 3, 4), 2.0), torch.full((2, 3, 4), -1.0)
    for step in (0, 99, 999):
        a, b = factors(step)
        made = noised(data, noise, torch.tensor([step, step]))
        torch.testing.assert_close(made, torch.full_like(made, 2 * a - b), rtol=1e-6, atol=1e-6)
    assert factors(TIMESTEPS - 1)[0] < 0.01


def test_the_solver_follows_the_exact_way_and_twice_the_calls_bring_it_four_times_nearer() -> None:
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)[None, None]
    errors = []
    for calls in (20, 40, 80):
        found = denoised(x, expected_noise, times(TIMESTEPS, calls))
        errors.append(float((found - exact(x, TIMESTEPS - 1)).abs().max()))
    assert errors[-1] < 1e-3
    assert errors[0] / errors[1] > 3
    assert errors[1] / errors[2] > 3


@pytest.mark.parametrize(("steps", "bound"), [(20, 4e-3), (100, 1.2e-2), (200, 7e-3)])
def test_ten_calls_are_enough_for_shallow_noise(steps: int, bound: float) -> None:
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)[None, None]
    found = denoised(x, expected_noise, times(steps))
    assert float((found - exact(x, steps - 1)).abs().max()) < bound


def test_noise_becomes_the_data_as_it_does_by_ancestral_sampling() -> None:
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 20_000, generator=chance)
    solved = denoised(x, expected_noise, times(TIMESTEPS, 20))
    drawn = ancestral(x, expected_noise, TIMESTEPS - 1, chance)
    for found in (solved, drawn):
        assert float(found.mean()) == pytest.approx(MEAN, abs=0.01)
        assert float(found.std()) == pytest.approx(SPREAD, abs=0.01)
    levels = np.linspace(0.01, 0.99, 25)
    apart = np.quantile(solved.numpy(), levels) - np.quantile(drawn.numpy(), levels)
    assert np.abs(apart).max() < 0.03


def test_every_step_is_asked_for_once_from_the_noisiest_down() -> None:
    ratios = [2 * np.log(factors(step)[0] / factors(step)[1]) for step in times(100)]
    assert (times(100)[0], times(100)[-1], len(times(100))) == (99, 0, 10)
    assert np.ptp(np.diff(ratios)) < 0.5
    assert times(3) == [2, 1, 0]
    assert times(1) == [0]
    asked: list[int] = []

    def predict(x: Tensor, step: int) -> Tensor:
        asked.append(step)
        return torch.zeros_like(x)

    denoised(torch.ones(1, 1, 1), predict, times(50, 5))
    assert asked == times(50, 5)
