"""Hum: the tone of the mains that lies under everything."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from catalog.audio import resample
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst

RATE = 1600
WINDOW_S = 0.8
PADDED = 4
SHORTEST_S = 3.0
MAINS_HZ = (50, 60)
HARMONICS = 8
STRONGEST = 3
OFF_HZ = 0.4
"""The grid keeps within 0.2 Hz of its frequency; the third harmonic within 0.6, half of it a bin's width."""
BESIDE_HZ = (4.0, 12.0)
ALWAYS = 0.2

Floats = npt.NDArray[np.float32]


class Hum:
    """`hum_db`: how far the mains hum (50 or 60 Hz and harmonics) stands out of what is always there, dB.

    Spectra of 0.8 s Hann windows at 1.6 kHz; in each bin the 20th percentile over the windows, so that voices and
    events, which come and go, drop out and only what is always there remains. Of each of the first eight harmonics the
    height of its line over the median of what lies 4 to 12 Hz beside it; the mean of the three highest, of 50 or of
    60 Hz, whichever is more. Recordings without hum give 3 to 9 dB, with hum 20 dB under the voice 20 and more
    (`benchmarks.truth`); above 15 dB there is hum. A held low note is no hum, since it ends. NULL for clips under 3 s,
    which a single note may fill, and for digital silence. Its place is the quietest second, where it is best heard.
    """

    name = "hum"
    version = 1
    columns = ("hum_db",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """dB."""
        if len(clip.wave) < SHORTEST_S * clip.rate:
            return {}
        wave = resample(clip.wave, clip.rate, RATE)
        size, hop = round(WINDOW_S * RATE), round(WINDOW_S * RATE / 2)
        frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::hop]
        import scipy.fft

        spectra = np.abs(scipy.fft.rfft(frames * np.hanning(size).astype(np.float32), PADDED * size, axis=1))
        rank = int(ALWAYS * (len(spectra) - 1))
        steady = np.partition(spectra, rank, axis=0)[rank]
        if steady.max() <= 0:
            return {}
        power = np.mean(frames.astype(np.float64) ** 2, axis=1)
        quietest = worst(power.max() / np.maximum(power, 1e-12), WINDOW_S / 2)
        return {"hum_db": Placed(max(_height(steady, mains) for mains in MAINS_HZ), quietest)}


def _height(steady: Floats, mains: int) -> float:
    """Mean height of the strongest harmonics over their surroundings, dB."""
    heights = []
    for line, beside in _bins(mains):
        around = max(float(np.median(steady[beside])), 1e-9)
        heights.append(20 * np.log10(max(float(steady[line].max()), 1e-9) / around))
    return float(np.mean(sorted(heights)[-STRONGEST:]))


@lru_cache(maxsize=2)
def _bins(mains: int) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """For each harmonic the bins of its line and those beside it."""
    width = RATE / (PADDED * round(WINDOW_S * RATE))
    hz = np.arange(PADDED * round(WINDOW_S * RATE) // 2 + 1) * width
    near, far = BESIDE_HZ
    found = []
    for harmonic in range(1, HARMONICS + 1):
        off = np.abs(hz - harmonic * mains)
        found.append((np.flatnonzero(off <= OFF_HZ), np.flatnonzero((off >= near) & (off <= far))))
    return found
