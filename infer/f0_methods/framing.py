"""The time grid all f0 estimators answer on: one value every hop, the first at sample 0.

Separate so that the estimators and the registry above them agree on it without importing each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000


def fit(f0: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """`f0` cut or filled up with unvoiced frames at its end to exactly `frames` values."""
    fitted = np.zeros(frames)
    kept = min(frames, len(f0))
    fitted[:kept] = f0[:kept]
    return fitted


def centre(f0: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """`f0` filled up with unvoiced frames on both sides to at least `frames` values.

    For estimators whose first frame lies half an analysis window after the first sample.
    """
    missing = max(0, frames - len(f0))
    left = (missing + 1) // 2
    return np.pad(np.asarray(f0, dtype=np.float64), (left, missing - left))


def regrid(f0: NDArray[np.floating], times: NDArray[np.floating], grid: NDArray[np.floating]) -> NDArray[np.float64]:
    """f0 at the times `grid` (s) from values at `times`: linear in log f0 inside voiced stretches.

    A point of the grid is voiced when the nearest given frame is; across a border to unvoiced frames the
    voiced value is held.
    """
    if len(f0) == 0 or not np.any(f0 > 0):
        return np.zeros(len(grid))
    voiced = f0 > 0
    filled = np.exp(np.interp(grid, times[voiced], np.log(f0[voiced])))
    after = np.clip(np.searchsorted(times, grid), 1, max(1, len(times) - 1))
    before = after - 1
    if len(times) == 1:
        return np.where(voiced[0], filled, 0.0)
    share = np.clip((grid - times[before]) / (times[after] - times[before]), 0, 1)
    nearest = np.where(share < 0.5, before, after)
    # Interpolating in log f0 between two voiced neighbours only: a bridge over a pause would invent pitch.
    held = np.where(voiced[before] & voiced[after], filled, f0[nearest])
    return np.where(voiced[nearest], held, 0.0)
