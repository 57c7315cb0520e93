"""Clipping: samples flattened at a ceiling, and the highest sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from curator.frames import runs
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst
from curator.scores.rounded_tops import NEAR, ceiling

FLAT = 1e-4
"""Samples within this share of the ceiling lie on it."""
LONG_ENOUGH_S = 60e-6
LOWER = (0.3, 0.9)
FINE_STEPS, COARSE_STEPS = 256, 64
"""Steps of the file's resolution up to its peak below which flat tops, and rounded ones, are natural."""
QUIET = 0.01
STEP_S = 0.01

Floats = npt.NDArray[np.float32]


class Clipping:
    """`peak_dbfs`: highest absolute sample of the clip, dBFS; NULL for digital silence. Its place is that sample.

    `clipped_ratio`: share of samples flattened at a ceiling, 0 to 1. A flat top is a run of samples within 1e-4 of the
    clip's highest (or lowest) one, longer than 60 microseconds, since a wave of 75 Hz or more that only touches its
    peak turns round sooner; two of them, or one twice as long, make a ceiling, and every sample on it counts, unless
    flat tops are as common among the lower ones: then the recording's coarse steps made them (8 bits, even where a
    limiter or a change of gain hides the steps). The ceiling is the clip's own, so clipping that was turned down
    afterwards is still seen. Saturated tops, and flat ones that a lossy codec or a resampler rounded off, are judged by
    `rounded_tops`; there the samples within 5 % of the ceiling and above count, so the number is a rougher one. The
    exact count stands unless the other is more than twice as large.

    Valid from 0.05 % of the samples on, raw and after an mp3 of 128 kbit/s, where `benchmarks.truth` measures it (the
    README states the figures); it takes 0.8 ms of one processor a second of audio. Raised falsely above all by sung
    notes held at one level. One clipped channel of several is not seen after the mix to mono. NULL
    where flat tops are natural: a peak below -40 dBFS or of fewer than 64 steps of the file's resolution (below 256
    flat ones are not judged, rounded ones are).
    """

    name = "clipping"
    version = 4
    columns = ("clipped_ratio", "peak_dbfs")

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """Share and dBFS."""
        wave = clip.wave
        peak = float(np.abs(wave).max()) if len(wave) else 0.0
        if peak == 0:
            return {}
        at = np.abs(wave).argmax()
        scores: dict[str, Found] = {"peak_dbfs": Placed(float(20 * np.log10(peak)), _place(np.array([at]), clip))}
        steps = peak / _step(wave)
        if peak >= QUIET and steps >= COARSE_STEPS:
            flat = _flat(wave, clip.rate) if steps >= FINE_STEPS else np.zeros(0, np.int64)
            rounded = _rounded(wave, clip.rate, peak)
            flattened = flat if 2 * len(flat) >= len(rounded) else rounded
            scores["clipped_ratio"] = Placed(len(flattened) / len(wave), _place(flattened, clip))
        return scores


def _flat(wave: Floats, rate: int) -> npt.NDArray[np.int64]:
    """Places of the samples in flat tops, of both signs."""
    shortest = 1 + int(np.ceil(LONG_ENOUGH_S * rate))
    found = [np.zeros(0, np.int64)]
    for sign in (1, -1):
        limit = float((sign * wave).max()) * (1 - FLAT)
        on = (sign * wave) >= limit
        lengths = [last - first for first, last in runs(on)]
        long = sum(length >= shortest for length in lengths)
        made = long >= 2 or max(lengths) >= 2 * shortest
        if limit > 0 and made and long / len(lengths) > _flat_below(sign * wave, limit, shortest):
            found.append(np.flatnonzero(on))
    return np.concatenate(found)


def _flat_below(wave: Floats, ceiling: float, shortest: int) -> float:
    """The share of flat tops among the positive ones at `LOWER` shares of a ceiling, which cannot come from it."""
    low, high = (share * ceiling for share in LOWER)
    middle = wave[1:-1]
    ends = np.flatnonzero((middle >= wave[:-2]) & (middle > wave[2:]) & (middle > low) & (middle < high))
    ends = ends[ends >= shortest] + 1
    flat = np.ones(len(ends), bool)
    for back in range(1, shortest):
        flat &= wave[ends - back] >= wave[ends] * (1 - FLAT)
    return float(flat.mean()) if len(flat) else 0.0


def _rounded(wave: Floats, rate: int, peak: float) -> npt.NDArray[np.int64]:
    """Places of the samples at a ceiling whose tops are rounded, and at the same height of the other sign."""
    found = ceiling(wave, rate)
    if found is None or not found.reached:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.abs(wave) >= (1 - NEAR) * found.height * peak)


def _place(samples: npt.NDArray[np.int64], clip: ClipAudio) -> tuple[float, float] | None:
    """The second with most of these samples."""
    steps = int(len(clip.wave) / clip.rate / STEP_S) + 1
    return worst(np.bincount((samples / clip.rate / STEP_S).astype(np.int64), minlength=steps), STEP_S)


def _step(wave: Floats) -> float:
    """The smallest step between neighbouring samples, an upper bound of the file's resolution."""
    steps = np.abs(np.diff(wave))
    steps = steps[steps > 0]
    return float(steps.min()) if len(steps) else 1.0
