"""The small network that hears a second voice: its spectrum and its forward pass, in numpy.

Separate from the score because the recipe that trains it needs the same spectrum. Four convolutions over time and
pitch look for a second series of harmonics, two over time alone decide; 64,000 parameters.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
HOP = 640
WINDOW = 1280
FFT = 2048
BINS = 144
LOWEST_HZ = 70.0
BINS_AN_OCTAVE = 24
STRIDES = (2, 2, 2, 2)
DILATIONS = (1, 3)
WEIGHTS = Path(__file__).with_name("overlap.npz")

Floats = npt.NDArray[np.float32]


def spectrum(wave: Floats) -> Floats:
    """Level in quarter tones from 70 Hz to 4.4 kHz, (frames, 144), one frame each 40 ms of 16 kHz mono audio (n,).

    Relative to the loud frames of the passage, in tens of dB, and cut off 60 dB below them.
    """
    frames = len(wave) // HOP
    if frames == 0:
        return np.zeros((0, BINS), np.float32)
    padded = np.pad(wave, ((WINDOW - HOP) // 2, WINDOW))
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames]
    import scipy.fft

    power = np.abs(scipy.fft.rfft(cut * np.hanning(WINDOW).astype(np.float32), FFT, axis=1)) ** 2
    level = 10 * np.log10(power @ _bank() + 1e-10)
    loud = np.percentile(level.max(axis=1), 90)
    return np.asarray(np.clip((level - loud) / 10 + 3, -3, 3), np.float32)


def probabilities(wave: Floats) -> Floats:
    """The probability that two voices sound, (frames,), one each 40 ms of 16 kHz mono audio (n,)."""
    weights = _weights()
    x = spectrum(wave)[:, :, None]
    if not len(x):
        return np.zeros(0, np.float32)
    for layer, stride in enumerate(STRIDES):
        x = np.maximum(_conv2(x, weights[f"plane.{layer}.weight"], weights[f"plane.{layer}.bias"], stride), 0)
    flat = x.transpose(0, 2, 1).reshape(len(x), -1)
    for layer, dilation in enumerate(DILATIONS):
        flat = np.maximum(_conv1(flat, weights[f"line.{layer}.weight"], weights[f"line.{layer}.bias"], dilation), 0)
    score = flat @ weights["out.weight"][0, :, 0] + weights["out.bias"][0]
    return np.asarray(1 / (1 + np.exp(-score)), np.float32)


def _conv2(x: Floats, weight: Floats, bias: Floats, stride: int) -> Floats:
    """3 x k convolution of (time, pitch, channels) with padding, strided over pitch."""
    _, _, tall, wide = weight.shape
    padded = np.pad(x, ((tall // 2, tall // 2), (wide // 2, wide // 2), (0, 0)))
    count = (x.shape[1] - 1) // stride + 1
    total = np.broadcast_to(bias, (len(x), count, len(bias))).copy()
    for i in range(tall):
        for j in range(wide):
            total += padded[i : i + len(x), j : j + (count - 1) * stride + 1 : stride] @ weight[:, :, i, j].T
    return np.asarray(total, np.float32)


def _conv1(x: Floats, weight: Floats, bias: Floats, dilation: int) -> Floats:
    """Dilated convolution of (time, channels) with padding."""
    taps = weight.shape[2]
    reach = dilation * (taps // 2)
    padded = np.pad(x, ((reach, reach), (0, 0)))
    total = np.broadcast_to(bias, (len(x), len(bias))).copy()
    for tap in range(taps):
        total += padded[tap * dilation : tap * dilation + len(x)] @ weight[:, :, tap].T
    return np.asarray(total, np.float32)


@lru_cache(maxsize=1)
def _bank() -> Floats:
    """Triangles from the bins of the FFT to quarter tones, (bins, 144)."""
    centres = LOWEST_HZ * 2 ** (np.arange(-1, BINS + 1) / BINS_AN_OCTAVE)
    hz = np.fft.rfftfreq(FFT, 1 / RATE)[:, None]
    left, middle, right = centres[:-2], centres[1:-1], centres[2:]
    # Below 300 Hz a quarter tone is narrower than a bin: the triangle is widened to a bin's width.
    width = RATE / FFT
    left, right = np.minimum(left, middle - width), np.maximum(right, middle + width)
    weight = np.maximum(0, np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle)))
    return np.asarray(weight / weight.sum(axis=0), np.float32)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Floats]:
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}
