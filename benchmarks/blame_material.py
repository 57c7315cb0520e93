"""A set of about two hundred clips of one real speaker in which twenty hold a planted defect: what blame has to find.

Used by `blame.py`. AUDIO is the folder of the labelled recordings. The speaker's sentences are taken one by one, the
planted ones are spoilt or put in the place of others, and all are laid into recordings of about a dozen clips, the way
clips come from recordings. No score of the program has looked at them: what is planted gets through as if a person had
missed it.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import audio, sets
from catalog.library import Library
from catalog.records import clip_id

RATE = 24000
CLIPS_A_RECORDING = 13
GAP_S = 0.4
EDGE_DB = 40.0
EDGE_S = 0.1
SHORTEST_S, LONGEST_S = 1.2, 6.0
NOISES_DB = (0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0)
"""Signal-to-noise ratios of the noisy clips."""
SHIFTS = (1.25, 0.8)
"""Clips played faster and slower: f0 and formants change together."""
OWN_SHIFTS_ST = (5.0, -4.0)
"""Clips whose f0 alone is shifted, in semitones."""
OCTAVES = (2.0, 0.5)
"""Clips whose f0 track is wrong by an octave; the sound is as it was."""
SPEAKERS = {
    "kathleen": ("kathleen_en_f", "kathleen_raw_clean"),
    "emodb08": ("emodb08_de_f", ""),
    "ravdess11": ("", "ravdess11_raw_clean"),
}
"""For each speaker the folder of single clips and the long recording that hold her or his sentences."""
STRANGERS = {
    "kathleen": ("emodb08_de_f", "ravdess10_en_f", "ravdess10_en_f", "misc/198-209", "emodb08_de_f", "ravdess15_en_m",
                 "misc/p286"),
    "emodb08": ("kathleen_en_f", "ravdess10_en_f", "misc/198-209", "kathleen_en_f", "emodb03_de_m", "emodb03_de_m",
                "misc/p286"),
    "ravdess11": ("ravdess15_en_m", "ravdess15_en_m", "emodb03_de_m", "misc/p286", "misc/3436", "ravdess10_en_f",
                  "kathleen_en_f"),
}  # fmt: skip
"""Whose sentences are planted among a speaker's: most of the same sex, some of the other."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Planted:
    """A frozen set and what is known of it."""

    library: Library
    set_name: str
    clips: dict[str, str]
    """Clip -> what was planted in it: "" for nothing, else its kind."""
    details: dict[str, str]
    """Clip -> what exactly was planted."""
    f0_factor: dict[str, float]
    """Clips whose f0 track is to be multiplied by this before training."""


def plant(audio_folder: Path, root: Path, speaker: str, *, seed: int, most: int = 200, share: float = 0.1) -> Planted:
    """Make a library below `root` with the set "planted": at most `most` clips, a `share` of them spoilt."""
    chance = np.random.default_rng(seed)
    sentences = own_sentences(audio_folder, speaker)
    order = chance.permutation(len(sentences))[:most]
    waves = [sentences[index] for index in order]
    spoilers = _spoilers(audio_folder, speaker, chance)
    count = min(len(spoilers), max(3, math.ceil(share * len(waves))))
    kinds, details, factors = [""] * len(waves), [""] * len(waves), [1.0] * len(waves)
    for place, (kind, detail, factor, spoil) in zip(
        chance.permutation(len(waves))[:count], spoilers[:count], strict=True
    ):
        waves[place] = spoil(waves[place])
        kinds[place], details[place], factors[place] = kind, detail, factor
    return _frozen(Library(root), speaker, waves, kinds, details, factors)


def own_sentences(audio_folder: Path, speaker: str) -> list[Floats]:
    """The sentences of a speaker at `RATE`, each cut to where it sounds."""
    folder, long = SPEAKERS[speaker]
    waves = [_at_rate(path) for path in sorted((audio_folder / "speech_single" / folder).glob("*"))] if folder else []
    if long:
        whole, rate = audio.read(audio_folder / "long_raw" / f"{long}.flac")
        whole = audio.resample(whole, rate, RATE)
        labels = json.loads((audio_folder / "long_raw" / f"{long}.json").read_text())
        for part in labels["segments"]:
            waves.append(whole[int(part["start"] * RATE) : int(part["end"] * RATE)])
    return [wave for wave in map(_trimmed, waves) if len(wave) >= SHORTEST_S * RATE]


