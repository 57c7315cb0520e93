"""The training material: who says how much, brought to mel frames, labels and soft labels on disk.

Apart from the training because it is made once, in minutes, and read by every run after.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.errors import BadRequest
from infer.phone_encoder import EncoderShape, LogMel, level_gain
from trainer.recipes.phone_encoder import sentences
from trainer.recipes.phone_encoder.align import SENONES, Aligner, Teacher, read_speech, real_recordings
from trainer.recipes.phone_encoder.labels import UNKNOWN, Segment, Utterance, frame_labels
from trainer.recipes.phone_encoder.speak import Espeak, Manner, flite_program, say_flite

FLITE_VOICES = ("slt", "kal16", "awb", "rms")
HELD_OUT_VOICES = ("awb", "rms")
"""flite voices that only the measuring uses, unless others are asked for."""

_ACCENTS = ("en-us", "en-us", "en-us", "en-gb-x-rp")
_VARIANTS = """
f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 klatt klatt2 klatt3 klatt4 Alex Alicia Andrea Andy Annie Diogo Gene
Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen Reed RicishayMax Storm adam anika announcer antonio
aunty belinda benjamin boris caleb croak david ed edward grandma grandpa gustave ian iven john kaukovalta
linda marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph travis victor
whisper zac
"""
_SHIFTS = ((0.55, 0.9), (0.7, 1.12), (1.3, 0.86), (1.8, 1.08), (2.6, 1.0), (0.85, 1.2))
"""Factors for pitch and formants of the re-synthesised copies of real speech."""


@dataclass(frozen=True)
class Amount:
    """How many sentences each source says."""

    espeak_per_variant: int = 60
    espeak_foreign: int = 120
    flite_per_voice: int = 700
    real_copies: int = 4


@dataclass(frozen=True)
class Material:
    """One source as one long run of 10 ms frames: mel (F, mels), labels (F,), soft labels (F, 126) or nothing."""

    mel: NDArray[np.float16]
    labels: NDArray[np.int16]
    taught: NDArray[np.float16] | None
    versions: NDArray[np.int64] | None = None
    """First frames (R, V) of a recording and its copies, equally long and one after the other, or nothing."""


@lru_cache(maxsize=1)
def _front() -> LogMel:
    return LogMel(EncoderShape().mels)


def mel_of(audio: NDArray[np.float32]) -> NDArray[np.float16]:
    """Mel frames (M, mels) of audio at 16 kHz, brought to the loudness that the encoder brings audio to."""
    wave = torch.from_numpy(audio)[None]
    with torch.no_grad():
        found = _front()(wave * level_gain(wave))[0]
    return np.asarray(found.numpy(), np.float16)


def gather(parts: Iterable[tuple[Utterance, NDArray[np.float16] | None]], *, taught: bool, copies: int = 0) -> Material:
    """Utterances, each with its soft labels when `taught`, joined into one material; `copies` follow each recording."""
    mels, labels, soft = [], [], []
    for utterance, lesson in parts:
        mel = mel_of(utterance.audio)
        mels.append(mel)
        labels.append(frame_labels(utterance.segments, len(mel)))
        if taught:
            row = np.zeros((len(mel), SENONES), np.float16) if lesson is None else lesson[: len(mel)]
            soft.append(np.pad(row, ((0, len(mel) - len(row)), (0, 0))))
    joined = np.concatenate(soft) if taught else None
    starts = np.cumsum([0, *map(len, mels[:-1])]).astype(np.int64)
    versions = starts.reshape(-1, 1 + copies) if copies else None
    return Material(np.concatenate(mels), np.concatenate(labels), joined, versions)


def spoken_by_espeak(amount: Amount, seed: int) -> Iterator[tuple[Utterance, None]]:
    """English by every variant of two accents, and some German, Spanish and Italian, at changing pace and pitch."""
    chance = random.Random(seed)
    synthesizer = Espeak()
    for variant in _VARIANTS.split():
        for text in sentences.english(amount.espeak_per_variant, chance.randrange(1 << 30)):
            voice = f"{chance.choice(_ACCENTS)}+{variant}"
            yield synthesizer.say(text, voice, _manner(chance)), None
    for language in sentences.LANGUAGES:
        for text in sentences.other(language, amount.espeak_foreign, chance.randrange(1 << 30)):
            yield synthesizer.say(text, f"{language}+{chance.choice(_VARIANTS.split())}", _manner(chance)), None


def _manner(chance: random.Random) -> Manner:
    return Manner(chance.randint(110, 240), chance.randint(5, 95), chance.randint(10, 90))


def spoken_by_flite(
    amount: Amount, seed: int, teacher: Teacher | None, voices: Sequence[str]
) -> Iterator[tuple[Utterance, NDArray[np.float16] | None]]:
    """English by flite's training `voices` at changing pace and pitch."""
    chance = random.Random(seed)
    for voice in voices:
        for text in sentences.english(amount.flite_per_voice, chance.randrange(1 << 30)):
            f0 = 75.0 * 2.0 ** chance.uniform(0.0, 2.3) if chance.random() < 0.7 else None
            said = say_flite(text, voice, f0=f0, stretch=chance.uniform(0.75, 1.5))
            yield said, _lesson(said.audio, teacher)


