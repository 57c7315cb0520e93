"""Loudness of a clip by the broadcast standard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from catalog.records import ScoreValue
from curator.scores.clip_audio import ClipAudio

BLOCK_S = 0.4


class Loudness:
    """`loudness_lufs`: integrated loudness of the mono clip, LUFS (ITU-R BS.1770-4, both gates, by pyloudnorm).

    NULL for clips under 0.4 s, one block of the standard, and for clips that the -70 LUFS gate removes altogether.
    """

    name = "loudness"
    version = 1
    columns = ("loudness_lufs",)

    def compute(self, clip: ClipAudio) -> Mapping[str, ScoreValue]:
        """LUFS."""
        if len(clip.wave) <= BLOCK_S * clip.rate:
            return {}
        with np.errstate(divide="ignore", invalid="ignore"):
            loudness = float(_meter(clip.rate).integrated_loudness(clip.wave.astype(np.float64)))
        return {"loudness_lufs": loudness} if np.isfinite(loudness) else {}


@lru_cache(maxsize=8)
def _meter(rate: int) -> Any:
    import pyloudnorm

    return pyloudnorm.Meter(rate, block_size=BLOCK_S)
