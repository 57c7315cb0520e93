"""The grid of 10 ms on which recordings are described, and masks on it.

Separate because the pitch rules, the activity, the slicer and the scores all count in these frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FRAMES_A_SECOND = 100
FRAME_S = 1 / FRAMES_A_SECOND

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


def edge(frame: int, rate: int) -> int:
    """The sample at which a 10 ms frame begins; 15 s of frames are exactly 15 s of samples at any whole rate."""
    return (frame * rate + FRAMES_A_SECOND // 2) // FRAMES_A_SECOND


def edges(first: int, count: int, rate: int) -> Indices:
    """The samples at which `count` frames from `first` on begin."""
    return (np.arange(first, first + count, dtype=np.int64) * rate + FRAMES_A_SECOND // 2) // FRAMES_A_SECOND


def frames_of(samples: int, rate: int) -> int:
    """How many 10 ms frames a recording begins; the last may be cut off by its end."""
    return -(-(FRAMES_A_SECOND * samples - FRAMES_A_SECOND // 2) // rate) if samples else 0


def runs(mask: Bools) -> list[tuple[int, int]]:
    """Where a mask is true: [first, last) of each stretch."""
    padded = np.concatenate([[False], mask, [False]])
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b)) for a, b in zip(turns[::2], turns[1::2], strict=True)]


def widened(mask: Bools, by: int) -> Bools:
    """A mask with every stretch longer by so many frames on either side."""
    count = np.concatenate([[0], np.cumsum(mask)])
    frames = np.arange(len(mask))
    return np.asarray(count[np.minimum(frames + by + 1, len(mask))] > count[np.maximum(frames - by, 0)])


def sampled(values: bytes, hop_s: float, frames: int) -> Floats:
    """Stored values (uint8, 255 for 1), one each `hop_s`, at the middle of each of `frames`; 0 beyond their end."""
    stored = np.frombuffer(values, np.uint8)
    found = np.zeros(frames, np.float32)
    if len(stored):
        hop = ((np.arange(frames) + 0.5) * FRAME_S / hop_s).astype(np.int64)
        known = hop < len(stored)
        found[known] = stored[hop[known]] / np.float32(255)
    return found
