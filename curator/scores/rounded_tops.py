"""Clipping whose flat tops are no longer flat: after a saturating amplifier, a lossy codec or a resampler.

Separate from the score because finding exact flat tops and judging rounded ones have nothing in common. A ceiling
leaves three traces in the half-waves: many of them end at nearly the same height, hardly any is higher, and their tops
are wide. Six measures of that at the likeliest ceiling are weighed by a logistic regression
(`python -m benchmarks.truth.clipping AUDIO_FOLDER` fits it on the tuning half of its material).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEP = 0.02
LOWEST_CEILING = 0.35
NEAR = 0.05
FEWEST = 6
WEIGHTS = (1.08, -0.54, 2.2, 17.13, 0.94, 29.32)
BIAS = -28.0
"""One above the fitted one: a false alarm costs more than a miss. Half as much finds 1.1 times as many of the smallest
clippings after an mp3, and three times as many alarms on voices that it was not fitted on."""
TONES = ((0.01, 0.35), (0.06, 0.46))
"""A steady tone ends at one height all the time: from these shares on, tops narrower than this are not flattened. A
sine's have a width of 0.43."""
MEASURABLE = 4
"""Samples above half of its height from which on the width of a half-wave is known."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ceiling:
    """The likeliest ceiling of a clip and what speaks for it."""

    height: float
    """As a share of the clip's peak."""
    sign: int
    half_waves: float
    """Half-waves that end within 5 % of it, a second."""
    gathered: float
    """How many more end there than 12 to 22 % below."""
    edge: float
    """Samples within 5 % of it over those 10 to 20 % below."""
    width: float
    """Time above 0.9 of a half-wave's height over time above 0.5 of it, mean over those half-waves."""
    share: float
    """Samples at 0.95 of it and above, of all samples."""

    @property
    def measures(self) -> Doubles:
        """What the regression weighs."""
        logs = np.log([self.half_waves + 0.1, self.gathered, self.edge + 0.01])
        return np.array([*logs, self.width, np.log(self.share + 1e-5), self.height])

    @property
    def reached(self) -> bool:
        """Whether the clip was clipped there."""
        if any(self.share > share and self.width < width for share, width in TONES):
            return False
        return bool(self.measures @ np.array(WEIGHTS) + BIAS > 0)


def ceiling(wave: Floats, rate: int) -> Ceiling | None:
    """The likeliest ceiling of either sign; None where no height stops the half-waves."""
    peak = float(np.abs(wave).max(initial=0))
    if peak == 0:
        return None
    found = [each for sign in (1, -1) for each in _candidates(sign * wave / np.float32(peak), rate, sign)]
    return max(found, key=_likelihood, default=None)


def _likelihood(found: Ceiling) -> float:
    return float(np.log(found.gathered * found.edge) + 4 * found.width) if found.edge > 0 else -np.inf


def _candidates(wave: Floats, rate: int, sign: int) -> list[Ceiling]:
    """Every height of the positive half-waves above which hardly any goes on; the clip's peak is 1."""
    heights, widths = _half_waves(wave)
    if len(heights) < FEWEST:
        return []
    known = ~np.isnan(widths)
    sums = [np.concatenate([[0.0], np.cumsum(each)]) for each in (np.where(known, widths, 0.0), known)]
    samples = np.sort(wave[wave > 0.2])
    found = []
    for at in np.exp(np.arange(np.log(LOWEST_CEILING), 0.001, STEP)):
        inside, above = _count(heights, 1 - NEAR, 1 + NEAR, at), _count(heights, 1.1, np.inf, at)
        if inside < FEWEST or above > 0.15 * inside + 1:
            continue
        first, last = np.searchsorted(heights, [0.92 * at, 1.12 * at])
        width, measured = (each[last] - each[first] for each in sums)
        found.append(
            Ceiling(
                height=float(at),
                sign=sign,
                half_waves=inside * rate / len(wave),
                gathered=inside / (_count(heights, 0.78, 0.88, at) + 3),
                edge=_count(samples, 1 - NEAR, 1 + NEAR, at) / (_count(samples, 0.8, 0.9, at) + 5),
                width=float(width / max(1.0, measured)),
                share=_count(samples, 1 - NEAR, np.inf, at) / len(wave),
            )
        )
    return found


def _half_waves(wave: Floats) -> tuple[Doubles, Doubles]:
    """Height of each positive half-wave that matters, in rising order, and the width of its top (NaN if too short)."""
    positive = wave > 0
    starts = np.flatnonzero(positive[1:] & ~positive[:-1]) + 1
    if not len(starts):
        return np.zeros(0), np.zeros(0)
    heights = np.maximum.reduceat(wave, starts)
    samples = np.flatnonzero(wave > 0.125)
    samples = samples[samples >= starts[0]]
    owner = np.searchsorted(starts, samples, side="right") - 1
    ratio = wave[samples] / heights[owner]
    top, half = (np.bincount(owner[ratio > limit], minlength=len(starts)) for limit in (0.9, 0.5))
    loud = np.flatnonzero(heights > 0.25)
    order = loud[np.argsort(heights[loud], kind="stable")]
    widths = np.where(half[order] >= MEASURABLE, top[order] / np.maximum(half[order], 1), np.nan)
    return heights[order].astype(np.float64), widths


def _count(rising: npt.NDArray[np.floating], low: float, high: float, of: float) -> int:
    """How many lie between two shares of a height."""
    first, last = np.searchsorted(rising, [low * of, high * of])
    return int(last - first)
