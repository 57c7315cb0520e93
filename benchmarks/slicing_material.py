"""Labelled material for the slicing benchmark: where every word, sentence and voiced frame lies is known.

Separate from the measurements because it only builds waves and truths, from the folder of recordings that is given.
All of it comes in two halves that share neither a file of speech nor one of noise: `tune`, on which the constants
of the slicer were chosen, and `report`, whose figures are stated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog import audio
from curator.frames import runs

HALVES = ("tune", "report")
DIGITS, DRAWS = 240, 2
ROOM_DB = -45.0
SNR_DB = 20.0
RT60_S = 0.4
Floats = npt.NDArray[np.float32]
Times = list[tuple[float, float]]


@dataclass(frozen=True)
class Labelled:
    """A wave with its truth, in seconds."""

    name: str
    wave: Floats
    """Mono, (samples,)."""
    rate: int
    words: Times
    """Where each word sounds."""


def half_of(files: list[Path], half: str) -> list[Path]:
    """Every second file of a sorted list."""
    return sorted(files)[HALVES.index(half) :: 2]


def digits(folder: Path, half: str, draws: int = DRAWS) -> Iterator[Labelled]:
    """Digits of each speaker with random gaps of 0-100 and 0-400 ms, drawn anew: clean, noisy and in a room."""
    for draw, gap_s in product(range(draws), (0.1, 0.4)):
        for number, speaker in enumerate(sorted(folder.glob("speech_single/fsdd_*"))):
            random = np.random.default_rng([HALVES.index(half), number, round(gap_s * 1e3), draw])
            wave, rate, words = _joined(half_of(list(speaker.iterdir()), half), gap_s, random)
            name = f"{speaker.name.split('_')[1]} 0-{gap_s * 1e3:.0f} ms"
            for condition, degraded in (
                ("clean", wave),
                (f"{SNR_DB:.0f} dB SNR", _noisy(wave, rate, words, _noises(folder, half, rate), random)),
                (f"RT60 {RT60_S:g} s", _reverberant(wave, rate, random)),
            ):
                yield Labelled(f"{name}, {condition}", _in_room(degraded, random), rate, words)


def _joined(files: list[Path], gap_s: float, random: np.random.Generator) -> tuple[Floats, int, Times]:
    """The sounding parts of files in random order with random gaps, their rate, and the time of each."""
    parts, words, position = [np.zeros(8000, np.float32)], [], 1.0
    for index in random.integers(0, len(files), DIGITS):
        word, rate = audio.read(files[index])
        gap = np.zeros(round(random.uniform(0, gap_s) * rate), np.float32)
        begin, end = (round(time * rate) for time in sounding_part(word, rate))
        word = word[begin:end]
        words.append((position, position + len(word) / rate))
        parts += [word, gap]
        position += (len(word) + len(gap)) / rate
    return np.concatenate([*parts, np.zeros(8000, np.float32)]), rate, words


def sounding_part(word: Floats, rate: int) -> tuple[float, float]:
    """Where a word sounds, in seconds: within 35 dB of its loudest 10 ms, from the first to the last such 30 ms.

    35 dB as for sentences (`sounding`). Its file may hold silence around it, and clicks: one begins with a click and
    0.2 s of its own noise 39 dB below the word.
    """
    hop = rate // 100
    power = np.mean(word[: len(word) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    loud = [part for part in runs(power > power.max() * 10**-3.5) if part[1] - part[0] >= 3]
    return loud[0][0] / 100, loud[-1][1] / 100


def _in_room(wave: Floats, random: np.random.Generator) -> Floats:
    """White room tone 45 dB below the whole."""
    tone = random.normal(0, np.sqrt(np.mean(wave**2)) * 10 ** (ROOM_DB / 20), len(wave))
    return np.asarray(wave + tone, np.float32)


def _noises(folder: Path, half: str, rate: int) -> list[Floats]:
    files = [path for path in (folder / "noise").iterdir() if path.suffix in (".ogg", ".flac")]
    return [audio.resample(*audio.read(path), rate) for path in half_of(files, half)]


def _noisy(wave: Floats, rate: int, words: Times, noises: list[Floats], random: np.random.Generator) -> Floats:
    """Real noises in random order, 5 s of each, each piece at the SNR under the sounding parts of the speech."""
    spoken = np.concatenate([wave[round(a * rate) : round(b * rate)] for a, b in words])
    power = float(np.mean(spoken**2)) * 10 ** (-SNR_DB / 10)
    pieces: list[Floats] = []
    while sum(map(len, pieces)) < len(wave):
        piece = noises[int(random.integers(0, len(noises)))][: 5 * rate]
        pieces.append(piece * np.float32(np.sqrt(power / max(float(np.mean(piece**2)), 1e-12))))
    return np.asarray(wave + np.concatenate(pieces)[: len(wave)], np.float32)


def _reverberant(wave: Floats, rate: int, random: np.random.Generator) -> Floats:
    """The wave in a room: the direct sound and, 3 dB below it, noise that decays by 60 dB in the RT60."""
    from scipy.signal import fftconvolve

    time = np.arange(round(1.2 * RT60_S * rate)) / rate
    tail = random.normal(size=len(time)) * 10 ** (-3 * time / RT60_S)
    tail[: round(0.004 * rate)] = 0
    tail *= 10 ** (-3 / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(fftconvolve(wave, tail)[: len(wave)], np.float32)


def sentences(folder: Path, half: str) -> list[Labelled]:
    """The long recordings; of each the first half of its labelled sentences to tune on, the second to report."""
    found = []
    for path in sorted(folder.glob("long_raw/*.flac")):
        parts = json.loads(path.with_suffix(".json").read_text())["segments"]
        times = [(part["speech_start"], part["speech_end"]) for part in parts]
        middle = len(times) // 2
        wave, rate = audio.read(path)
        chosen = times[:middle] if half == "tune" else times[middle:]
        found.append(Labelled(path.stem, wave, rate, chosen))
    return found


def sounding(folder: Path, labelled: Labelled) -> Times:
    """The 10 ms of labelled sentences that are within 35 dB of the loudest of their sentence, in the clean recording.

    The labels were made by energy and reach up to a second into near-digital silence; 35 dB is more than the 30 dB
    that speech is taken to range over (ANSI S3.5). Of a recording with planted defects the same sentences of the clean
    one decide, so that hum or noise under a label does not count as speech.
    """
    clean = folder / "long_raw" / f"{labelled.name.replace('_defects', '_clean')}.flac"
    wave, rate = audio.read(clean)
    placed = {part["source"]: part for part in json.loads(clean.with_suffix(".json").read_text())["segments"]}
    found: Times = []
    for part in json.loads((folder / "long_raw" / f"{labelled.name}.json").read_text())["segments"]:
        times = (part["speech_start"], part["speech_end"])
        if times not in labelled.words or part["source"] not in placed:
            continue
        shift = placed[part["source"]]["start"] - part["start"]
        first = round((times[0] + shift) * rate)
        sentence = wave[first : round((times[1] + shift) * rate)]
        hop = rate // 100
        power = np.var(sentence[: len(sentence) // hop * hop].reshape(-1, hop), axis=1)
        loud = runs(power > power.max() * 10**-3.5)
        found += [(times[0] + a / 100, times[0] + b / 100) for a, b in loud]
    return found


def audible(labelled: Labelled) -> Times:
    """The 10 ms of the labels above -80 dBFS: what is quieter is a few of the smallest steps of 16 bits, no sound."""
    hop = labelled.rate // 100
    found: Times = []
    for start, end in labelled.words:
        part = labelled.wave[round(start * labelled.rate) : round(end * labelled.rate)]
        power = np.var(part[: len(part) // hop * hop].reshape(-1, hop), axis=1)
        found += [(start + a / 100, start + b / 100) for a, b in runs(power > 1e-8)]
    return found


def singing(folder: Path, half: str) -> list[Labelled]:
    """Solo singing with its voiced frames by Praat: phrases, notes with pauses between, and all that an octave up.

    An octave up is the wave read at half its rate twice as fast: high notes whose voicing is known from the original.
    """
    files = sorted(path for path in (folder / "singing").iterdir() if path.is_file())
    files.append(folder / "music_mix" / "sep_csd_vocals.flac")
    takes = [(path.stem, *audio.read(path)) for path in half_of(files, half)]
    notes = [audio.read(path) for path in half_of(list((folder / "singing" / "vocobox_martin_notes").iterdir()), half)]
    rate = notes[0][1]
    parts = [part for wave, _ in notes for part in (wave, np.zeros(rate // 2, np.float32))]
    takes.append(("single notes", np.concatenate(parts), rate))
    found = []
    for name, wave, rate in takes:
        voiced = _voiced(wave, rate)
        found.append(Labelled(name, wave, rate, voiced))
        upper = audio.resample(wave, 2 * rate, rate)
        found.append(Labelled(f"{name}, octave up", upper, rate, [(a / 2, b / 2) for a, b in voiced]))
    return found


def _voiced(wave: Floats, rate: int) -> Times:
    """The voiced frames of Praat's autocorrelation tracker (10 ms, 65-1000 Hz), joined into stretches.

    Its own silence threshold (3 % of the highest peak, -30 dB) keeps room tone from counting.
    """
    import parselmouth

    pitch = parselmouth.Sound(wave.astype(np.float64), rate).to_pitch_ac(0.01, 65.0, pitch_ceiling=1000.0)
    first = float(pitch.xs()[0]) - 0.005
    return [(first + a / 100, first + b / 100) for a, b in runs(pitch.selected_array["frequency"] > 0)]


def without_voice(folder: Path, half: str) -> dict[str, list[tuple[Floats, int]]]:
    """Noises, and instrumental music, as waves and rates. All that is kept of them is kept wrongly."""
    noises = [path for path in (folder / "noise").iterdir() if path.suffix in (".ogg", ".flac")]
    music = [folder / "music_mix" / "sep_csd_backing.flac"]
    instrumental = ("147793", "Hungarian", "Kevin")
    music += [path for path in (folder / "music_mix").iterdir() if path.name.startswith(instrumental)]
    return {
        kind: [audio.read(path) for path in half_of(files, half)]
        for kind, files in (("noise", noises), ("music", music))
    }
