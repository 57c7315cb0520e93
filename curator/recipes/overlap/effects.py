"""What happens to voices on the way to a file: rooms, microphones, noise, instruments behind them, codecs.

Separate from the mixtures because every one of these must befall single voices and two voices alike, so that none of
them gives away the answer.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from curator.scores.overlap_spectrum import RATE

Floats = npt.NDArray[np.float32]
Generator = np.random.Generator
PHONE_HZ = (300.0, 3400.0)


def room(random: Generator, longest_s: float) -> float:
    """A reverberation time (s), up to the longest."""
    return float(random.uniform(0.12, longest_s))


def response(random: Generator, rt60_s: float) -> Floats:
    """One place in a room: direct sound, then noise that dies away, its highs faster than its lows (Moorer 1979)."""
    length = int(rt60_s * RATE)
    time = np.arange(length) / RATE
    low, high = random.normal(0, 1, (2, length))
    low = np.convolve(low, np.ones(8) / np.sqrt(8), mode="same")
    tail = low * 10 ** (-3 * time / rt60_s) + high * 10 ** (-3 * time / (rt60_s * random.uniform(0.3, 0.8)))
    tail[: int(random.uniform(0.001, 0.02) * RATE)] = 0
    tail *= 10 ** (-random.uniform(-3, 14) / 20) / np.sqrt(np.sum(tail**2) + 1e-12)
    tail[0] += 1
    return np.asarray(tail, np.float32)


def heard(random: Generator, wave: Floats, rt60_s: float | None) -> Floats:
    """A voice as a microphone in a room hears it, as loud as it was: spectrum tilted, highs rolled off."""
    from scipy.fft import irfft, next_fast_len, rfft

    tail = response(random, rt60_s) if rt60_s is not None else None
    size = next_fast_len(len(wave) + (len(tail) if tail is not None else 0), real=True)
    line = rfft(wave, size)
    hz = np.fft.rfftfreq(size, 1 / RATE)
    line *= (1 + hz / 300) ** (random.uniform(-6, 6) / 6) / (1 + (hz / random.uniform(3500, 20_000)) ** 4)
    if tail is not None:
        line *= rfft(tail, size)
    out = irfft(line, size)[: len(wave)]
    return np.asarray(out * (rms(wave) / max(rms(out), 1e-9)), np.float32)


def rms(wave: Floats) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)) + 1e-20))


def hiss(random: Generator, samples: int) -> Floats:
    """Noise of unit power, from white to brown."""
    line = np.fft.rfft(random.normal(0, 1, samples))
    line[1:] /= np.fft.rfftfreq(samples, 1 / RATE)[1:] ** random.uniform(0, 1)
    line[0] = 0
    wave = np.fft.irfft(line, samples)
    return np.asarray(wave / wave.std(), np.float32)


def motor(random: Generator, samples: int) -> Floats:
    """An engine, unit power: many harmonics of a wandering speed, never shaped by a mouth, and its own noise."""
    knots = max(2, samples // RATE * 2)
    course = np.interp(np.linspace(0, knots - 1, samples), np.arange(knots), random.normal(0, 0.12, knots))
    hz = 2 ** random.uniform(4.6, 8.2) * 2 ** (course * random.choice([0.1, 1.0, 3.0]))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    partials = np.arange(1, min(40, int(7000 / hz.max())) + 1)
    strength = random.uniform(0.05, 1, len(partials)) / partials ** random.uniform(0, 1)
    buzz = sum(s * np.sin(k * phase + k) for k, s in zip(partials, strength, strict=True))
    wave = np.asarray(buzz, np.float64) / rms(np.asarray(buzz)) + random.uniform(0.1, 1) * hiss(random, samples)
    return np.asarray(wave / rms(wave), np.float32)


def music(random: Generator, seconds: float) -> Floats:
    """Instruments alone, unit power: chords, a bass, now and then a tune and drums, each note of decaying partials."""
    samples = int(seconds * RATE)
    out = np.zeros(samples, np.float32)
    beat = random.uniform(0.3, 0.7)
    root = random.uniform(40, 52)
    fade, bright, attack = random.uniform(0.15, 2.5), random.uniform(0.5, 2.0), random.uniform(0.003, 0.06)
    degrees = np.array([0, 2, 4, 5, 7, 9, 11])
    tune, drums = random.random() < 0.5, random.random() < 0.5
    for count, at in enumerate(np.arange(0, seconds, beat)):
        if count % 4 == 0:
            step = int(random.integers(7))
            chord = [root + 12 + degrees[(step + k) % 7] + 12 * ((step + k) // 7) for k in (0, 2, 4)]
            for note in (*chord, chord[0] - 12):
                _strike(out, at, note, fade * 2, bright, attack, random)
        if tune and random.random() < 0.7:
            _strike(out, at, root + 24 + degrees[random.integers(7)], fade, bright, attack, random)
        if drums:
            start = int(at * RATE)
            hit = random.normal(0, 1, RATE // 8) * np.exp(-np.arange(RATE // 8) / (RATE * random.uniform(0.01, 0.05)))
            out[start : start + len(hit)] += (0.4 * hit[: samples - start]).astype(np.float32)
    return out / np.float32(rms(out))


def _strike(out: Floats, at: float, note: float, fade: float, bright: float, attack: float, random: Generator) -> None:
    """Add one note (MIDI number) at a time (s)."""
    start = int(at * RATE)
    time = np.arange(min(len(out) - start, int(3 * fade * RATE))) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    partials = np.arange(1, min(14, int(RATE / 2 / hz)))
    strength = random.uniform(0.3, 1, len(partials)) / partials**bright
    tone = sum(
        s * np.sin(2 * np.pi * hz * k * time + p) * np.exp(-time * k**0.5 / fade)
        for k, s, p in zip(partials, strength, random.uniform(0, 6.28, len(partials)), strict=True)
    )
    out[start : start + len(time)] += np.asarray(tone * (1 - np.exp(-time / attack)), np.float32)


def narrowed(random: Generator, wave: Floats) -> Floats:
    """Through a telephone (300 to 3400 Hz) or a file of a low rate."""
    from scipy.signal import butter, sosfilt

    if random.random() < 0.5:
        sections = butter(4, PHONE_HZ, "bandpass", fs=RATE, output="sos")
    else:
        sections = butter(8, random.uniform(2500, 6000), fs=RATE, output="sos")
    return np.asarray(sosfilt(sections, wave), np.float32)


def coded(random: Generator, wave: Floats) -> Floats:
    """Through mp3 or Vorbis at a low quality, or 8-bit A-law; as many samples as before."""
    import soundfile

    peak = max(float(np.abs(wave).max()), 1e-6)
    form, subtype = [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("WAV", "ALAW")][random.integers(3)]
    store = io.BytesIO()
    level = {} if form == "WAV" else {"compression_level": float(random.uniform(0.5, 0.95))}
    soundfile.write(store, wave * (0.9 / peak), RATE, format=form, subtype=subtype, **level)
    store.seek(0)
    out, _ = soundfile.read(store, dtype="float32")
    return np.asarray(np.pad(out, (0, max(0, len(wave) - len(out))))[: len(wave)] * (peak / 0.9), np.float32)
