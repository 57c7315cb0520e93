"""Overlap: how much of the speech has a second voice in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from curator.frames import FRAMES_A_SECOND, Bools, runs
from curator.scores import overlap_network, places
from curator.scores.clip_audio import ClipAudio, Floats, Found, Placed

SURE = 0.75
LASTING_FRAMES = 5
MEAN_FRAMES = 9
"""Meetings left out of the training are told a little better by a longer mean, mixtures with exact labels a little
worse: 0.36 s is between."""
ENOUGH_S = 1.0


class Overlap:
    """`overlap_ratio`: share of the clip's speech frames in which a second voice is heard, 0 to 1.

    A small network of our own (`overlap_network`, trained by `curator.recipes.overlap` on mixtures of single voices)
    gives a probability every 40 ms; a second voice is one that it is sure of, on the mean over 0.36 s, for 0.2 s or
    more. NULL with under 1 s of speech. Its place is the second with the most of it. Valid for speech at any level of
    the recording. Precision comes before recall: by `benchmarks/truth/overlap.py` none of 69 clean clips of 8 s with
    one unknown voice, spoken or sung, scores above 0.1, and of labelled clips with over 30 % overlap 17 of 18 do, with
    10 to 30 % 12 of 16. What it hears badly: murmurs of a second person in a meeting; 6 dB below a lead, a third or a
    fifth (AUC 0.78) and a double on the same notes (0.58). It takes an engine for a voice (a chainsaw 15 dB below).
    2 ms of one processor a second of audio.
    """

    name = "overlap"
    version = 5
    columns = ("overlap_ratio",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """Share, and where the second voice is surest."""
        speech = clip.speech
        if np.count_nonzero(speech) < ENOUGH_S * FRAMES_A_SECOND:
            return {}
        probability = overlap_network.probabilities(clip.at_16k)
        frame = np.arange(len(speech)) * overlap_network.FRAMES_A_SECOND // FRAMES_A_SECOND
        frame = np.minimum(frame, len(probability) - 1)
        heard = two_voices(probability)[frame] & speech
        place = places.worst(np.where(heard, probability[frame], 0.0), 1 / FRAMES_A_SECOND)
        return {"overlap_ratio": Placed(float(heard.sum() / speech.sum()), place)}


def two_voices(probability: Floats) -> Bools:
    """Frames of 40 ms in which two voices sound: sure on the mean over 0.36 s, and for 0.2 s or more."""
    found = lasting(probability) > SURE
    for first, last in runs(found):
        if last - first < LASTING_FRAMES:
            found[first:last] = False
    return found


def lasting(probability: Floats) -> Floats:
    """The mean over 0.36 s around each frame of 40 ms: what the score decides by, (frames,)."""
    share = np.full(MEAN_FRAMES, 1 / MEAN_FRAMES)
    return np.convolve(np.pad(probability, MEAN_FRAMES // 2, mode="edge"), share, mode="valid").astype(np.float32)
