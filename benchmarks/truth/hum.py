"""Mains hum of known level under speech, and voices without hum down to the lowest, over which it must stay silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.row import Limit, Row
from catalog import audio

LIMIT_DB = 15.0
LOW_HZ = (50.0, 60.0, 75.0, 100.0, 120.0)


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Found by level under the voice; falsely found on voices, on low voices and on low held notes."""
    random = np.random.default_rng(1)
    found: dict[int, list[bool]] = {20: [], 30: [], 40: []}
    for wave, rate in _passages(folder, half):
        voice = np.sqrt(np.mean(wave[wave != 0] ** 2))
        for level, hits in found.items():
            for mains in (50, 60):
                hum = voice * 10 ** (-level / 20) * mains_hum(len(wave), rate, mains, random)
                hits.append(_alarm((wave + hum).astype(np.float32), rate))
    for level, hits in found.items():
        yield _share(f"50 and 60 Hz hum {level} dB under the voice", hits, (">=", 0.95) if level == 20 else None)
    clean = [_alarm(wave, rate) for wave, rate in _passages(folder, half)]
    yield _share("voices as recorded", clean, ("<=", 0.02))
    low = [_alarm(_slowed(wave, rate), rate) for wave, rate in _passages(folder, half)]
    yield _share("the same voices, a fifth lower and slower", low, ("<=", 0.02))
    held = [_alarm(*_held(folder, name, hz)) for name in _notes(folder, half) for hz in LOW_HZ]
    yield _share("notes held 2 to 4 of 8 s at 50 to 120 Hz", held, ("<=", 0.02))


def _share(what: str, alarms: list[bool], must: Limit | None) -> Row:
    return Row("hum_db", what, f"share above {LIMIT_DB:.0f} dB", float(np.mean(alarms)), must)


def mains_hum(samples: int, rate: int, mains: int, random: np.random.Generator, harmonics: int = 5) -> material.Floats:
    """Harmonics of random weight at a mains frequency off by at most 0.1 Hz; unit power."""
    time = np.arange(samples) / rate
    hz = mains + random.uniform(-0.1, 0.1)
    wave = np.zeros(samples)
    for k in range(1, harmonics + 1):
        wave += random.uniform(0.3, 1) / np.sqrt(k) * np.sin(2 * np.pi * k * hz * time + random.uniform(0, 2 * np.pi))
    return np.asarray(wave / np.sqrt(np.mean(wave**2)), np.float32)


def _alarm(wave: material.Floats, rate: int) -> bool:
    value = material.number("hum", "hum_db", material.unheard(wave, rate))
    return value is not None and value > LIMIT_DB


def _passages(folder: Path, half: str) -> Iterator[tuple[material.Floats, int]]:
    for speaker in material.SPEAKERS[half]:
        for skip in range(0, 40, 8):
            yield material.passage(folder, speaker, seconds=8, pause_s=0.1, skip=skip)


def _slowed(wave: material.Floats, rate: int) -> material.Floats:
    return audio.resample(wave, 2 * rate, 3 * rate)


def _notes(folder: Path, half: str) -> list[Path]:
    """Sung notes of one voice; every other one in each half."""
    notes = sorted((folder / "singing" / "vocobox_martin_notes").iterdir())
    return notes[::2] if half == "tuning" else notes[1::2]


def _held(folder: Path, note: Path, hz: float) -> tuple[material.Floats, int]:
    """A sung note played slower, so that it lies at `hz`, between words of silence and a little room noise; 8 s."""
    from curator import pitch

    wave, rate = audio.read(note)
    track = pitch.measure(audio.resample(wave, rate, pitch.RATE))
    own = float(np.median(track.hz[track.confidence >= pitch.VOICED]))
    low = audio.resample(wave, round(1000 * hz), round(1000 * own))[: 4 * rate]
    room = np.random.default_rng(0).normal(0, 1e-3, 8 * rate)
    room[2 * rate : 2 * rate + len(low)] += low
    return room.astype(np.float32), rate
