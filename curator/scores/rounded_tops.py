"""Clipping whose flat tops are no longer flat: after a saturating amplifier, a lossy codec or a resampler.

Separate from the score because finding exact flat tops and judging rounded ones have nothing in common. A ceiling
leaves three traces in the half-waves: many of them end at nearly the same height, hardly any is higher, and their tops
are wider than those of the half-waves just below, which it left alone. The last is what tells it from a voice that
is held at one level, and is compared within the clip, since the width of a top is the voice's own. Six measures of
that are weighed by a logistic regression at every height of the positive half-waves, of the negative ones and of both
together; the likeliest is the ceiling (`python -m benchmarks.truth.clipping AUDIO_FOLDER --others VOICES` fits the
weights on the tuning half of its material and on a folder of other voices).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

HEIGHTS = np.exp(np.arange(np.log(0.35), 0.001, 0.01))
"""Heights at which a ceiling is looked for, as shares of the clip's peak."""
NEAR = 0.05
FEWEST = 6
ENOUGH_A_SECOND, GATHERED, ENOUGH = 5.0, 2.0, 0.001
"""More half-waves, more gathered ones and a larger share of samples at one height speak of a steady voice too."""
WEIGHTS = (0.31, -1.08, 1.58, 14.99, 13.52, 29.79)
BIAS = -7.27
"""Half below the fitted one: a false alarm costs more than a miss."""
TONES = ((0.01, 0.35), (0.06, 0.46))
"""A steady tone ends at one height all the time: from these shares on, tops narrower than this are not flattened. A
sine's have a width of 0.43."""
WIDTHS = ((0.5, 0.9, 0.43), (0.7, 0.95, 0.40))
"""Time above the upper share of a half-wave's height over time above the lower one, and what that is for a sine."""
MEASURABLE = 4
"""Samples above the lower share from which on a width is known."""
DOUBT = 3
"""So many half-waves of no excess are added to those whose width is measured."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ceiling:
    """The likeliest ceiling of a clip and what speaks for it."""

    height: float
    """As a share of the clip's peak."""
    score: float
    """Log odds that the clip was clipped there."""
    share: float
    """Samples at 0.95 of it and above, of all samples."""
    width: float
    """Time above 0.9 of a half-wave's height over time above 0.5 of it, mean over those that end near it."""

    @property
    def reached(self) -> bool:
        """Whether the clip was clipped there."""
        return self.score > 0 and not any(self.share > share and self.width < width for share, width in TONES)


def ceiling(wave: Floats, rate: int) -> Ceiling | None:
    """The likeliest ceiling of a clip (n,); None where no height stops the half-waves."""
    found = [each for tops in each_tops(wave, rate) if (each := _likeliest(tops)) is not None]
    return max(found, key=lambda each: each.score, default=None)


def _likeliest(tops: Tops) -> Ceiling | None:
    if not tops.stopped.any():
        return None
    scores = np.where(tops.stopped, tops.measures @ np.array(WEIGHTS) + BIAS, -np.inf)
    at = int(np.argmax(scores))
    return Ceiling(float(HEIGHTS[at]), float(scores[at]), float(tops.share[at]), float(tops.width[at]))


def each_tops(wave: Floats, rate: int) -> list[Tops]:
    """The tops of the positive half-waves of a clip, of the negative ones and of both; none of a silent clip."""
    peak = float(np.abs(wave).max(initial=0))
    if peak == 0:
        return []
    up, down = (_counted(sign * wave / np.float32(peak)) for sign in (1, -1))
    return [Tops(counts, len(wave), rate) for counts in (up, down, up + down)]


