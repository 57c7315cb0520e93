"""Joining the pieces of a recording so that no join is heard: the source of a voice goes on in phase from piece to
piece, and each piece is faded into the next.

Separate from the conversion because it is the one place that knows what two neighbouring pieces have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from infer.cuts import FRAME_RATE

_HIGHEST_F0 = 2000.0

Wave = NDArray[np.float32]


class Phases:
    """Phase of a voice's source at the frames of a recording, so that every piece can start where the last one is.

    `gliding` is for source-filter voices, whose f0 runs straight from frame to frame and is held through unvoiced
    frames; RVC's source keeps the f0 of a frame until the next and rests where there is none.
    """

    def __init__(self, f0: NDArray[np.float64], hop: int, *, gliding: bool) -> None:
        self._gliding = gliding
        self._f0 = np.minimum(held(f0), _HIGHEST_F0) if gliding else f0
        self._voiced = f0 > 0
        turns = self._f0 / FRAME_RATE
        if gliding:
            turns = turns + np.diff(turns, append=turns[-1:]) * (hop - 1) / (2 * hop)
        self._turns = np.concatenate([[0.0], np.cumsum(turns)])

    def at(self, first: int, stop: int) -> float:
        """Turns, from 0 to 1, at which the source of a piece of frames [first, stop) starts."""
        if not self._gliding:
            return float(self._turns[first] % 1)
        voiced = np.flatnonzero(self._voiced[first:stop])
        if not len(voiced):
            return 0.0
        # what the piece cannot know of the past it fills with the pitch that comes
        lead = int(voiced[0])
        return float((self._turns[first + lead] - lead * self._f0[first + lead] / FRAME_RATE) % 1)


def held(f0: NDArray[np.float64]) -> NDArray[np.float64]:
    """f0 (T,) in Hz with each unvoiced stretch filled by the voiced value before it, its last frame and what lies
    before all voice by the value after it; all 0 stays 0."""
    steps, voiced = np.arange(len(f0)), f0 > 0
    before = np.maximum.accumulate(np.where(voiced, steps, -1))
    after = np.minimum.accumulate(np.where(voiced, steps, len(f0))[::-1])[::-1]
    nearest = np.where((before < 0) | ((after - steps <= 1) & (after < len(f0))), after, before)
    return np.asarray(f0[np.where(voiced, steps, np.minimum(nearest, len(f0) - 1))])


def faded(pieces: Iterable[tuple[Wave, int]]) -> Iterator[Wave]:
    """Waves, each with how many of its first samples lie over the last ones of the wave before it -> consecutive waves,
    cross-faded there.

    The fade is of equal gain, since both sides hold the same source and the same noise.
    """
    tail = np.zeros(0, np.float32)
    waiting: Wave | None = None
    for wave, overlap in pieces:
        if waiting is not None:
            tail = waiting[len(waiting) - overlap :]
            yield waiting[: len(waiting) - overlap]
        if overlap and waiting is not None:
            rising = np.sin(np.linspace(0, np.pi / 2, overlap, dtype=np.float32)) ** 2
            wave = wave.copy()
            wave[:overlap] = tail * (1 - rising) + wave[:overlap] * rising
        waiting = wave
    if waiting is not None:
        yield waiting
