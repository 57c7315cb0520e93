"""Loudness of a clip by the broadcast standard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from catalog.audio import resample
from curator.frames import FRAME_S
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst

BLOCK_S = 0.4
LOWEST_RATE, RATE = 32_000, 48_000
"""Below the first the bilinear transform bends the weighting filter (0.2 LU at 8 kHz): such clips go to the second."""


class Loudness:
    """`loudness_lufs`: integrated loudness of the mono clip, LUFS (ITU-R BS.1770-4, both gates, by pyloudnorm).

    Within 0.1 LU of the tones of EBU Tech 3341 at rates of 8 to 96 kHz (`benchmarks.truth`). Its place is the loudest
    second. NULL for clips under 0.4 s, one block of the standard, and for clips that the -70 LUFS gate removes
    altogether.
    """

    name = "loudness"
    version = 2
    columns = ("loudness_lufs",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """LUFS."""
        if len(clip.wave) <= BLOCK_S * clip.rate:
            return {}
        wave, rate = clip.wave, clip.rate
        if rate < LOWEST_RATE:
            wave, rate = resample(wave, rate, RATE), RATE
        with np.errstate(divide="ignore", invalid="ignore"):
            loudness = float(_meter(rate).integrated_loudness(wave.astype(np.float64)))
        if not np.isfinite(loudness):
            return {}
        power = 10 ** (clip.tracks.level[clip.frames].astype(np.float64) / 10)
        return {"loudness_lufs": Placed(loudness, worst(power, FRAME_S))}


@lru_cache(maxsize=8)
def _meter(rate: int) -> Any:
    import pyloudnorm

    return pyloudnorm.Meter(rate, block_size=BLOCK_S)
