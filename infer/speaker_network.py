"""The small network that tells voices apart: its spectrum and its forward pass, in numpy.

Separate from the score of a clip because the trainer measures with it how alike a model is to its speaker, and the
recipe that trains it needs the same spectrum. A time-delay network (x-vectors,
Snyder et al. 2018) of four convolutions over 32 ms frames of speech; mean and deviation over a window give a vector of
64 numbers. It was taught by `curator.recipes.speaker` to give the distances of a larger encoder.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
WINDOW, HOP = 512, 256
BANDS = 48
LOWEST_HZ, HIGHEST_HZ = 70.0, 7600.0
FLOOR_DB = 60.0
SIZE = 64
STRIDE = 2
"""Frames of 16 ms to one of the network's."""
LAYERS = ((5, 1), (3, 1), (3, 2), (3, 3))
"""Taps and dilation of each convolution; the first has the stride."""
WEIGHTS = Path(__file__).parent / "data" / "speaker.npz"
SPEECH_BELOW_LOUD_DB = 35.0
SHORTEST_S = 0.5

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]


def mel_power(wave: Floats) -> Floats:
    """Power in 48 mel bands from 70 Hz to 7.6 kHz, (frames, 48), a frame every 16 ms of 16 kHz mono audio (n,)."""
    if len(wave) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    import scipy.fft

    cut = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    lines = scipy.fft.rfft(cut * _window(), axis=1)
    return np.asarray((lines.real**2 + lines.imag**2) @ _bank(), np.float32)


def levels(power: Floats) -> Floats:
    """Mel powers (frames, 48) as levels in tens of dB about their mean, cut off 60 dB below the loudest."""
    level = 10 * np.log10(power + 1e-10)
    loud = np.percentile(level, 99)
    level = np.maximum(level, loud - FLOOR_DB)
    return np.asarray((level - level.mean()) / 10, np.float32)


def frames_of(level: Floats, weights: Weights | None = None) -> Floats:
    """What the network hears in levels (frames, 48): (frames / 2, channels), before it is pooled."""
    weights = _weights() if weights is None else weights
    x = level
    for number, (taps, dilation) in enumerate(LAYERS):
        y = np.maximum(_conv(x, weights[f"conv.{number}.weight"], weights[f"conv.{number}.bias"], taps, dilation), 0)
        x = y[::STRIDE] if number == 0 else x + y
    return np.asarray(np.maximum(x @ weights["wide.weight"].T + weights["wide.bias"], 0), np.float32)


def pooled(frames: Floats, weights: Weights | None = None) -> Floats:
    """The vector (64,), of length one, of some of the frames (n, channels) of `frames_of`."""
    weights = _weights() if weights is None else weights
    both = np.concatenate([frames.mean(axis=0), np.sqrt(frames.var(axis=0) + 1e-5)])
    vector = both @ weights["out.weight"].T + weights["out.bias"]
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def voice_of(wave: Floats) -> Floats | None:
    """The vector (64,), of length one, of 16 kHz mono audio (n,), heard where it is within 35 dB of its loud parts;
    None with under half a second of that."""
    power = mel_power(wave)
    if not len(power):
        return None
    level = 10 * np.log10(power.sum(axis=1) + 1e-10)
    kept = power[level > np.percentile(level, 99) - SPEECH_BELOW_LOUD_DB]
    return pooled(frames_of(levels(kept))) if len(kept) * HOP >= SHORTEST_S * RATE else None


def _conv(x: Floats, weight: Floats, bias: Floats, taps: int, dilation: int) -> Floats:
    """Dilated convolution of (time, channels) with a weight (out, in, taps), padded to the same length."""
    reach = dilation * (taps // 2)
    padded = np.pad(x, ((reach, reach), (0, 0)))
    total = np.broadcast_to(bias, (len(x), len(bias))).copy()
    for tap in range(taps):
        total += padded[tap * dilation : tap * dilation + len(x)] @ weight[:, :, tap].T
    return np.asarray(total, np.float32)


@lru_cache(maxsize=1)
def _window() -> Floats:
    return np.hanning(WINDOW).astype(np.float32)


@lru_cache(maxsize=1)
def _bank() -> Floats:
    """Triangles from the lines of the spectrum to mel bands (O'Shaughnessy 1987), (257, 48)."""
    low, high = (1127 * np.log1p(hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    corner = 700 * np.expm1(np.linspace(low, high, BANDS + 2) / 1127)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
    left, middle, right = corner[:-2], corner[1:-1], corner[2:]
    # Below 500 Hz a band is narrower than two lines: its triangle is widened so that none is empty.
    line = RATE / WINDOW
    left, right = np.minimum(left, middle - line), np.maximum(right, middle + line)
    weight = np.maximum(0, np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle)))
    return np.asarray(weight / weight.sum(axis=0), np.float32)


@lru_cache(maxsize=1)
def _weights() -> Weights:
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}
