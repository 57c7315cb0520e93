"""How high a wave goes between its samples, and a limiter that keeps it below full scale there.

Separate from writing files because scores measure with the same filters.
Methods: ITU-R BS.1770-4 annex 2 (true peak by oversampling four times and more), Giannoulis, Massberg and Reiss 2012
(look-ahead limiting: the gain is lowered before the peak comes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infer.track import BLOCK, Track

TAPS = 32
SPAN = 64
"""Samples that are looked at together."""
ENOUGH_HZ = OVERSAMPLED_HZ = 192_000
CEILING = 10 ** (-1 / 20)
"""-1 dBTP, what EBU R 128 lets a programme reach."""
AHEAD_S = 0.02
"""The gain begins to fall so long before a peak, and has risen again as long after it."""
_NEAR = 0.5

Floats = NDArray[np.float32]


def factor_of(rate: int) -> int:
    """How many times a rate is oversampled: to 192 kHz or more."""
    return int(np.ceil(OVERSAMPLED_HZ / rate)) if rate < ENOUGH_HZ else 1


def between(wave: Floats, spans: NDArray[np.integer], factor: int) -> Floats:
    """The values between the samples of spans of 64 samples, given by their numbers: (spans, 64 * (factor - 1))."""
    padded = np.pad(wave, (TAPS // 2 - 1, TAPS // 2 + SPAN))
    cut = padded[spans[:, None] * SPAN + np.arange(SPAN + TAPS - 1)]
    windows = np.lib.stride_tricks.sliding_window_view(cut, TAPS, axis=1)
    return np.asarray((windows @ _phases(factor)).reshape(len(spans), -1))


@lru_cache(maxsize=8)
def _phases(factor: int) -> Floats:
    """Interpolation filters for the points between two samples, (taps, factor - 1)."""
    late = np.arange(1, factor) / factor
    from_centre = np.arange(TAPS)[:, None] - (TAPS // 2 - 1) - late[None]
    inside = np.clip(1 - (from_centre / (TAPS / 2)) ** 2, 0, None)
    taps = np.sinc(from_centre) * np.i0(6.0 * np.sqrt(inside)) / np.i0(6.0)
    return np.asarray(taps / taps.sum(axis=0), np.float32)


def heights(wave: Floats, rate: int, above: float) -> Floats:
    """The true peak around each sample of wave (N,): the sample's own size, or that between it and the next where the
    wave comes near `above`."""
    size = np.abs(wave)
    factor = factor_of(rate)
    spans = np.unique(np.flatnonzero(size > _NEAR * above) // SPAN)
    if factor == 1 or not len(spans):
        return np.asarray(size)
    inner = np.abs(between(wave, spans, factor)).reshape(len(spans), SPAN, factor - 1).max(axis=2)
    full = np.pad(size, (0, -len(size) % SPAN)).reshape(-1, SPAN)
    full[spans] = np.maximum(full[spans], inner)
    return np.asarray(full.reshape(-1)[: len(size)])


def true_peak(track: Track, rate: int) -> float:
    """The highest true peak of a track."""
    return max((float(heights(_part(track, start, stop), rate, track.peak).max()) for start, stop in _spans(track)),
               default=0.0)  # fmt: skip


def limited(channels: Sequence[Track], rate: int, ceiling: float = CEILING) -> Iterator[Floats]:
    """Blocks (n, channels) of tracks of one length with their true peaks kept at or below `ceiling`.

    Only the 20 ms around what is too high is turned down, in all channels alike and by no more than it takes; all else
    stays as it is.
    """
    ahead = max(1, round(AHEAD_S * rate))
    for start, stop in _spans(channels[0]):
        first, last = start - 2 * ahead, stop + 2 * ahead
        waves = [_part(track, first, last) for track in channels]
        together = np.stack(waves, axis=1)[2 * ahead : 2 * ahead + stop - start]
        if max(float(np.abs(wave).max(initial=0)) for wave in waves) <= _NEAR * ceiling:
            yield together
            continue
        height = np.max([heights(wave, rate, ceiling) for wave in waves], axis=0)
        # what lies between a sample and the next concerns both
        height[1:] = np.maximum(height[1:], height[:-1])
        gain = _eased(np.minimum(1.0, ceiling / np.maximum(height, 1e-9)), ahead)
        yield np.asarray(together * gain[2 * ahead : 2 * ahead + stop - start, None], np.float32)


def _eased(wanted: NDArray[np.floating], ahead: int) -> NDArray[np.floating]:
    """A gain that changes smoothly and is nowhere above `wanted`: its lowest within reach, averaged over that reach."""
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import fftconvolve

    if float(wanted.min()) >= 1.0:
        return wanted
    window = np.hanning(2 * ahead + 3)[1:-1]
    lowest = minimum_filter1d(wanted.astype(np.float64), 2 * ahead + 1, mode="nearest")
    fall = fftconvolve(1 - lowest, window / window.sum(), mode="same")
    return np.asarray(1 - np.clip(fall, 0, 1))


def _spans(track: Track) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of a track."""
    for start in range(0, len(track), BLOCK):
        yield start, min(len(track), start + BLOCK)


def _part(track: Track, start: int, stop: int) -> Floats:
    """Samples [start, stop) of a track, silence beyond its ends."""
    inner = track.read(max(0, start), min(len(track), stop))
    return np.pad(inner, (max(0, -start), max(0, stop - len(track)))).astype(np.float32)
