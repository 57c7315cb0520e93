"""Silence: how much of a clip is not speech, and its longest pause."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from curator.frames import FRAME_S, runs
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import within


class Silence:
    """`silence_ratio`: share of the clip's 10 ms frames without speech, 0 to 1, lead and tail included.

    `longest_pause_s`: longest stretch without speech between two stretches of it, in seconds; 0 where there is none.
    Both by the speech mask of `curator.activity` (silero's probabilities, edges moved to the sound), so a pause shorter
    than 0.1 s is none. They hold for every clip that has a frame; a clip without any speech has no pause (NULL).
    The place of the one is the longest stretch without speech, of the other the pause.
    """

    name = "silence"
    version = 2
    columns = ("silence_ratio", "longest_pause_s")

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """Share and seconds."""
        speech = clip.speech
        if not len(speech):
            return {}
        if not speech.any():
            return {"silence_ratio": 1.0, "longest_pause_s": None}
        spoken = np.flatnonzero(speech)
        pauses = [(first, last) for first, last in runs(~speech) if spoken[0] < first < spoken[-1]]
        quiet, pause = (max(each, key=_length, default=(0, 0)) for each in (runs(~speech), pauses))
        seconds = len(clip.wave) / clip.rate
        places = [within(a * FRAME_S, b * FRAME_S, seconds) if b > a else None for a, b in (quiet, pause)]
        return {
            "silence_ratio": Placed(float(1 - speech.mean()), places[0]),
            "longest_pause_s": Placed(round(_length(pause) * FRAME_S, 2), places[1]),
        }


def _length(stretch: tuple[int, int]) -> int:
    return stretch[1] - stretch[0]
