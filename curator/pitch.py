"""The pitch of a whole recording in one pass, and the singing that the voice-activity network does not know.

Separate from the score of a clip because the same track serves both: clips take their part of it, and sustained notes,
which the network was never trained on, count as voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 16_000
HOP_S = 0.016
LOWEST_HZ, HIGHEST_HZ = 50.0, 1100.0
VOICED = 0.5
"""Confidence at which swift-f0 is calibrated to call a frame voiced."""
SUSTAINED = 0.8
NOTE_S = 0.25
LOUD_WITHIN_DB = 25.0
TONAL_WITHIN_DB = 15.0
HUM_BELOW_HZ, HUM_STEADY_ST = 130.0, 0.05

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


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
    """Pitch of a stream of 16 kHz mono audio by swift-f0 (50-1100 Hz); memory is bounded by the block."""

    def __init__(self) -> None:
        self._stream = _detector().stream(LOWEST_HZ, HIGHEST_HZ)
        self._parts: list[Any] = []

    def feed(self, wave: Floats) -> None:
        """Take the next samples (n,) at 16 kHz."""
        if len(wave):
            self._parts.append(self._stream.push(np.asarray(wave, np.float32), RATE))

    def finish(self) -> Pitch:
        """The track of all that was fed."""
        if not self._parts:
            return Pitch(np.zeros(0, np.float32), np.zeros(0, np.float32))
        parts = [*self._parts, self._stream.flush()]
        return Pitch(
            np.concatenate([part.pitch_hz for part in parts]).astype(np.float32),
            np.concatenate([part.confidence for part in parts]).astype(np.float32),
        )


def measure(wave: Floats) -> Pitch:
    """The pitch of 16 kHz mono audio (n,)."""
    meter = PitchMeter()
    meter.feed(wave)
    return meter.finish()


def sung(pitch: Pitch, level: Floats, frame_s: float) -> Bools:
    """Frames (of `frame_s`, as `level` in dBFS) that hold a sustained note.

    A note is voiced without doubt for 0.25 s or more and no more than 25 dB below the loudest sound of the recording;
    a low tone that never moves is mains hum and does not count.
    """
    from curator.activity import runs

    grid = pitch.on_grid(len(level), frame_s)
    found = np.zeros(len(level), bool)
    if not len(level):
        return found
    loud = level > np.percentile(level, 95) - LOUD_WITHIN_DB
    for first, last in runs(loud & (grid.confidence >= VOICED)):
        if last - first < NOTE_S / frame_s:
            continue
        sure = grid.confidence[first:last] >= SUSTAINED
        steps = 12 * np.log2(np.maximum(grid.hz[first:last], 1.0))
        hum = np.median(grid.hz[first:last]) < HUM_BELOW_HZ and steps.std() < HUM_STEADY_ST
        if sure.mean() >= 0.6 and not hum:
            found[first:last] = True
    return found


def tonal(pitch: Pitch, level: Floats, frame_s: float) -> Bools:
    """Frames (of `frame_s`, as `level` in dBFS) that are voiced and within 15 dB of the loudest sound."""
    if not len(level):
        return np.zeros(0, bool)
    loud = level > np.percentile(level, 95) - TONAL_WITHIN_DB
    return np.asarray(loud & (pitch.on_grid(len(level), frame_s).confidence >= VOICED))


@lru_cache(maxsize=1)
def _detector() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)
