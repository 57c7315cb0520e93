"""The voices that the small preset's base learns from: made speech, and recordings at several speeds.

Separate from the training because the making of sound is all that differs from any other set.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from catalog import audio
from catalog.audio import Samples
from catalog.errors import BadRequest
from catalog.records import clip_id
from trainer.recipes.phone_encoder.sentences import english
from trainer.recipes.phone_encoder.speak import Espeak, Manner

RATE = 24000
MADE = (
    *("f1", "f2", "f4", "f5", "m1", "m2", "m3", "m5", "m6", "Alicia"),
    *("Andrea", "Annie", "Diogo", "Gene", "Hugo", "Lee", "Marco", "Reed", "belinda", "linda"),
)
"""Variants of espeak-ng; f3 and m7 speak in the demo and are therefore not among them."""
SPEEDS = (0.74, 0.82, 0.9, 1.0, 1.1)
"""Factors on the speed of recordings: pitch and formants move with it, so each sounds like another person."""
CLIP_S = 8.0


@dataclass(frozen=True)
class Voice:
    """One speaker of the base: a name and what it says, piece by piece."""

    name: str
    pieces: list[Samples]
    """Mono at 24 kHz."""


def made_voices(sentences: int, seed: int) -> Iterator[Voice]:
    """English by variants of espeak-ng at changing pace and pitch."""
    chance = random.Random(seed)
    synthesizer = Espeak()
    for variant in MADE:
        pieces = []
        for text in english(sentences, chance.randrange(1 << 30)):
            manner = Manner(chance.randint(130, 210), chance.randint(20, 80), chance.randint(20, 80))
            wave, rate = synthesizer.wave(text, f"en-us+{variant}", manner)
            pieces.append(soxr.resample(wave, rate, RATE).astype(np.float32))
        yield Voice(f"espeak-{variant}", pieces)


def real_voices(folder: Path) -> Iterator[Voice]:
    """Every speaker of a folder with a table speech.csv (path, speaker), at every speed."""
    table = folder / "speech.csv"
    if not table.is_file():
        raise BadRequest(f"{folder} has no speech.csv with the columns path and speaker")
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for speaker in sorted({row["speaker"] for row in rows}):
        paths = [folder / row["path"] for row in rows if row["speaker"] == speaker]
        for speed in SPEEDS:
            yield Voice(f"{speaker}-{speed:.2f}", [_at_speed(path, speed) for path in paths])


def write_voice(voice: Voice, folder: Path) -> list[dict[str, object]]:
    """Write a voice as one recording and give its clips as rows that a set can be frozen from."""
    path = folder / f"{voice.name}.wav"
    audio.write_wav(path, np.concatenate(voice.pieces), RATE, "PCM_16")
    recording = audio.sha256(path)[:16]
    rows: list[dict[str, object]] = []
    start = end = 0
    for number, piece in enumerate(voice.pieces, 1):
        end += len(piece)
        if end - start >= CLIP_S * RATE or number == len(voice.pieces):
            rows.append(
                {
                    "id": clip_id(recording, start, end),
                    "recording": recording,
                    "path": str(path),
                    "speaker": voice.name,
                    "start": start,
                    "end": end,
                    "sample_rate": RATE,
                    "verdict": "accepted",
                    "scores": {},
                }
            )
            start = end
    return rows


def _at_speed(path: Path, speed: float) -> Samples:
    wave, rate = audio.read(path)
    slow: Samples = soxr.resample(wave, rate, RATE / speed, quality="HQ").astype(np.float32)
    peak = float(np.abs(slow).max(initial=0.0))
    return slow if peak < 0.99 else np.asarray(slow * np.float32(0.99 / peak))
