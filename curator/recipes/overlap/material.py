"""The material that mixtures are made of: single voices, sung lines, labelled meetings, noise, instruments.

    FOLDER/voices/NAME/*      one folder a voice, recordings of that voice alone (needed)
    FOLDER/meetings/X.wav     people who talk at once, with X.rttm beside each that says who speaks when
    FOLDER/noise/*            anything without a voice
    FOLDER/music/*            instruments without a voice

Everything but the voices may be missing. Synthetic voices (espeak-ng) and sung lines are made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog import audio
from catalog.errors import BadRequest
from curator.frames import runs
from curator.recipes.overlap import effects
from curator.recipes.overlap.singing import Song, sing
from curator.scores.overlap_spectrum import RATE

Floats = npt.NDArray[np.float32]
SYNTHETIC = (*(f"f{n}" for n in range(1, 6)), *(f"m{n}" for n in range(1, 9)), "croak", "whisperf", "klatt2")
LONGEST_S = 16
PIECE_S = 12.0
LONE_FRAMES = 100


@dataclass(frozen=True)
class Meeting:
    """A labelled recording: samples, how many people speak in each of its 10 ms frames, and each of them alone."""

    wave: Floats
    voices: npt.NDArray[np.int64]
    people: tuple[list[Floats], ...] = ()


@dataclass
class Material:
    """What mixtures are drawn from."""

    voices: list[list[Floats]]
    songs: list[Song] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)
    noise: list[Floats] = field(default_factory=list)
    music: list[Floats] = field(default_factory=list)

    def __str__(self) -> str:
        minutes = sum(len(wave) for waves in self.voices for wave in waves) / RATE / 60
        return (
            f"{len(self.voices)} voices ({minutes:.0f} min), {len(self.songs)} sung lines, "
            f"{len(self.meetings)} labelled recordings, {len(self.noise)} of noise, {len(self.music)} of instruments"
        )


def gather(folder: Path, songs: int, sentences: int, pieces: int, seed: int) -> Material:
    """Everything in the folder and what is made. Raises BadRequest when there are no two voices."""
    random = np.random.default_rng(seed)
    home = folder / "voices"
    each = sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
    voices = [waves for waves in (list(recordings(path)) for path in each) if waves]
    if len(voices) < 2:
        raise BadRequest(f"{home}: there must be a folder for each of two voices or more, with recordings in it")
    made = Material(voices)
    made.songs = [sing(random, takes[random.integers(len(takes))]) for takes in random.choice(voices_of(voices), songs)]
    made.voices += list(synthetic_voices(sentences))
    made.meetings = list(meetings(folder / "meetings"))
    made.voices += [waves for meeting in made.meetings for waves in meeting.people]
    made.noise = list(recordings(folder / "noise"))
    made.music = list(recordings(folder / "music", longest_s=120))
    made.music += [effects.music(random, PIECE_S) for _ in range(pieces)]
    return made


def without(material: Material, each: int) -> tuple[Material, Material]:
    """The material without every so-manieth voice and sung line, and these alone, to judge the training by."""
    kept, held = (
        Material(
            [waves for index, waves in enumerate(material.voices) if (index % each == 0) is aside],
            [song for index, song in enumerate(material.songs) if (index % each == 0) is aside],
            [] if aside else material.meetings,
            material.noise,
            material.music,
        )
        for aside in (False, True)
    )
    return (kept, held) if len(held.voices) > 1 else (material, material)


def voices_of(voices: list[list[Floats]]) -> npt.NDArray[np.object_]:
    """The same list as an array of lists, which can be drawn from."""
    boxed = np.empty(len(voices), object)
    boxed[:] = voices
    return boxed


def recordings(folder: Path, longest_s: float = LONGEST_S) -> Iterator[Floats]:
    """All recordings in a folder at 16 kHz, peak 0.5, in pieces no longer than asked; nothing where it is missing."""
    if not folder.is_dir():
        return
    for path in audio.find_audio([folder]):
        wave, rate = audio.read(path)
        wave = audio.resample(wave, rate, RATE)
        for start in range(0, len(wave), int(longest_s * RATE)):
            piece = wave[start : start + int(longest_s * RATE)]
            if len(piece) > RATE // 2:
                yield np.asarray(piece * (0.5 / max(np.abs(piece).max(), 1e-6)), np.float32)


def meetings(folder: Path) -> Iterator[Meeting]:
    """Recordings with an RTTM file beside them."""
    for path in sorted(folder.glob("*.rttm")):
        for beside in (each for each in sorted(folder.iterdir()) if each.stem == path.stem and each != path):
            wave, rate = audio.read(beside)
            wave = np.asarray(audio.resample(wave, rate, RATE), np.float32)
            masks = turns(path, len(wave) * 100 // RATE + 1, 0.01)
            voices = np.sum(list(masks.values()), axis=0)
            people = tuple(list(alone(wave, mask & (voices == 1))) for mask in masks.values())
            yield Meeting(wave, voices, tuple(waves for waves in people if waves))


def alone(wave: Floats, mask: npt.NDArray[np.bool_]) -> Iterator[Floats]:
    """The passages of a recording over a second long in which a mask of 10 ms frames holds."""
    for first, last in runs(mask):
        if last - first > LONE_FRAMES:
            yield wave[first * RATE // 100 : last * RATE // 100]


def turns(path: Path, frames: int, frame_s: float) -> dict[str, npt.NDArray[np.bool_]]:
    """In which frames each person speaks, by an RTTM file."""
    people: dict[str, npt.NDArray[np.bool_]] = {}
    for row in (line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()):
        start, length = float(row[3]), float(row[4])
        mask = people.setdefault(row[7], np.zeros(frames, bool))
        mask[round(start / frame_s) : round((start + length) / frame_s)] = True
    return people


def synthetic_voices(sentences: int) -> Iterator[list[Floats]]:
    """Voices of espeak-ng, each saying a few sentences of its own in its own manner; none of no sentences."""
    if not sentences:
        return
    from trainer.recipes.phone_encoder.sentences import english
    from trainer.recipes.phone_encoder.speak import Espeak, Manner

    speaker = Espeak()
    for number, variant in enumerate(SYNTHETIC):
        waves = []
        for text in english(sentences, seed=100 + number):
            manner = Manner(rate=140 + 7 * (number % 9), pitch=30 + 5 * (number % 8), liveliness=50 + 4 * (number % 7))
            wave, rate = speaker.wave(text, f"en-us+{variant}", manner)
            waves.append(np.asarray(audio.resample(wave, rate, RATE) * (0.5 / np.abs(wave).max()), np.float32))
        yield waves
