"""The tail that a room adds to words: how fast sound dies away in it, and which frames hold nothing else.

Separate from the activity because it is a model of the room, not of the voice. In a dry room voices end at many speeds;
in a reverberant one nothing dies away faster than the room, so the fastest falls of a recording are all alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curator.frames import FRAME_S, Bools, Floats, runs

FALL_FRAMES = 8
LEAST_WORDS = 10
CLEAR_DB = 25.0
"""How far the speech must stand above the noise for its falls to be seen."""
LOUD_WITHIN_DB, ABOVE_FLOOR_DB = 20.0, 8.0
DRY_DB_S = 235.0
"""The fastest tenth of falls is steeper than this in a dry room (60 dB in 0.26 s); measured 270-420 dB/s in dry
recordings, 200-226 in rooms of RT60 0.4 s."""
SLACK_DB, BEFORE_FRAMES = 3.0, 4

Doubles = npt.NDArray[np.float64]


def decay(level: Floats, loudness: Floats, floor: Floats, voice: Bools) -> float | None:
    """How fast sound dies away in the room, dB/s; None where it is too dry, or too noisy, to be told.

    All in 10 ms frames: level, the level of the speech and of the noise around (dBFS), and where there is a voice. Each
    stretch of voice gives its steepest fall over 80 ms from near the level of speech to above the noise; the room is
    as fast as the slower falls of these are (their lower quartile).
    """
    if len(level) <= FALL_FRAMES or np.median(loudness - floor) < CLEAR_DB:
        return None
    smooth = _smooth(level)
    falls = (smooth[:-FALL_FRAMES] - smooth[FALL_FRAMES:]) / (FALL_FRAMES * FRAME_S)
    seen = smooth[FALL_FRAMES:] > floor[FALL_FRAMES:] + ABOVE_FLOOR_DB
    seen &= smooth[:-FALL_FRAMES] > loudness[:-FALL_FRAMES] - LOUD_WITHIN_DB
    falls[~seen] = 0
    steepest = [falls[first:last].max() for first, last in runs(voice) if (falls[first:last] > 0).sum() > 3]
    if len(steepest) < LEAST_WORDS or np.percentile(steepest, 90) > DRY_DB_S:
        return None
    return float(np.percentile(steepest, 25))


def ringing(level: Floats, decay_db_s: float) -> Bools:
    """Frames no more than 3 dB louder than what sounded 40 ms and more before would still be, dying away so fast."""
    smooth, time = _smooth(level), np.arange(len(level)) * FRAME_S
    before = np.full(len(level), -np.inf)
    highest = np.maximum.accumulate(smooth + decay_db_s * time)
    before[BEFORE_FRAMES:] = highest[:-BEFORE_FRAMES] - decay_db_s * time[BEFORE_FRAMES:]
    return np.asarray(smooth <= before + SLACK_DB)


def without_tails(mask: Bools, ringing: Bools, shortest: int) -> Bools:
    """A mask whose stretches end where they ring, each left `shortest` frames at least."""
    mask = mask.copy()
    for first, last in runs(mask):
        sounding = np.flatnonzero(~ringing[first:last])
        end = first + max(int(sounding[-1]) + 1 if len(sounding) else 0, min(shortest, last - first))
        mask[end:last] = False
    return mask


def _smooth(level: Floats) -> Doubles:
    """The level (dB) of 30 ms around each frame."""
    power = 10 ** (np.pad(level.astype(np.float64), 1, mode="edge") / 10)
    return np.asarray(10 * np.log10(np.convolve(power, np.full(3, 1 / 3), mode="valid")))