def _spoilers(audio_folder: Path, speaker: str, chance: np.random.Generator) -> list[Any]:
    """Twenty ways to spoil a clip: kind, what exactly, factor of the f0 track, and the function that does it.

    The kinds take turns, so that a part of the list holds all of them.
    """
    noises = [path for path, _ in _manifest(audio_folder, "noise/")]
    chosen = chance.choice(len(noises), len(NOISES_DB), replace=False)
    noisy = [
        ("noise", f"{noises[index].stem} at {ratio:.0f} dB", 1.0, _noise(_at_rate(noises[index]), ratio, chance))
        for index, ratio in zip(chosen, chance.permutation(NOISES_DB), strict=True)
    ]
    strangers = []
    for place in STRANGERS[speaker]:
        paths = [path for path, _ in _manifest(audio_folder, f"speech_single/{place}")]
        path = paths[int(chance.integers(len(paths)))]
        strangers.append(("speaker", path.stem, 1.0, _replaced(_trimmed(_at_rate(path)))))
    pitch: list[Any] = [("pitch", f"played x {factor}", 1.0, _faster(factor)) for factor in SHIFTS]
    pitch += [("pitch", f"f0 alone {shift:+.0f} semitones", 1.0, _shifted(shift)) for shift in OWN_SHIFTS_ST]
    pitch += [("pitch", f"f0 track x {factor}", factor, lambda wave: wave) for factor in OCTAVES]
    turns = [list(part) for part in (noisy, strangers, pitch)]
    mixed = []
    while any(turns):
        mixed += [part.pop(0) for part in turns if part]
    return mixed


def _noise(noise: Floats, ratio_db: float, chance: np.random.Generator) -> Callable[[Floats], Floats]:
    def spoil(wave: Floats) -> Floats:
        long = np.tile(noise, -(-(len(wave) + len(noise)) // len(noise)))
        start = int(chance.integers(len(noise)))
        part = long[start : start + len(wave)]
        level = np.sqrt(np.mean(wave**2) / (np.mean(part**2) + 1e-12)) * 10 ** (-ratio_db / 20)
        return np.asarray(wave + level * part, np.float32)

    return spoil


def _replaced(other: Floats) -> Callable[[Floats], Floats]:
    """Another one's sentence, as loud as the one that it replaces."""

    def spoil(wave: Floats) -> Floats:
        part = other[: int(LONGEST_S * RATE)]
        return np.asarray(part * np.sqrt(np.mean(wave**2) / np.mean(part**2)), np.float32)

    return spoil


def _faster(factor: float) -> Callable[[Floats], Floats]:
    return lambda wave: audio.resample(wave, int(RATE * factor), RATE)


def _shifted(semitones: float) -> Callable[[Floats], Floats]:
    """Another f0 with the formants as they are (WORLD, Morise et al. 2016)."""

    def spoil(wave: Floats) -> Floats:
        import pyworld

        double = wave.astype(np.float64)
        f0, times = pyworld.harvest(double, RATE)
        envelope = pyworld.cheaptrick(double, f0, times, RATE)
        breath = pyworld.d4c(double, f0, times, RATE)
        made = pyworld.synthesize(f0 * 2 ** (semitones / 12), envelope, breath, RATE)
        return np.asarray(made[: len(wave)], np.float32)

    return spoil


def _frozen(
    library: Library, speaker: str, waves: list[Floats], kinds: list[str], details: list[str], factors: list[float]
) -> Planted:
    """Lay the clips into recordings, a dozen each, and freeze them."""
    library.create()
    rows: list[dict[str, Any]] = []
    planted = Planted(library, "planted", {}, {}, {})
    hush = np.random.default_rng(0).standard_normal(int(GAP_S * RATE)).astype(np.float32) * 1e-5
    for number, first in enumerate(range(0, len(waves), CLIPS_A_RECORDING)):
        group = range(first, min(first + CLIPS_A_RECORDING, len(waves)))
        parts = [part for index in group for part in (hush, waves[index])]
        whole = np.concatenate(parts)
        whole = whole * np.float32(min(1.0, 0.95 / np.abs(whole).max()))
        path = library.root / f"recording-{number:02d}.wav"
        audio.write_wav(path, whole, RATE)
        digest = audio.sha256(path)[:16]
        at = 0
        for index in group:
            start = at + len(hush)
            at = start + len(waves[index])
            name = clip_id(digest, start, at)
            rows.append({"id": name, "recording": digest, "path": str(path), "speaker": speaker, "start": start,
                         "end": at, "sample_rate": RATE, "scores": {}})  # fmt: skip
            planted.clips[name], planted.details[name] = kinds[index], details[index]
            if factors[index] != 1.0:
                planted.f0_factor[name] = factors[index]
    sets.freeze(library, planted.set_name, rows)
    return planted


def _manifest(audio_folder: Path, beginning: str) -> list[tuple[Path, float]]:
    with (audio_folder / "MANIFEST.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith(beginning)]
    return [(audio_folder / row["path"], float(row["seconds"])) for row in rows]


def _at_rate(path: Path) -> Floats:
    wave, rate = audio.read(path)
    return audio.resample(wave, rate, RATE)


def _trimmed(wave: Floats) -> Floats:
    """From a tenth of a second before the first sound to a tenth after the last."""
    size = RATE // 100
    level = 10 * np.log10(np.square(wave[: len(wave) // size * size].reshape(-1, size)).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max() - EDGE_DB)
    edge = int(EDGE_S * RATE)
    return wave[max(0, loud[0] * size - edge) : (loud[-1] + 1) * size + edge]
