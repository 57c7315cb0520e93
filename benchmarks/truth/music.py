"""Music behind voices at known levels, and voices without music: dry, in rooms, with noise and with mains hum."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.hum import mains_hum
from benchmarks.truth.rooms import decaying_noise
from benchmarks.truth.row import Limit, Row
from catalog import audio

RATE = 16_000
LIMIT = 0.1
UNDER_DB = (5, 15, 25)
MUST: dict[str, Limit] = {
    "speech as recorded": ("<=", 0.02),
    "singing as recorded": ("<=", 0.02),
    "speech with music 5 dB under it": (">=", 0.8),
    "singing with music 5 dB under it": (">=", 0.8),
}
MUSIC = {
    "tuning": (
        "Kevin_MacLeod_-_Vibe_Ace.ogg",
        "147793__setuniman__sweet-waltz-0i-22mi.ogg",
        "sep_csd_backing.flac",
    ),
    "report": (
        "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg",
        "Karissa_Hobbs_-_Lets_Go_Fishin.ogg",
        "te_amo_-_fabios_la_nueva_expresion_de_la_cancion.mp3",
    ),
}
SINGING = {
    "tuning": ("csd_en001b.mp3", "sms_soprano-E4.flac"),
    "report": ("doremi.wav", "sms_singing-female.flac", "sms_vignesh.flac"),
}
"""Solo voices; `sms_carnatic` has a drone behind it and is music."""


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Found by level under the voice; falsely found on voices without music; and the share on music alone."""
    random = np.random.default_rng(3)
    music = [audio.resample(*audio.read(folder / "music_mix" / name), RATE) for name in MUSIC[half]]
    found: dict[str, list[float]] = {}
    for kind, wave in _voices(folder, half):
        power = np.sqrt(np.mean(wave[np.abs(wave) > 1e-4] ** 2))
        for name, heard in _without(wave, folder, half, random):
            found.setdefault(f"{kind} {name}", []).append(_ratio(heard))
        for under in UNDER_DB:
            for track in music:
                at = int(random.integers(0, len(track) - len(wave)))
                part = track[at : at + len(wave)]
                part = power * 10 ** (-under / 20) * part / np.sqrt(np.mean(part**2))
                found.setdefault(f"{kind} with music {under} dB under it", []).append(_ratio(wave + part))
    for name, ratios in sorted(found.items()):
        yield Row("music_ratio", name, f"share above {LIMIT}", float(np.mean(np.array(ratios) > LIMIT)), MUST.get(name))
    alone = [_ratio(track[at : at + 8 * RATE]) for track in music for at in range(0, len(track) - 8 * RATE, 8 * RATE)]
    yield Row("music_ratio", "music alone", "median share", float(np.median(alone)), (">=", 0.5))


def _ratio(wave: np.ndarray) -> float:
    return material.number("music", "music_ratio", material.whole(wave.astype(np.float32), RATE)) or 0.0


def _voices(folder: Path, half: str) -> Iterator[tuple[str, material.Floats]]:
    for speaker in material.SPEAKERS[half]:
        for skip in (0, 8, 16):
            wave, rate = material.passage(folder, speaker, seconds=8, pause_s=0.12, skip=skip)
            yield "speech", audio.resample(wave, rate, RATE)[: 10 * RATE]
    for name in SINGING[half]:
        wave, rate = audio.read(folder / "singing" / name)
        for at in range(0, min(len(wave) - 2 * rate, 24 * rate), 8 * rate):
            yield "singing", audio.resample(wave[at : at + 8 * rate], rate, RATE)
    notes = sorted((folder / "singing" / "vocobox_martin_notes").iterdir())
    notes = notes[::2] if half == "tuning" else notes[1::2]
    for first in range(0, len(notes), 4):
        read = [audio.read(path) for path in notes[first : first + 4]]
        yield "singing", np.concatenate([audio.resample(wave, rate, RATE) for wave, rate in read])[: 10 * RATE]


def _without(
    wave: material.Floats, folder: Path, half: str, random: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """The voice without music, and what may be mistaken for it."""
    import scipy.signal

    power = np.sqrt(np.mean(wave[np.abs(wave) > 1e-4] ** 2))
    yield "as recorded", wave
    room = decaying_noise(RATE, random.uniform(0.3, 1.0), random)
    yield "in a room of 0.3 to 1 s", scipy.signal.oaconvolve(wave, room)[: len(wave)]
    noises = material.NOISES[half]
    noise = material.noise(folder, noises[int(random.integers(len(noises)))], len(wave), RATE)
    yield "with noise 20 dB under it", wave + 0.1 * power * noise
    yield "with hum 20 dB under it", wave + 0.1 * power * mains_hum(len(wave), RATE, 50, random)
