"""What the network that hears a second voice is shown: two spectra of the same 16 kHz audio, 50 frames a second.

Separate from the network because the recipe that trains it needs the same spectra. A long window (80 ms) on a
logarithmic axis of quarter tones tells the harmonics of two voices apart; a short one (32 ms) on the mel scale keeps
consonants and onsets, which the long one smears.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

RATE = 16_000
HOP = 320
LONG, LONG_FFT = 1280, 2048
SHORT, SHORT_FFT = 512, 512
TONES = 144
LOWEST_HZ = 70.0
TONES_AN_OCTAVE = 24
MELS = 40
BINS = TONES + MELS
FRAMES_A_BLOCK = 250

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.floating]


def spectrum(wave: Floats) -> Floats:
    """Levels in (frames, 184), one frame each 20 ms of 16 kHz mono audio (n,): 144 quarter tones from 70 Hz to 4.4 kHz,
    then 40 mel bands from 60 Hz to 7.6 kHz.

    Each relative to the loud frames of the passage, in tens of dB, cut off 60 dB below and 10 dB above them.
    """
    frames = len(wave) // HOP
    if frames == 0:
        return np.zeros((0, BINS), np.float32)
    level = np.empty((frames, BINS), np.float32)
    level[:, :TONES] = _levels(wave, frames, LONG, LONG_FFT, _tones())
    level[:, TONES:] = _levels(wave, frames, SHORT, SHORT_FFT, _mels())
    for part in (level[:, :TONES], level[:, TONES:]):
        loud = np.percentile(part.max(axis=1), 90)
        np.clip((part - loud) / 10 + 3, -3, 4, out=part)
    return level


def _levels(wave: Floats, frames: int, window: int, size: int, bank: Floats) -> Floats:
    """Level in dB in the bands of a bank, (frames, bands), in blocks so that a long passage needs little memory."""
    import scipy.fft

    padded = np.pad(wave, ((window - HOP) // 2, window))
    cut = np.lib.stride_tricks.sliding_window_view(padded, window)[::HOP][:frames]
    shape = np.hanning(window).astype(np.float32)
    level = np.empty((frames, bank.shape[1]), np.float32)
    for start in range(0, frames, FRAMES_A_BLOCK):
        line = scipy.fft.rfft(cut[start : start + FRAMES_A_BLOCK] * shape, size, axis=1)[:, : len(bank)]
        level[start : start + FRAMES_A_BLOCK] = (line.real**2 + line.imag**2) @ bank
    return np.asarray(10 * np.log10(level + 1e-10), np.float32)


@lru_cache(maxsize=1)
def _tones() -> Floats:
    """Triangles from the bins of the long FFT to quarter tones, (bins, 144); bins above the highest are left out."""
    centres = LOWEST_HZ * 2 ** (np.arange(-1, TONES + 1) / TONES_AN_OCTAVE)
    width = RATE / LONG_FFT
    hz = np.arange(int(centres[-1] / width) + 2)[:, None] * width
    left, middle, right = centres[:-2], centres[1:-1], centres[2:]
    # Below 300 Hz a quarter tone is narrower than a bin: the triangle is widened to a bin's width.
    left, right = np.minimum(left, middle - width), np.maximum(right, middle + width)
    return _triangles(hz, left, middle, right)


@lru_cache(maxsize=1)
def _mels() -> Floats:
    """Triangles from the bins of the short FFT to mel bands of equal width, (bins, 40)."""
    low, high = (float(2595 * np.log10(1 + hz / 700)) for hz in (60.0, 7600.0))
    mel = np.linspace(low, high, MELS + 2)
    centres = 700 * (10 ** (mel / 2595) - 1)
    width = RATE / SHORT_FFT
    bins = np.arange(SHORT_FFT // 2 + 1)[:, None] * width
    left, middle, right = centres[:-2], centres[1:-1], centres[2:]
    return _triangles(bins, np.minimum(left, middle - width), middle, np.maximum(right, middle + width))


def _triangles(hz: Doubles, low: Doubles, middle: Doubles, high: Doubles) -> Floats:
    """A bank of triangles over bins at `hz`, each of unit weight, (bins, bands)."""
    weight = np.maximum(0, np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)))
    return np.asarray(weight / weight.sum(axis=0), np.float32)
