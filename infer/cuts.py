"""Where a long recording is cut for the network: at its quietest moments, every so often.

Separate because the cuts depend on the sound alone; the network only sees their result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infer.track import Track

SAMPLE_RATE = 16000
FRAME = 160
"""Samples of one f0 frame; cuts lie on whole frames, and this is the window of the quietness measure."""
FRAME_RATE = SAMPLE_RATE // FRAME


@dataclass(frozen=True)
class Chunking:
    """How long the pieces are, in seconds."""

    pad: float
    """Context on both sides of a piece, cut off again after conversion."""
    query: float
    """How far around the ideal cut a quieter one is looked for."""
    center: float
    """Distance of the ideal cuts."""
    longest: float
    """A recording up to this length is not cut."""


CLASSIC = Chunking(pad=1, query=6, center=38, longest=41)
"""What full precision on a GPU is usually run with."""


def find_cuts(track: Track, chunking: Chunking, *, around: int = 0) -> list[int]:
    """Samples at which to cut a track at 16 kHz, ascending, each a multiple of 160; none when it is short enough.

    A cut is at the quietest 10 ms, which may lie in the middle of a vowel; with `around`, in frames, where so many on
    either side are quiet together, as they are in a pause.
    """
    center, query = round(chunking.center * SAMPLE_RATE), round(chunking.query * SAMPLE_RATE)
    samples = len(track)
    if samples + FRAME <= chunking.longest * SAMPLE_RATE:
        return []
    cuts = []
    for ideal in range(center, samples, center):
        first, last = ideal - query, min(ideal + query, samples)
        if around:
            # what lies after a cut must be long enough to be faded into
            last = min(last, samples - around * FRAME)
            if last > first:
                cuts.append(_in_pause(track, first // FRAME, last // FRAME, around))
            continue
        level = quietness(track.read_mirrored(first - FRAME // 2, last + FRAME // 2))
        cuts.append((first + int(np.argmin(level))) // FRAME * FRAME)
    return cuts


def _in_pause(track: Track, first: int, last: int, around: int) -> int:
    """Of the frame boundaries from `first` to `last`, the sample of that with the least power around it."""
    audio = track.read_mirrored((first - around) * FRAME, (last + around) * FRAME)
    power = np.square(audio, dtype=np.float64).reshape(-1, FRAME).sum(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(power, 2 * around)
    inside = windows[: last - first] if last > first else windows
    return (first + int(np.argmin(inside.sum(axis=1)))) * FRAME


def quietness(audio: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum of magnitudes over 160 samples from each sample on: (n + 160,) to (n,)."""
    magnitude = np.abs(np.asarray(audio, dtype=np.float64))
    total = np.zeros(len(magnitude) - FRAME)
    # Added in order and not by running sums, whose rounding would decide between equally silent moments.
    for shift in range(FRAME):
        total += magnitude[shift : len(magnitude) - FRAME + shift]
    return total
