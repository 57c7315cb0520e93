"""A quick f0 track for drawing over a spectrogram, in numpy alone.

Separate from `curator.pitch`, whose network scores clips but is too heavy for the process that draws. Method: de
Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music", JASA 111 (2002): the cumulative
mean normalised difference, its first dip that is nearly the deepest, and a parabola through that dip.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.audio import resample

RATE = 8000
LOWEST_HZ, HIGHEST_HZ = 50.0, 1100.0
WINDOW = 256
"""Samples at 8 kHz that are compared with those a period later."""
LONGEST = round(RATE / LOWEST_HZ)
SHORTEST = int(RATE / HIGHEST_HZ)
VOICED = 0.40
"""A frame is voiced when its deepest dip goes below this."""
NEARLY = 0.05
"""The first dip that is so nearly as deep as the deepest one is taken, since later ones are multiples of the period."""
QUIET_DB = 40.0
"""A voice is at most so far below the clip's loudest frame."""
FEWEST = 4
"""Shorter stretches of voice are chance."""
FFT = 512
CHUNK = 256

Floats = NDArray[np.float32]


def track(samples: Floats, rate: int, hop_s: float, frames: int) -> Floats:
    """f0 in Hz of `frames` frames, one every `hop_s` seconds of mono `samples`; 0 where no voice is heard."""
    low = resample(samples, rate, RATE)
    reach = WINDOW + LONGEST
    padded = np.pad(low, (reach // 2, reach + 2))
    views = np.lib.stride_tricks.sliding_window_view(padded, reach)
    at = np.minimum(((np.arange(frames) + 0.5) * hop_s * RATE).astype(np.int64), views.shape[0] - 1)
    found = np.zeros(frames, np.float32)
    level = np.full(frames, -120.0, np.float32)
    for first in range(0, frames, CHUNK):
        parts = views[at[first : first + CHUNK]].astype(np.float32)
        found[first : first + CHUNK], level[first : first + CHUNK] = _f0(parts)
    found[level < max(level.max(initial=-120.0) - QUIET_DB, -70.0)] = 0.0
    return _without_scraps(found)


def _f0(parts: Floats) -> tuple[Floats, Floats]:
    """f0 (0: none) and level in dBFS of each frame (frames, WINDOW + LONGEST)."""
    spectrum = np.fft.rfft(parts, FFT, axis=1)
    head = np.fft.rfft(parts[:, :WINDOW], FFT, axis=1)
    match = np.fft.irfft(spectrum * head.conj(), FFT, axis=1)[:, : LONGEST + 1]
    power = np.cumsum(np.pad(parts.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    energy = power[:, WINDOW : WINDOW + LONGEST + 1] - power[:, : LONGEST + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * match, 0)
    lags = np.arange(1, LONGEST + 1)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    normal = np.ones_like(difference)
    normal[:, 1:] = difference[:, 1:] / np.maximum(mean, 1e-12)
    level = 10 * np.log10(np.maximum(energy[:, 0] / WINDOW, 1e-12))
    return _dips(normal), level.astype(np.float32)


def _dips(normal: NDArray[np.float64]) -> Floats:
    """f0 by the first dip of each row that is nearly the deepest."""
    inner = normal[:, SHORTEST : LONGEST - 1]
    dip = (inner <= normal[:, SHORTEST - 1 : LONGEST - 2]) & (inner < normal[:, SHORTEST + 1 : LONGEST])
    deepest = np.where(dip, inner, 2.0).min(axis=1, keepdims=True)
    dip &= (inner <= deepest + NEARLY) & (deepest < VOICED)
    lag = np.argmax(dip, axis=1) + SHORTEST
    rows = np.arange(normal.shape[0])
    before, here, after = normal[rows, lag - 1], normal[rows, lag], normal[rows, lag + 1]
    bend = before - 2 * here + after
    shift = np.where(bend > 1e-9, 0.5 * (before - after) / np.maximum(bend, 1e-9), 0.0)
    return np.where(dip.any(axis=1), RATE / (lag + np.clip(shift, -1, 1)), 0.0).astype(np.float32)


def _without_scraps(found: Floats) -> Floats:
    """Without stretches of voice that are too short to be any."""
    voiced = np.concatenate([[False], found > 0, [False]])
    turns = np.flatnonzero(voiced[1:] != voiced[:-1])
    for first, last in zip(turns[::2], turns[1::2], strict=True):
        if last - first < FEWEST:
            found[first:last] = 0.0
    return found
