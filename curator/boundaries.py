"""Where a cut lies between two words and where inside one: a small network on what is stored of a recording.

Separate from the slicer, which decides by lengths and pauses as well, and free of audio: it reads the 10 ms tracks, so
a recording is cut again without decoding. In a room or in noise a gap of 50 ms and the closure of a consonant are
equally quiet; what sounds in the quarter of a second on either side tells them apart. Two hidden layers, 6,000
parameters, trained by `curator.recipes.boundaries` on words of synthesizers joined with gaps of known length.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from curator.activity import Tracks
from curator.frames import Floats

WEIGHTS = Path(__file__).with_name("boundaries.npz")
REACH = 25
"""Frames that are looked at on either side of a cut."""
INPUTS = 2 * REACH * 3 + 2
LAYERS = ("first", "second", "out")
SCALE_DB = 15.0
FRAMES_A_BLOCK = 6000
STEPS = 1000
"""Probabilities are rounded to so many steps, so that the last bits of a processor do not choose a cut."""


def inside(tracks: Tracks, first: int, last: int) -> Floats:
    """The probability that a cut before each of frames [first, last) lies over 20 ms inside a word, (last - first,).

    Raises ValueError for tracks without the level above 2 kHz.
    """
    parts = [
        forward(windows(tracks, start, min(start + FRAMES_A_BLOCK, last)), _weights())
        for start in range(first, last, FRAMES_A_BLOCK)
    ]
    score = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return np.asarray(np.round(STEPS / (1 + np.exp(-score))) / STEPS, np.float32)


def windows(tracks: Tracks, first: int, last: int) -> Floats:
    """What the network sees of the cuts before frames [first, last): (last - first, 152).

    Level, level above 2 kHz and probability of a voice, each in the 25 frames before and after the cut; and the two
    levels of the noise. Levels are in steps of 15 dB over the median level of the speech around.
    """
    if tracks.highs is None or tracks.loudness_of_highs is None or tracks.floor_of_highs is None:
        raise ValueError("these tracks hold no level above 2 kHz")
    count = len(tracks.level)
    around = np.clip(np.arange(first - REACH, last + REACH), 0, count - 1)
    at = np.clip(np.arange(first, last), 0, count - 1)
    loudness, loudness_of_highs = tracks.loudness, tracks.loudness_of_highs
    seen = [
        np.clip((tracks.level[around] - loudness[around]) / SCALE_DB, -3, 1.5),
        np.clip((tracks.highs[around] - loudness_of_highs[around]) / SCALE_DB, -3, 1.5),
        tracks.probability[around],
    ]
    noise = [
        np.clip((tracks.floor[at] - loudness[at]) / SCALE_DB, -4, 0),
        np.clip((tracks.floor_of_highs[at] - loudness_of_highs[at]) / SCALE_DB, -4, 0),
    ]
    beside = np.lib.stride_tricks.sliding_window_view(np.stack(seen), 2 * REACH, axis=1)[:, : last - first]
    flat = beside.transpose(1, 0, 2).reshape(last - first, -1)
    return np.concatenate([flat, np.stack(noise, axis=1)], axis=1, dtype=np.float32)


def forward(x: Floats, weights: Mapping[str, Floats]) -> Floats:
    """Logits (cuts,) for what is seen of cuts (cuts, 152)."""
    for layer in LAYERS[:-1]:
        x = np.maximum(x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"], 0)
    return np.asarray(x @ weights["out.weight"][0] + weights["out.bias"][0], np.float32)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Floats]:
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}
