"""Loudness and true peak against the tones of EBU Tech 3341 (BS.1770-4), mixed to one channel.

The document's tones stand in both channels of a stereo file; in one channel the same tone is 3.01 LU softer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.row import Row

RATES = (8000, 16_000, 22_050, 44_100, 48_000, 96_000)
ONE_CHANNEL_LU = -3.01
CASES = {
    1: (((-23.0, 20),), -23.0),
    2: (((-33.0, 20),), -33.0),
    3: (((-36.0, 10), (-23.0, 60), (-36.0, 10)), -23.0),
    4: (((-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10)), -23.0),
    5: (((-26.0, 20), (-20.0, 20.1), (-26.0, 20)), -23.0),
}
"""Levels (dBFS) and seconds of a 1 kHz tone one after another, and the integrated loudness (LUFS)."""
PEAKS = {15: (4, 0.0, 0.5), 16: (4, 45.0, 0.5), 17: (6, 60.0, 0.5), 18: (8, 67.5, 0.5), 19: (4, 45.0, 1.41)}
"""A tone at this part of the rate, its phase in degrees and its amplitude."""


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Largest error over the cases and rates; the material is synthetic and the same in both halves."""
    errors = []
    for parts, expected in CASES.values():
        for rate in RATES:
            wave = np.concatenate([_tone(rate, level, seconds) for level, seconds in parts])
            found = material.number("loudness", "loudness_lufs", material.unheard(wave, rate))
            errors.append(abs((found or 0.0) - expected - ONE_CHANNEL_LU))
    yield Row("loudness_lufs", "EBU Tech 3341 cases 1 to 5, 8 to 96 kHz", "largest error, LU", max(errors), ("<=", 0.1))
    above, below, theirs = [], [], []
    for part, phase, amplitude in PEAKS.values():
        for rate in RATES:
            time = np.arange(rate) / rate
            ramp = np.minimum(1, np.minimum(time, time[::-1]) / 0.1)
            wave = ramp * amplitude * np.sin(2 * np.pi * rate / part * time + np.radians(phase))
            found = material.number("true peak", "true_peak_dbtp", material.unheard(wave.astype(np.float32), rate))
            error = (found or 0.0) - 20 * np.log10(amplitude)
            above.append(error)
            below.append(-error)
            theirs.append(20 * np.log10(amplitude) - 20 * np.log10(np.abs(wave).max()))
    what = "EBU Tech 3341 cases 15 to 19, 8 to 96 kHz"
    yield Row("true_peak_dbtp", what, "largest error upwards, dB", max(*above, 0.0), ("<=", 0.2))
    yield Row(
        "true_peak_dbtp", what, "largest error downwards, dB", max(*below, 0.0), ("<=", 0.4), "sample peak", max(theirs)
    )


def _tone(rate: int, level: float, seconds: float) -> material.Floats:
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(10 ** (level / 20) * np.sin(2 * np.pi * 1000 * time), np.float32)
