"""Voice that the speech network does not know: sung notes, found by their pitch.

Separate from the pitch tracker, which measures, and from the activity, which is what is stored: these rules say from
the stored voicing and level alone what counts as a voice, so a recording can be heard as speech or as singing without
decoding it again. The network was trained on speech and misses most singing (silero-vad issue 565).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from curator.frames import Bools, Floats, runs
from curator.pitch import HOP_S, VOICED, Pitch

Voice = Literal["auto", "speech", "singing"]
VOICES: tuple[Voice, ...] = get_args(Voice)
SURE = 0.9
"""Probability of voice that a note is given."""
DOUBTFUL = 0.25
"""Least probability of a loud voiced frame: not enough for voice, too much for room noise."""
DOUBTFUL_WITHIN_DB = 15.0
SUSTAINED = 0.8
SUSTAINED_S = 0.25
SUSTAINED_WITHIN_DB = 25.0
SHORTEST_NOTE_S = 0.06
NOTE_WITHIN_DB = 35.0
HUM_BELOW_HZ, HUM_STEADY_ST, HUM_S = 130.0, 0.05, 0.25


def stored(pitch: Pitch) -> bytes:
    """How sure it is that each frame of `pitch` is voiced, x 255; a low tone that never moves is mains hum and is 0."""
    confidence = pitch.confidence.copy()
    for first, last in runs(confidence >= VOICED):
        hz = pitch.hz[first:last]
        if (last - first) * HOP_S >= HUM_S and np.median(hz) < HUM_BELOW_HZ:
            steps = 12 * np.log2(np.maximum(hz, 1.0))
            if steps.std() < HUM_STEADY_ST:
                confidence[first:last] = 0
    return np.round(np.clip(confidence, 0, 1) * 255).astype(np.uint8).tobytes()


def probability(voicing: Floats, level: Floats, frame_s: float, voice: Voice) -> Floats:
    """The probability of voice that pitch alone gives each frame of `frame_s`, 0 where it gives none.

    `voicing` is 0 to 1 and `level` in dBFS, both (frames,). As speech: none. By itself ("auto"): `sustained` notes, and
    a doubt where it is loud and voiced. As singing: every `note`, and the same doubt.
    """
    found = np.zeros(len(level), np.float32)
    if voice == "speech" or not len(level):
        return found
    top = float(np.percentile(level, 95))
    found[(voicing >= VOICED) & (level > top - DOUBTFUL_WITHIN_DB)] = DOUBTFUL
    found[note(voicing, level - top, frame_s) if voice == "singing" else sustained(voicing, level - top, frame_s)] = (
        SURE
    )
    return found


def sustained(voicing: Floats, level: Floats, frame_s: float) -> Bools:
    """Frames of notes that no speech holds: voiced without doubt for 0.25 s or more.

    `level` is in dB over the loudest sound of the recording; a note is at most 25 dB below that.
    """
    found = np.zeros(len(level), bool)
    for first, last in runs((level > -SUSTAINED_WITHIN_DB) & (voicing >= VOICED)):
        if last - first >= SUSTAINED_S / frame_s and (voicing[first:last] >= SUSTAINED).mean() >= 0.6:
            found[first:last] = True
    return found


def note(voicing: Floats, level: Floats, frame_s: float) -> Bools:
    """Frames voiced for 60 ms or more, at most 35 dB below the loudest sound: fast, high and soft notes too."""
    found = np.zeros(len(level), bool)
    for first, last in runs((level > -NOTE_WITHIN_DB) & (voicing >= VOICED)):
        found[first:last] = last - first >= SHORTEST_NOTE_S / frame_s
    return found
