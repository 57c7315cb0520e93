"""The pitch of a whole recording in one pass.

Separate from the score of a clip because the same track serves two: clips take their part of it, and `voicing` finds in
it the singing that the voice-activity network does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 16_000
HOP = 256
HOP_S = HOP / RATE
PIECE = 192
SEES_BACK, SEES_AHEAD = 11, 10
"""Frames of 16 ms that the network sees before and after one: 7 frames and half of its longest window."""
LOWEST_HZ, HIGHEST_HZ = 50.0, 1100.0
VOICED = 0.5
"""Confidence at which swift-f0 is calibrated to call a frame voiced."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pitch:
    """f0 in Hz and the confidence that a frame is voiced, both (frames,), one frame every 16 ms."""

    hz: Floats
    confidence: Floats

    def between(self, start_s: float, end_s: float) -> Pitch:
        """The frames whose time lies in a range of seconds."""
        first, last = (max(0, round(time / HOP_S)) for time in (start_s, end_s))
        return Pitch(self.hz[first:last], self.confidence[first:last])

    def on_grid(self, frames: int, frame_s: float) -> Pitch:
        """The nearest frame for each of `frames` of another length."""
        if not len(self.hz):
            return Pitch(np.zeros(frames, np.float32), np.zeros(frames, np.float32))
        nearest = np.clip(np.round((np.arange(frames) + 0.5) * frame_s / HOP_S), 0, len(self.hz) - 1).astype(np.int64)
        return Pitch(self.hz[nearest], self.confidence[nearest])


class PitchMeter:
    """Pitch of a stream of 16 kHz mono audio by swift-f0 (50-1100 Hz); memory is bounded by the block.

    The network is run over pieces of 3 s, whose layers stay in the processor's cache, each with as many frames on
    either side as it can see: the same track as one run over the whole, whatever blocks are fed.
    """

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._first = 0
        """Frame at which `_held` begins."""
        self._done = 0
        self._hz: list[Floats] = []
        self._confidence: list[Floats] = []

    def feed(self, wave: Floats) -> None:
        """Take the next samples (n,) at 16 kHz."""
        self._held = np.concatenate([self._held, np.asarray(wave, np.float32)])
        while len(self._held) >= (self._done - self._first + PIECE + SEES_AHEAD) * HOP:
            self._run(PIECE, last=False)

    def finish(self) -> Pitch:
        """The track of all that was fed."""
        left = len(self._held) // HOP - (self._done - self._first)
        if self._done == 0 and len(self._held):
            left = max(1, left)
        while left > 0:
            self._run(min(left, PIECE), last=left <= PIECE)
            left -= PIECE
        none = np.zeros(0, np.float32)
        return Pitch(np.concatenate([none, *self._hz]), np.concatenate([none, *self._confidence]))

    def _run(self, frames: int, *, last: bool) -> None:
        """The next frames, from what is held; the last of all see silence after the end."""
        from swift_f0.core import SILENCE_PEAK

        at = self._done - self._first
        end = len(self._held) if last else (at + frames + SEES_AHEAD) * HOP
        hops = self._held[at * HOP : (at + frames) * HOP]
        peaks = np.abs(np.pad(hops, (0, frames * HOP - len(hops))).reshape(frames, HOP)).max(axis=1)
        hz = confidence = np.zeros(frames, np.float32)
        if (peaks >= SILENCE_PEAK).any():
            band = {"fmin": np.asarray(LOWEST_HZ, np.float32), "fmax": np.asarray(HIGHEST_HZ, np.float32)}
            found = _session().run(["pitch", "confidence"], {"audio": self._held[None, :end], **band})
            hz, confidence = (np.asarray(track[0, at : at + frames], np.float32) for track in found)
            # The network was never shown digital silence and answers it with random notes.
            confidence = np.where(peaks < SILENCE_PEAK, np.float32(0), confidence)
        self._hz.append(hz)
        self._confidence.append(confidence)
        self._done += frames
        keep = max(0, self._done - SEES_BACK) - self._first
        self._held = self._held[keep * HOP :]
        self._first += keep


def measure(wave: Floats) -> Pitch:
    """The pitch of 16 kHz mono audio (n,)."""
    meter = PitchMeter()
    meter.feed(wave)
    return meter.finish()


@lru_cache(maxsize=1)
def _session() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False).session
