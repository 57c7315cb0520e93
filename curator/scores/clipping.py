"""Clipping: samples flattened at a ceiling, and the highest sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from catalog.records import ScoreValue
from curator.frames import runs
from curator.scores.clip_audio import ClipAudio

FLAT = 1e-4
"""Samples within this share of the ceiling lie on it."""
LONG_ENOUGH_S = 60e-6
COARSE_STEPS = 256
QUIET = 0.01


class Clipping:
    """`peak_dbfs`: highest absolute sample of the clip, dBFS; NULL for digital silence.

    `clipped_ratio`: share of samples that lie in a flat top, 0 to 1. A flat top is a run of samples within 1e-4 of the
    clip's highest (or lowest) one, at least 3 and at least 60 microseconds long, since a wave that only touches its
    peak turns round sooner. The ceiling is the clip's own, so clipping that was turned down afterwards is still seen;
    clipping before a lossy codec or a resampler, which round the tops off, is not, nor one channel of several. NULL
    where flat tops are natural: a peak below -40 dBFS or of fewer than 256 steps of the file's resolution.
    """

    name = "clipping"
    version = 1
    columns = ("clipped_ratio", "peak_dbfs")

    def compute(self, clip: ClipAudio) -> Mapping[str, ScoreValue]:
        """Share and dBFS."""
        wave = clip.wave
        peak = float(np.abs(wave).max()) if len(wave) else 0.0
        if peak == 0:
            return {}
        scores: dict[str, ScoreValue] = {"peak_dbfs": float(20 * np.log10(peak))}
        if peak >= QUIET and peak >= COARSE_STEPS * _step(wave):
            shortest = max(3, int(np.ceil(LONG_ENOUGH_S * clip.rate)))
            flat = sum(_flat(sign * wave, shortest) for sign in (1, -1))
            scores["clipped_ratio"] = flat / len(wave)
        return scores


def _flat(wave: npt.NDArray[np.float32], shortest: int) -> int:
    """Samples in the flat tops of the positive side."""
    ceiling = float(wave.max())
    if ceiling <= 0:
        return 0
    tops = runs(wave >= ceiling * (1 - FLAT))
    return sum(last - first for first, last in tops if last - first >= shortest)


def _step(wave: npt.NDArray[np.float32]) -> float:
    """The smallest step between neighbouring samples, an upper bound of the file's resolution."""
    steps = np.abs(np.diff(wave))
    steps = steps[steps > 0]
    return float(steps.min()) if len(steps) else 1.0
