"""Pitch range: where the voice of a clip lies and how far it moves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from catalog.records import ScoreValue
from curator.frames import runs
from curator.pitch import VOICED
from curator.scores.clip_audio import ClipAudio

ENOUGH = 10
"""Voiced frames of 16 ms below which percentiles mean nothing."""
SHORTEST = 3


class PitchRange:
    """`f0_low_hz`, `f0_median_hz`, `f0_high_hz`: 5th, 50th and 95th percentile of f0 over voiced frames, Hz.

    `pitch_range_st`: distance of the first from the last, semitones. `voiced_ratio`: share of the clip's speech frames
    (10 ms) that are voiced, 0 to 1. f0 by swift-f0 between 50 and 1100 Hz, a frame every 16 ms, voiced where its
    confidence is 0.5 or more; voiced runs under 48 ms do not count. NULL with fewer than 10 voiced frames; the ratio is
    NULL without speech. With two voices at once the track follows the stronger one.
    """

    name = "pitch"
    version = 1
    columns = ("f0_low_hz", "f0_median_hz", "f0_high_hz", "pitch_range_st", "voiced_ratio")

    def compute(self, clip: ClipAudio) -> Mapping[str, ScoreValue]:
        """Hz, semitones and share."""
        scores: dict[str, ScoreValue] = {}
        speech = clip.speech
        if speech.any():
            scores["voiced_ratio"] = float((clip.voiced & speech).sum() / speech.sum())
        voiced = clip.pitch.confidence >= VOICED
        for first, last in runs(voiced):
            if last - first < SHORTEST:
                voiced[first:last] = False
        if np.count_nonzero(voiced) >= ENOUGH:
            low, median, high = (float(f) for f in np.percentile(clip.pitch.hz[voiced], [5, 50, 95]))
            scores |= {"f0_low_hz": low, "f0_median_hz": median, "f0_high_hz": high}
            scores["pitch_range_st"] = float(12 * np.log2(high / low))
        return scores
