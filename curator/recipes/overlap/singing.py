"""Sung lines made of speech, with the same line again as a double or a harmony would have it.

Separate from the material because it is a small singer of its own: the WORLD vocoder (Morise 2016) keeps the timbre
and the words of a spoken passage, slows it, and puts it on notes with glides, vibrato and drift. Takes of one line
share notes and words and differ as a singer's takes do: in timing, intonation and vibrato.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator.scores.overlap_spectrum import RATE

Floats = npt.NDArray[np.float32]
Generator = np.random.Generator
FRAME_MS = 10.0
STEPS_A_SECOND = 100
LONGEST_S = 7.0
MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])
HARMONIES = (2, 2, -2, 4, 5, -3, -5, 7, -7)


@dataclass(frozen=True)
class Song:
    """One line sung several times: the lead, doubles of it, and harmonies to it, each (samples,) at 16 kHz."""

    lead: Floats
    doubles: tuple[Floats, ...]
    harmonies: tuple[Floats, ...]


@dataclass(frozen=True)
class Timbre:
    """A passage as WORLD sees it, 10 ms frames: f0 (Hz, 0 where unvoiced), spectral envelope, breath."""

    f0: npt.NDArray[np.float64]
    envelope: npt.NDArray[np.float64]
    breath: npt.NDArray[np.float64]


def sing(random: Generator, wave: Floats) -> Song:
    """A line of up to 11 s sung with the voice and the words of a spoken passage."""
    timbre = _timbre(wave[: int(LONGEST_S * RATE)])
    slow = random.uniform(1.0, 2.2)
    seconds = min(11.0, len(timbre.f0) / STEPS_A_SECOND * slow)
    root = random.uniform(38, 66)
    degrees, starts = _melody(random, seconds)
    second, third = random.choice(HARMONIES, 2)
    return Song(
        _take(random, timbre, seconds, root, degrees, starts),
        (_take(random, timbre, seconds, root, degrees, starts),),
        tuple(_take(random, timbre, seconds, root, degrees + shift, starts) for shift in (second, third)),
    )


def resung(random: Generator, wave: Floats, semitones: float) -> Floats:
    """Another take of a sung passage (samples,): so much higher, up to 30 ms early or late, its intonation its own."""
    import pyworld

    timbre = _timbre(wave)
    frames = len(timbre.f0)
    place = np.clip(np.arange(frames) + _wander(random, frames, 1.2) * 0.03 * STEPS_A_SECOND, 0, frames - 1)
    near = np.round(place).astype(int)
    f0 = timbre.f0[near] * 2 ** ((semitones + 0.15 * _wander(random, frames, 2.0)) / 12)
    envelope = _throat(timbre.envelope[near], random.uniform(0.95, 1.05))
    out = pyworld.synthesize(f0, np.ascontiguousarray(envelope), timbre.breath[near].copy(), RATE, FRAME_MS)
    return np.asarray(np.pad(out, (0, max(0, len(wave) - len(out))))[: len(wave)], np.float32)


def _timbre(wave: Floats) -> Timbre:
    import pyworld

    x = wave.astype(np.float64)
    rough, time = pyworld.dio(x, RATE, frame_period=FRAME_MS)
    f0 = pyworld.stonemask(x, rough, time, RATE)
    return Timbre(f0, pyworld.cheaptrick(x, f0, time, RATE), pyworld.d4c(x, f0, time, RATE))


def _melody(random: Generator, seconds: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Degrees of a major scale and the times (s) at which they start: mostly steps, now and then a leap."""
    lengths = random.choice([0.2, 0.3, 0.45, 0.6, 0.9, 1.5, 2.5], 64, p=[0.15, 0.2, 0.2, 0.2, 0.15, 0.07, 0.03])
    starts = np.concatenate([[0.0], np.cumsum(lengths * random.uniform(0.8, 1.3))])
    starts = starts[starts < seconds]
    moves = random.choice([-4, -2, -1, 0, 1, 2, 3], len(starts), p=[0.05, 0.15, 0.25, 0.1, 0.25, 0.15, 0.05])
    return np.asarray(3 + np.cumsum(moves) % 9), starts