@dataclass(frozen=True)
class Tops:
    """What half-waves and samples do around each of `HEIGHTS`; every property is (heights,) unless it says otherwise.

    The rows of `counts`: half-waves within 5 % of the height, above that, and 12 to 22 % below it; samples from 5 %
    below it on; then number and sum of the widths of `WIDTHS` in turn near the height and, third and fourth, from 7 to
    28 % below it.
    """

    counts: Doubles
    samples: int
    rate: int

    @property
    def stopped(self) -> npt.NDArray[np.bool_]:
        """Heights at which some half-waves end, and above which hardly any goes on."""
        inside, above = self.counts[:2]
        return np.asarray((inside >= FEWEST) & (above <= 0.15 * inside + 1))

    @property
    def share(self) -> Doubles:
        """Samples at 0.95 of the height and above, of all samples."""
        return np.asarray(self.counts[3] / self.samples)

    @cached_property
    def width(self) -> Doubles:
        """Width of the tops near the height."""
        known, total = self.counts[4:6]
        return np.asarray(total / np.maximum(known, 1))

    @property
    def measures(self) -> Doubles:
        """What the regression weighs, (heights, 6)."""
        inside, _, below, samples = self.counts[:4]
        return np.column_stack(
            [
                np.log(np.minimum(inside * self.rate / self.samples + 0.1, ENOUGH_A_SECOND)),
                np.log(np.clip(inside / (below + 3), 0.01, GATHERED)),
                np.log(np.minimum(samples / self.samples + 1e-5, ENOUGH)),
                HEIGHTS,
                *(self._excess(index) for index in range(len(WIDTHS))),
            ]
        )

    def _excess(self, index: int) -> Doubles:
        """How much wider the tops near the height are than those below it, in doubt not at all."""
        near, near_sum, below, below_sum = self.counts[4 + 4 * index : 8 + 4 * index]
        usual = (below_sum + DOUBT * WIDTHS[index][2]) / (below + DOUBT)
        return np.asarray((near_sum + DOUBT * usual) / (near + DOUBT) - usual)


def _counted(wave: Floats) -> Doubles:
    """The rows of `Tops.counts` for the positive half-waves of a clip whose peak is 1."""
    heights, widths = _half_waves(wave)
    samples = np.sort(wave[wave > HEIGHTS[0] * (1 - NEAR)])
    rows = [
        _between(heights, 1 - NEAR, 1 + NEAR),
        _between(heights, 1 + NEAR, np.inf),
        _between(heights, 0.78, 0.88),
        _between(samples, 1 - NEAR, np.inf),
    ]
    for width in widths:
        known = ~np.isnan(width)
        sums = np.concatenate([[0.0], np.cumsum(np.where(known, width, 0.0))])
        for low, high in ((0.98, 1.12), (0.72, 0.93)):
            first, last = (np.searchsorted(heights, edge * HEIGHTS) for edge in (low, high))
            rows += [_between(heights[known], low, high), sums[last] - sums[first]]
    return np.array(rows, np.float64)


def _between(rising: npt.NDArray[np.floating], low: float, high: float) -> Doubles:
    """How many lie between two shares of each of the heights."""
    first, last = (np.searchsorted(rising, edge * HEIGHTS) for edge in (low, high))
    return np.asarray(last - first, np.float64)


def _half_waves(wave: Floats) -> tuple[Doubles, tuple[Doubles, ...]]:
    """Height of each positive half-wave that matters, in rising order, and its `WIDTHS` (NaN where it is too short)."""
    positive = wave > 0
    starts = np.flatnonzero(positive[1:] & ~positive[:-1]) + 1
    if not len(starts):
        return np.zeros(0), tuple(np.zeros(0) for _ in WIDTHS)
    heights = np.maximum.reduceat(wave, starts)
    samples = np.flatnonzero(wave > 0.125)
    samples = samples[samples >= starts[0]]
    owner = np.searchsorted(starts, samples, side="right") - 1
    ratio = wave[samples] / heights[owner]
    loud = np.flatnonzero(heights > 0.25)
    order = loud[np.argsort(heights[loud], kind="stable")]
    widths = []
    for lower, upper, _ in WIDTHS:
        long, short = (np.bincount(owner[ratio > limit], minlength=len(starts))[order] for limit in (lower, upper))
        widths.append(np.where(long >= MEASURABLE, short / np.maximum(long, 1), np.nan))
    return heights[order].astype(np.float64), tuple(widths)
