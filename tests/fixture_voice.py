"""A voice-like signal and a stand-in for a content encoder, as plain formulas: the inputs that the reference numbers of
the conversion were made with."""

from __future__ import annotations

import numpy as np
from fixture_recipe import normal
from numpy.typing import NDArray

_FORMANTS = ((500, 250, 0.9, 0.0, 90, 1.0), (1500, 500, 1.3, 1.0, 140, 0.6), (2600, 200, 0.7, 2.0, 220, 0.35))
"""Centre, sweep (Hz), period of the sweep (s), its phase, width (Hz), gain."""


def voice(seconds: float, rate: int, seed: int) -> NDArray[np.float64]:
    """25 harmonics of a gliding f0 under three moving formants, with a hiss and a silence every two seconds."""
    t = np.arange(round(seconds * rate)) / rate
    f0 = 150 * 2 ** (0.6 * np.sin(2 * np.pi * t / 3.1 + 0.3 * seed) + 0.25 * np.sin(2 * np.pi * t / 0.83))
    f0 = f0 * 2 ** (0.03 * np.sin(2 * np.pi * 5.7 * t))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    formants = [
        (centre + sweep * np.sin(2 * np.pi * t / period + offset), width, gain)
        for centre, sweep, period, offset, width, gain in _FORMANTS
    ]
    tone = np.zeros(len(t))
    for harmonic in range(1, 26):
        hz = harmonic * f0
        amplitude = sum(gain / (1 + ((hz - centre) / width) ** 2) for centre, width, gain in formants) + 0.02
        tone += np.where(hz < 0.45 * rate, amplitude, 0) * np.sin(harmonic * phase)
    noise = normal("voice", (len(t),), seed)
    beat = t % 2.0
    voiced = np.clip(np.minimum((beat - 0.15) / 0.05, (1.45 - beat) / 0.08), 0, 1)
    hissed = np.clip(np.minimum((beat - 1.42) / 0.03, (1.62 - beat) / 0.03), 0, 1)
    sound = tone / 3 * voiced + 0.08 * noise * hissed + 0.002 * noise * voiced + 1e-5 * noise
    return np.asarray(sound * 0.8 / max(1.0, np.abs(sound).max()))


def recorded(seconds: float, seed: int) -> NDArray[np.float32]:
    """`voice` at 16 kHz as a file of 16 bits holds it."""
    return (np.round(voice(seconds, 16000, seed) * 32767) / 32768).astype(np.float32)


def stand_in(audio: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features (T, 768) of audio (N,): log energies of 32 bands through a fixed random matrix; T as HuBERT has it."""
    wide = np.asarray(audio, np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(wide, 400)[::320]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames * window, 512, axis=1)) ** 2
    bands = (np.log(1e-6 + power[:, 1:].reshape(len(frames), 32, 8).mean(2)) + 6) / 4
    matrix = np.random.RandomState(1234).standard_normal((32, 768)) / np.sqrt(32)
    return np.asarray(bands @ matrix, dtype=np.float32)