def _take(
    random: Generator,
    timbre: Timbre,
    seconds: float,
    root: float,
    degrees: npt.NDArray[np.int64],
    starts: npt.NDArray[np.float64],
) -> Floats:
    """One performance: its own timing within 50 ms, intonation within 15 cents, vibrato and size of the throat."""
    import pyworld

    frames = int(seconds * STEPS_A_SECOND)
    warp = _wander(random, frames, 1.2) * 0.05 * STEPS_A_SECOND
    place = np.clip(np.arange(frames) + warp, 0, frames - 1) * ((len(timbre.f0) - 1) / (frames - 1))
    near, after = np.floor(place).astype(int), np.minimum(np.floor(place).astype(int) + 1, len(timbre.f0) - 1)
    share = (place - near)[:, None]
    envelope = timbre.envelope[near] ** (1 - share) * timbre.envelope[after] ** share
    envelope = _throat(envelope, random.uniform(0.93, 1.07))
    time = np.arange(frames) / STEPS_A_SECOND + warp / STEPS_A_SECOND
    f0 = _tune(random, time, root, degrees, starts)
    f0 = np.where(timbre.f0[near] > 0, f0, 0.0)
    wave = pyworld.synthesize(
        np.ascontiguousarray(f0), np.ascontiguousarray(envelope), timbre.breath[near].copy(), RATE, FRAME_MS
    )
    return np.asarray(wave * (0.5 / max(np.abs(wave).max(), 1e-6)), np.float32)


def _tune(
    random: Generator,
    time: npt.NDArray[np.float64],
    root: float,
    degrees: npt.NDArray[np.int64],
    starts: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """f0 (Hz) at each time (s): notes joined by glides, with vibrato that comes in late, and drift."""
    notes = root + MAJOR[degrees % 7] + 12 * (degrees // 7) + random.normal(0, 0.12, len(degrees))
    at = np.clip(np.searchsorted(starts, time, side="right") - 1, 0, len(starts) - 1)
    glide = np.hanning(int(random.uniform(5, 14)) * 2 + 1)
    pitch = np.convolve(np.pad(notes[at], len(glide) // 2, mode="edge"), glide / glide.sum(), mode="valid")
    since = np.clip((time - starts[at] - 0.15) / 0.3, 0, 1)
    depth = random.choice([0.0, random.uniform(0, 1.0)], p=[0.3, 0.7])
    rate = random.uniform(4.5, 7) * (1 + 0.1 * _wander(random, len(time), 1.0))
    pitch = pitch + depth * since * np.sin(2 * np.pi * np.cumsum(rate) / STEPS_A_SECOND + random.uniform(0, 6.28))
    pitch = pitch + 0.1 * _wander(random, len(time), 3.0)
    return np.asarray(np.clip(440 * 2 ** ((pitch - 69) / 12), 65, 1050))


def _throat(envelope: npt.NDArray[np.float64], factor: float) -> npt.NDArray[np.float64]:
    """The envelope stretched along frequency."""
    bins = np.arange(envelope.shape[1])
    place = np.clip(bins / factor, 0, len(bins) - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(bins) - 1)
    return np.asarray(envelope[:, low] * (1 - (place - low)) + envelope[:, high] * (place - low))


def _wander(random: Generator, frames: int, a_second: float) -> npt.NDArray[np.float64]:
    """A slow random course of about unit size, with `a_second` turns a second."""
    knots = max(4, int(frames / STEPS_A_SECOND * a_second) + 3)
    return np.asarray(np.interp(np.linspace(0, knots - 1, frames), np.arange(knots), random.normal(0, 0.6, knots)))
