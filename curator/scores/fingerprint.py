"""Fingerprints: which peaks of a spectrum follow which, so that the same take is found again in another file.

Separate from the score because finding, not measuring, is what they are for. Pairs of neighbouring peaks as in Wang,
"An industrial-strength audio search algorithm" (ISMIR 2003): they keep their place under gain, filters, noise and lossy
codecs, and two recordings of the same words hardly share any at the same distances in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 16_000
WINDOW, HOP = 1024, 256
HOP_S = HOP / RATE
LOWEST, HIGHEST = 16, 256
"""Lines of 15.6 Hz: 250 Hz to 4 kHz."""
NEAR_LINES, NEAR_FRAMES = 9, 7
"""A peak is the highest within 70 Hz and 48 ms on either side."""
PEAKS_A_SECOND = 16
DEEPEST = 8.0
"""Peaks lie within 70 dB (8 nepers) of the highest."""
NEXT = 13
"""How many later peaks one is paired with at most."""
SOONEST, LATEST = 2, 48
FARTHEST = 64
KEPT = 256
"""Pairs that a fingerprint keeps: those that are first in an order that has nothing to do with sound."""
TOLERANCE = 1

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Fingerprint:
    """Pairs of peaks and when they begin, in the order of the pairs."""

    pairs: Words
    """Line of the first peak, lines and frames to the second, in 22 bits, (n,)."""
    frames: npt.NDArray[np.uint16]
    """Frame of 16 ms in which the first lies, (n,)."""

    def packed(self) -> bytes:
        """As it is kept, 6 bytes a pair."""
        return self.pairs.astype("<u4").tobytes() + self.frames.astype("<u2").tobytes()

    @staticmethod
    def unpacked(data: bytes) -> Fingerprint:
        """The reverse of `packed`."""
        count = len(data) // 6
        return Fingerprint(
            np.frombuffer(data, "<u4", count).astype(np.uint32, copy=False),
            np.frombuffer(data, "<u2", count, offset=4 * count).astype(np.uint16, copy=False),
        )


def fingerprint(wave: npt.NDArray[np.float32], spoken: npt.NDArray[np.bool_] | None = None) -> Fingerprint:
    """The fingerprint of 16 kHz mono audio (n,); empty for silence and for less than a window.

    With `spoken`, frames of 10 ms that hold a voice, only of these: what sounds in the pauses is not the take.
    """
    peaks = _peaks(wave, spoken)
    parts, frames = [], []
    for step in range(1, min(NEXT, len(peaks) - 1) + 1):
        first, second = peaks[:-step], peaks[step:]
        later, higher = second[:, 0] - first[:, 0], second[:, 1] - first[:, 1]
        fits = (later >= SOONEST) & (later <= LATEST) & (np.abs(higher) < FARTHEST)
        parts.append(((first[:, 1] << 14) | ((higher + FARTHEST) << 6) | later)[fits])
        frames.append(first[fits, 0])
    if not parts:
        return Fingerprint(np.zeros(0, np.uint32), np.zeros(0, np.uint16))
    pairs, at = np.concatenate(parts).astype(np.uint32), np.concatenate(frames)
    kept = np.lexsort((at, shuffled(pairs)))[:KEPT]
    kept = kept[np.lexsort((at[kept], pairs[kept]))]
    return Fingerprint(pairs[kept], np.minimum(at[kept], 65_535).astype(np.uint16))


def shuffled(pairs: Words) -> Words:
    """A number for each pair that is the same everywhere and has nothing to do with its sound (Knuth's product)."""
    return ((pairs.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)).astype(np.uint32)


def agreement(a: Fingerprint, b: Fingerprint) -> tuple[int, int]:
    """How many different pairs both have at one and the same distance in time, and at the next best distance.

    Sounds that never change (a tone, a hum) agree as well at other distances; a take agrees with itself at one.
    """
    first, last = np.searchsorted(b.pairs, a.pairs, "left"), np.searchsorted(b.pairs, a.pairs, "right")
    counts = last - first
    if not counts.any():
        return 0, 0
    of_a = np.repeat(np.arange(len(counts)), counts)
    of_b = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    apart = a.frames[of_a].astype(np.int64) - b.frames[of_b]
    places, many = np.unique(apart, return_counts=True)
    best = places[many.argmax()]
    same = np.abs(apart - best) <= TOLERANCE
    elsewhere = np.abs(places - best) > 2 * TOLERANCE
    return len(np.unique(a.pairs[of_a[same]])), int(many[elsewhere].max(initial=0))


def _peaks(wave: npt.NDArray[np.float32], spoken: npt.NDArray[np.bool_] | None) -> Ints:
    """Frame and line of the peaks that stand out most, (n, 2), in order of time."""
    if len(wave) < WINDOW or not wave.any():
        return np.zeros((0, 2), np.int64)
    import scipy.fft
    import scipy.ndimage

    cut = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    lines = np.abs(scipy.fft.rfft(cut * np.hanning(WINDOW).astype(np.float32), axis=1))[:, LOWEST:HIGHEST]
    level = np.log(lines + 1e-6 * lines.max() + 1e-12)
    highest = scipy.ndimage.maximum_filter(level, size=(NEAR_FRAMES, NEAR_LINES), mode="nearest")
    peaks = np.argwhere((level == highest) & (level > level.max() - DEEPEST))
    seconds = len(wave) / RATE
    if spoken is not None:
        middles = ((np.arange(len(level)) * HOP + WINDOW // 2) * 100 // RATE).astype(np.int64)
        voiced = spoken[np.minimum(middles, len(spoken) - 1)] if len(spoken) else np.zeros(len(level), bool)
        peaks, seconds = peaks[voiced[peaks[:, 0]]], float(np.count_nonzero(voiced)) * HOP_S
    around = scipy.ndimage.uniform_filter1d(level.mean(axis=1), 31, mode="nearest")
    height = level[peaks[:, 0], peaks[:, 1]] - around[peaks[:, 0]]
    count = int(PEAKS_A_SECOND * seconds) + 1
    chosen = peaks[np.argsort(-height, kind="stable")[:count]]
    return np.asarray(chosen[np.lexsort((chosen[:, 1], chosen[:, 0]))], np.int64)
