"""Rooms of known reverberation time: decaying noise, the image method, and measured responses.

The label of each is measured on the response itself by backward integration (Schroeder 1965), not what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog import audio

Doubles = npt.NDArray[np.float64]
SOUND_M_S = 343.0
ASKED_S = (0.2, 0.3, 0.45, 0.6, 0.8, 1.1, 1.5)


def rooms(folder: Path, half: str, rate: int) -> Iterator[tuple[str, Doubles, float]]:
    """Kind, impulse response at `rate` and RT60 in seconds of sixteen rooms; both halves share the measured two."""
    random = np.random.default_rng(1 if half == "tuning" else 2)
    for seconds in ASKED_S:
        yield from _labelled("noise", decaying_noise(rate, seconds * random.uniform(0.9, 1.1), random), rate)
        yield from _labelled("image", shoebox(rate, seconds, random), rate)
    for name in ("rir_impulse_response_0.wav", "rir_rir48000.wav"):
        wave, own = audio.read(folder / "reverb" / name)
        yield from _labelled("measured", audio.resample(wave, own, rate).astype(np.float64), rate)


def _labelled(kind: str, response: Doubles, rate: int) -> Iterator[tuple[str, Doubles, float]]:
    yield kind, response, rt60(response, rate)


def rt60(response: Doubles, rate: int) -> float:
    """Seconds for 60 dB, from the line through the energy decay between -5 and -35 dB."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0] + 1e-12)
    first, last = (int(np.flatnonzero(level <= limit)[0]) for limit in (-5, -35))
    return float(-60 / np.polyfit(np.arange(first, last) / rate, level[first:last], 1)[0])


def decaying_noise(rate: int, seconds: float, random: np.random.Generator) -> Doubles:
    """A direct sound and noise that decays exponentially, 3 dB above to 6 dB below it."""
    time = np.arange(round(1.2 * seconds * rate)) / rate
    tail = random.normal(0, 1, len(time)) * 10 ** (-3 * time / seconds)
    tail[: round(0.002 * rate)] = 0
    tail *= 10 ** (-random.uniform(-3, 6) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return np.asarray(tail)


def shoebox(rate: int, seconds: float, random: np.random.Generator) -> Doubles:
    """A room with parallel walls by the image method (Allen and Berkley 1979), absorption after Eyring."""
    size = random.uniform([3, 3, 2.4], [8, 6, 3.5])
    surface = 2 * (size[0] * size[1] + size[1] * size[2] + size[2] * size[0])
    absorbed = 1 - np.exp(-0.161 * size.prod() / (surface * seconds))
    mouth = size * random.uniform(0.2, 0.8, 3)
    ear = np.clip(mouth + random.uniform(-1, 1, 3), 0.3, size - 0.3)
    longest = min(seconds, 1.0)
    (x, nx), (y, ny), (z, nz) = (_images(size[i], mouth[i], ear[i], longest) for i in range(3))
    across, walls = (y**2)[:, None] + (z**2)[None], ny[:, None] + nz[None]
    response = np.zeros(round(longest * rate) + 2)
    for distance, bounces in zip(x, nx, strict=True):
        metres = np.sqrt(distance**2 + across)
        at = metres / SOUND_M_S * rate
        heard = at < len(response) - 2
        gain = (np.sqrt(1 - absorbed) ** (bounces + walls) / (4 * np.pi * metres))[heard]
        sample = at[heard].astype(np.int64)
        late = at[heard] - sample
        np.add.at(response, sample, gain * (1 - late))
        np.add.at(response, sample + 1, gain * late)
    return response


def _images(length: float, mouth: float, ear: float, seconds: float) -> tuple[Doubles, npt.NDArray[np.int64]]:
    """Along one axis: distance of every image from the ear, m, and how many walls it bounced off."""
    reach = int(np.ceil(seconds * SOUND_M_S / (2 * length))) + 1
    order = np.arange(-reach, reach + 1)
    distances = [(1 - 2 * mirrored) * mouth + 2 * order * length - ear for mirrored in (0, 1)]
    bounces = [np.abs(order - mirrored) + np.abs(order) for mirrored in (0, 1)]
    return np.concatenate(distances), np.concatenate(bounces)