def _lesson(audio: NDArray[np.float32], teacher: Teacher | None) -> NDArray[np.float16] | None:
    return teacher.listen(audio, len(audio) // 160) if teacher else None


def spoken_by_people(
    folder: Path, copies: int, teacher: Teacher | None
) -> Iterator[tuple[Utterance, NDArray[np.float16] | None]]:
    """Real recordings, aligned where their text is known, each followed by `copies` with moved pitch and formants."""
    aligner = Aligner()
    for number, (path, text, speaker) in enumerate(real_recordings(folder)):
        audio = read_speech(path)
        segments = (aligner.align(audio, text) if text else None) or (Segment(None, 0.0, len(audio) / 16000),)
        spoken = Utterance(audio, segments, f"real/{speaker}", text)
        lesson = _lesson(audio, teacher)
        yield spoken, lesson
        for copy in range(copies):
            pitch, formants = _SHIFTS[(number + copy) % len(_SHIFTS)]
            yield replace(spoken, audio=shift_voice(audio, pitch, formants)), lesson


def shift_voice(audio: NDArray[np.float32], pitch: float, formants: float) -> NDArray[np.float32]:
    """Speech at 16 kHz with f0 times `pitch` and the spectral envelope stretched by `formants`, by WORLD."""
    import pyworld

    wave = audio.astype(np.float64)
    f0, times = pyworld.dio(wave, 16000)
    f0 = pyworld.stonemask(wave, f0, times, 16000)
    envelope = pyworld.cheaptrick(wave, f0, times, 16000)
    breath = pyworld.d4c(wave, f0, times, 16000)
    bins = envelope.shape[1]
    source = np.clip(np.arange(bins) / formants, 0, bins - 1)
    low = np.minimum(source.astype(int), bins - 2)
    share = source - low
    moved = envelope[:, low] * (1 - share) + envelope[:, low + 1] * share
    made = pyworld.synthesize(f0 * pitch, np.ascontiguousarray(moved), breath, 16000)
    return np.pad(made, (0, max(0, len(audio) - len(made))))[: len(audio)].astype(np.float32)


def save(material: Material, path: Path) -> None:
    """Writes one material as a folder of arrays, so that training can map it instead of reading it."""
    path.mkdir(parents=True, exist_ok=True)
    np.save(path / "mel.npy", material.mel)
    np.save(path / "labels.npy", material.labels)
    if material.taught is not None:
        np.save(path / "taught.npy", material.taught)
    if material.versions is not None:
        np.save(path / "versions.npy", material.versions)


def load(path: Path) -> Material:
    """One material written by `save`, mapped from disk."""
    taught, versions = path / "taught.npy", path / "versions.npy"
    return Material(
        np.load(path / "mel.npy", mmap_mode="r"),
        np.load(path / "labels.npy", mmap_mode="r"),
        np.load(taught, mmap_mode="r") if taught.exists() else None,
        np.load(versions) if versions.exists() else None,
    )


def training_voices(held_out: Sequence[str]) -> list[str]:
    """flite's voices without those held out; raises BadRequest for one that flite does not have."""
    if strange := [voice for voice in held_out if voice not in FLITE_VOICES]:
        raise BadRequest(f"flite has no voice {', '.join(strange)}; it has {', '.join(FLITE_VOICES)}")
    return [voice for voice in FLITE_VOICES if voice not in held_out]


def sources(
    amount: Amount, people: dict[str, Path], seed: int, voices: Sequence[str], *, teach: bool
) -> dict[str, Callable[[], Material]]:
    """How to make each material that can be had on this machine, by name; flite speaks with `voices`.

    `people` are folders with a table speech.csv, real or crowd: of a crowd each recording is copied once.
    """
    listener = Teacher() if teach else None
    found: dict[str, Callable[[], Material]] = {"espeak": lambda: gather(spoken_by_espeak(amount, seed), taught=False)}
    if flite_program():
        found["flite"] = lambda: gather(spoken_by_flite(amount, seed + 1, listener, voices), taught=teach)
    for name, folder in people.items():
        copies = 1 if name == "crowd" else amount.real_copies
        found[name] = partial(_people, folder, copies, listener)
    return found


def _people(folder: Path, copies: int, teacher: Teacher | None) -> Material:
    return gather(spoken_by_people(folder, copies, teacher), taught=teacher is not None, copies=copies)


def seconds(material: Material) -> float:
    """Length of a material in seconds."""
    return len(material.labels) / 100.0


def labelled_share(material: Material) -> float:
    """The share of frames that have a phone."""
    return float(np.mean(np.asarray(material.labels) != UNKNOWN))
