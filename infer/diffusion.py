"""Noise added to data step by step, and taken off again in few calls of a network that predicts it.

Separate from any network, so that it can be held against data whose answer is known in closed form.
Methods: Ho, Jain and Abbeel 2020 (DDPM: the schedule), Liu et al. 2022 (DiffSinger: noise up to a shallow step only),
Lu et al. 2022 (DPM-Solver++, the multistep solver of second order that predicts data).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TIMESTEPS = 1000
_FIRST_BETA, _LAST_BETA = 1e-4, 0.02
CALLS = 10
"""How often the network is asked, unless told otherwise."""


def betas() -> NDArray[np.float64]:
    """(1000,) share of the power that each step replaces by noise."""
    return np.asarray(np.linspace(_FIRST_BETA, _LAST_BETA, TIMESTEPS), np.float64)


@cache
def _kept() -> NDArray[np.float64]:
    """(1000,) share of the data's power that is left after each step."""
    return np.asarray(np.cumprod(1 - betas()), np.float64)


def amounts(step: Tensor) -> tuple[Tensor, Tensor]:
    """Steps (B,), 0 to 999 -> the factors of data and of unit noise in what is left then, two of (B,)."""
    signal, spread = (torch.from_numpy(np.sqrt(part).astype(np.float32)) for part in (_kept(), 1 - _kept()))
    return signal.to(step.device)[step], spread.to(step.device)[step]


def noised(data: Tensor, noise: Tensor, step: Tensor) -> Tensor:
    """Data and unit noise (B, M, T), steps (B,) -> the data as it is after those steps (B, M, T)."""
    signal, spread = amounts(step)
    return signal[:, None, None] * data + spread[:, None, None] * noise


def times(steps: int, calls: int = CALLS) -> list[int]:
    """The steps at which the network is asked, from steps - 1 down to 0, as evenly in the logarithm of the
    signal-to-noise ratio as whole steps can be; fewer than `calls` where two would fall together."""
    ratios = np.log(_kept()[:steps] / (1 - _kept()[:steps]))
    wanted = np.linspace(ratios[-1], ratios[0], max(1, min(calls, steps)))
    return sorted({int(np.abs(ratios - each).argmin()) for each in wanted}, reverse=True)


def denoised(noisy: Tensor, predict: Callable[[Tensor, int], Tensor], steps: list[int]) -> Tensor:
    """Take the noise off `noisy` (B, M, T), which is as data are after steps[0] + 1 steps.

    `predict` tells the unit noise in what is left at one of the descending `steps`, and is asked once for each. The
    way between is solved in the logarithm of the signal-to-noise ratio, each step by a line through the last two
    predictions of the data; the last goes down to no noise at all, where that prediction is the answer.
    """
    x, before, last_span = noisy, None, 0.0
    for number, step in enumerate(steps):
        signal, spread = _at(step)
        data = (x - spread * predict(x, step)) / signal
        if number + 1 == len(steps):
            return data
        next_signal, next_spread = _at(steps[number + 1])
        span = math.log(next_signal / next_spread) - math.log(signal / spread)
        aim = data if before is None else data + (data - before) * (span / (2 * last_span))
        x = (next_spread / spread) * x - next_signal * math.expm1(-span) * aim
        before, last_span = data, span
    return x


def _at(step: int) -> tuple[float, float]:
    kept = float(_kept()[step])
    return math.sqrt(kept), math.sqrt(1 - kept)
