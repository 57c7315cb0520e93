"""Silence: how much of a clip is not speech, and its longest pause."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from catalog.records import ScoreValue
from curator.frames import FRAME_S, runs
from curator.scores.clip_audio import ClipAudio


class Silence:
    """`silence_ratio`: share of the clip's 10 ms frames without speech, 0 to 1, lead and tail included.

    `longest_pause_s`: longest stretch without speech between two stretches of it, in seconds; 0 where there is none.
    Both by the speech mask of `curator.activity` (silero's probabilities, edges moved to the sound), so a pause shorter
    than 0.1 s is none. They hold for every clip that has a frame; a clip without any speech has no pause (NULL).
    """

    name = "silence"
    version = 1
    columns = ("silence_ratio", "longest_pause_s")

    def compute(self, clip: ClipAudio) -> Mapping[str, ScoreValue]:
        """Share and seconds."""
        speech = clip.speech
        if not len(speech):
            return {}
        if not speech.any():
            return {"silence_ratio": 1.0, "longest_pause_s": None}
        spoken = np.flatnonzero(speech)
        inside = ~speech[spoken[0] : spoken[-1] + 1]
        longest = max((last - first for first, last in runs(inside)), default=0)
        return {"silence_ratio": float(1 - speech.mean()), "longest_pause_s": round(longest * FRAME_S, 2)}
