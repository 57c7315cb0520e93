"""Breaths and voiceless consonants of the input, kept as they are.

Separate from the networks because here nothing is generated: air in a mouth says little of whose mouth it is, and what
a voice makes of it is less clear than what was recorded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.audio import resample
from infer.cuts import FRAME, FRAME_RATE, SAMPLE_RATE
from infer.track import Track, filled
from infer.volume import at

SHORTEST = 3
"""Frames that a voiceless stretch has at least."""
LONGEST = 500
_CONTEXT = 2
_LOW_HZ, _MOST_LOW = 700.0, 0.3
CLEAR = 10 ** (20 / 10)
"""What is kept stands 20 dB above the noise of the recording, or the noise would come and go with it."""
_QUIET_PERCENTILE = 10
_WINDOW = 2 * FRAME

Floats = NDArray[np.float64]


def keep(converted: Track, clean: Track, f0: Floats, gain: NDArray[np.floating], rate: int, out: Track) -> None:
    """Write `converted` (at `rate` Hz) to `out`, with the sound of `clean` (16 kHz) below 8 kHz in place of its own
    where nothing is voiced.

    `f0` (T,) has a value for every 10 ms of the recording; `gain` is a contour of factors for `clean`, stretched over
    the recording. Frames whose power lies low are left alone, which are voice that no f0 was found for, and frames that
    do not stand clear of the recording's noise.
    """
    hop = rate // FRAME_RATE
    written, least = 0, CLEAR * noise_power(clean)
    for first, last in stretches(f0, min(len(clean) // FRAME, len(converted) // hop)):
        start, stop = max(0, first - _CONTEXT), min(len(clean) // FRAME, last + _CONTEXT)
        heard = clean.read(start * FRAME, stop * FRAME)
        share = weight(heard, first - start, last - start, least)
        if not share.any():
            continue
        _copy(converted, written, start * hop, out)
        made = converted.read(max(written, start * hop), min(len(converted), stop * hop)).astype(np.float32)
        begun = max(written, start * hop) - start * hop
        louder = at(gain, len(clean), start * FRAME, stop * FRAME)
        kept = filled(resample((heard * louder).astype(np.float32), SAMPLE_RATE, rate), (stop - start) * hop)
        full = np.pad(made, (begun, 0))
        low = filled(resample(resample(full, rate, SAMPLE_RATE), SAMPLE_RATE, rate), len(full))
        mask = np.interp(np.arange(len(full)) / hop, np.arange(len(share)) + 0.5, share)
        mixed = full + (mask * (kept[: len(full)] - low)).astype(np.float32)
        out.append(mixed[begun:])
        written = start * hop + len(full)
    _copy(converted, written, len(converted), out)


def stretches(f0: Floats, frames: int) -> list[tuple[int, int]]:
    """First and last frame (exclusive) of the voiceless stretches among `frames`, without a frame at each end, long
    ones in parts."""
    silent = np.concatenate([[False], f0[:frames] <= 0, [False]])
    edges = np.flatnonzero(np.diff(silent.astype(int)))
    found = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        first, last = int(first) + (first > 0), int(last) - (last < frames)
        for start in range(first, last, LONGEST):
            stop = min(start + LONGEST, last)
            if stop - start >= SHORTEST:
                found.append((start, stop))
    return found


def noise_power(clean: Track) -> float:
    """Mean square of the slope of the quieter tenth of a recording's frames, or less: the noise above the rumble."""
    powers = [
        np.square(np.diff(block[: len(block) // FRAME * FRAME].reshape(-1, FRAME), axis=1)).mean(axis=1)
        for _, block in clean.blocks()
    ]
    frames = np.concatenate(powers) if powers else np.zeros(0)
    return float(np.percentile(frames, _QUIET_PERCENTILE)) if len(frames) else 0.0


def weight(heard: NDArray[np.floating], first: int, last: int, least: float = 0.0) -> Floats:
    """For each frame of `heard` (T * 160,) how much of it is kept, 0 to 1: none outside [first, last), where the power
    lies below 700 Hz, and where the slope's mean square is below `least`."""
    padded = np.pad(heard, (FRAME // 2, _WINDOW))
    frames = len(heard) // FRAME
    cut = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::FRAME][:frames] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(cut, axis=1)) ** 2
    low = power[:, : int(_LOW_HZ * _WINDOW / SAMPLE_RATE) + 1].sum(axis=1)
    slope = np.square(np.diff(heard[: frames * FRAME].reshape(frames, FRAME), axis=1)).mean(axis=1)
    share = ((low <= _MOST_LOW * power.sum(axis=1)) & (slope >= least)).astype(float)
    share[:first] = share[last:] = 0
    return np.asarray(share)


def _copy(track: Track, start: int, stop: int, out: Track) -> None:
    """Samples [start, stop) of `track` onto `out`, in blocks."""
    for first in range(start, stop, 1 << 20):
        out.append(track.read(first, min(stop, first + (1 << 20))))
