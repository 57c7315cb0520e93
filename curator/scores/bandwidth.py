"""Bandwidth: up to which frequency a recording has content."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from curator.frames import FRAME_S, edges
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst

WINDOW_S = 0.085
LOWEST_HZ = 2000.0
BELOW_HZ = 400.0
ABOVE_HZ = (60.0, 460.0)
CLIFF_DB = 20.0
FALLEN_DB = 10.0
INWARD_HZ = 800.0
SMOOTHED = 5
ENOUGH = 6

Doubles = npt.NDArray[np.float64]


class Bandwidth:
    """`bandwidth_hz`: the frequency of the cliff at which the spectrum ends, Hz; half the rate where there is none.

    The 95th percentile over the speech frames of a spectrum with 85 ms Blackman-Harris windows; at each frequency the
    mean level (dB) of the 400 Hz below less that of the band 60 to 460 Hz above. The deepest step is a cliff from 20 dB
    on, if nothing above it comes within 20 dB of what lies below it: recordings at their native rate show steps of 6 to
    20 dB (the upper ones between the harmonics of singing, and at 22 kHz those of converters), resampling from a lower
    rate or a low bit rate 30 and more. The spectrum ends where it last lies within 10 dB of its level before the cliff.
    Within 130 Hz of the half-power frequency of steep filters and resamplers (`benchmarks.truth`). A filter of under
    some 100 dB an octave leaves no cliff and is not seen, nor are lossy codecs at high bit rates. NULL with under a
    quarter second of speech. Its place is the loudest second of speech, where the missing top is heard best.
    """

    name = "bandwidth"
    version = 2
    columns = ("bandwidth_hz",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """Hz."""
        spectrum = active_spectrum(clip)
        if spectrum is None:
            return {}
        level, width = spectrum
        cliff = _cliff(level, width)
        if cliff is None:
            return {"bandwidth_hz": clip.rate / 2}
        level = clip.tracks.level[clip.frames].astype(np.float64)
        return {"bandwidth_hz": Placed(cliff, worst(np.where(clip.speech, 10 ** (level / 10), 0.0), FRAME_S))}


def active_spectrum(clip: ClipAudio) -> tuple[Doubles, float] | None:
    """95th percentile over speech frames of each bin's level (dB), and the bins' width (Hz); None without speech."""
    size = 1 << round(np.log2(WINDOW_S * clip.rate))
    hop = size // 2
    if len(clip.wave) < size:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(clip.wave, size)[::hop]
    middles = clip.start + np.arange(len(frames)) * hop + hop
    lines = edges(clip.frames.start, len(clip.speech) + 1, clip.rate)
    frames = frames[clip.speech[np.clip(np.searchsorted(lines, middles) - 1, 0, len(clip.speech) - 1)]]
    if len(frames) < ENOUGH:
        return None
    import scipy.fft

    spectra = np.abs(scipy.fft.rfft(frames * _window(size), axis=1))
    rank = int(0.95 * (len(spectra) - 1))
    level = np.partition(spectra, rank, axis=0)[rank].astype(np.float64)
    return 20 * np.log10(np.maximum(level, 1e-9)), clip.rate / size


def _window(size: int) -> npt.NDArray[np.float32]:
    """Blackman-Harris, four terms (Harris 1978): side lobes at -92 dB, so a strong voice hides no cliff."""
    angle = 2 * np.pi * np.arange(size) / size
    terms = (0.35875, -0.48829, 0.14128, -0.01168)
    return np.asarray(sum(a * np.cos(k * angle) for k, a in enumerate(terms)), dtype=np.float32)


def _cliff(level: Doubles, width: float) -> float | None:
    """The frequency at which the spectrum ends for good, Hz; None where it does not."""
    total = np.concatenate([[0.0], np.cumsum(level)])
    wide, near, far = (round(hz / width) for hz in (BELOW_HZ, *ABOVE_HZ))
    at = np.arange(max(wide, int(LOWEST_HZ / width)), len(level) - far)
    if not len(at):
        return None
    below = (total[at] - total[at - wide]) / wide
    above = (total[at + far] - total[at + near]) / (far - near)
    deepest = int((below - above).argmax())
    rest = above[deepest:].max()
    if below[deepest] - rest < CLIFF_DB:
        return None
    return _end(level, int(at[deepest]), round(INWARD_HZ / width)) * width


def _end(level: Doubles, cliff: int, inward: int) -> float:
    """The bin up to which the level keeps near that before the cliff; the deepest step lies behind its whole slope."""
    smooth = np.convolve(level, np.full(SMOOTHED, 1 / SMOOTHED), "same")
    first = max(0, cliff - inward)
    before = smooth[first : cliff - inward // 2].mean()
    kept = np.flatnonzero(smooth[first : cliff + SMOOTHED] > before - FALLEN_DB)
    return float(first + kept[-1])
