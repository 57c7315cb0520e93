"""Example recordings for the demo, made rather than shipped: a synthetic voice in rooms that go wrong.

Separate from the walk through the commands because the making of sound is of no concern to it. What is
drawn at random here comes from fixed seeds; only the synthesizer's own breath noise differs from run to run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from trainer.recipes.phone_encoder.sentences import english
from trainer.recipes.phone_encoder.speak import Espeak, Manner

Audio = NDArray[np.float32]
RATE = 44100
FULL_SCALE = 0.98
"""Where the converter of this room flattens what is louder."""
TARGET_VOICE, SOURCE_VOICE = "en-us+f3", "en-us+m7"
TARGET, SOURCE = "alto", "bass"


@dataclass(frozen=True)
class Scene:
    """One recording of the target voice: how much is said and what the room does to it."""

    file: str
    sentences: int
    noise_dbfs: float
    hum_dbfs: float | None = None
    visitor: bool = False
    """A second voice talks over some of the sentences."""
    clipped: bool = False
    """Some of the sentences are too loud for the converter."""


SCENES = (
    Scene("studio.wav", 34, noise_dbfs=-72),
    Scene("kitchen.flac", 16, noise_dbfs=-46, hum_dbfs=-44),
    Scene("visitors.m4a", 14, noise_dbfs=-62, visitor=True),
    Scene("loud.aiff", 12, noise_dbfs=-60, clipped=True),
)


def make(folder: Path, scenes: Sequence[Scene] = SCENES) -> tuple[list[Path], Path]:
    """Write the raw recordings of the target voice and one file of the other voice; give their paths.

    Files that are there already are left as they are.
    """
    raw = folder / TARGET
    raw.mkdir(parents=True, exist_ok=True)
    speaker = Espeak()
    sentences = list(english(sum(scene.sentences for scene in scenes) + 4, seed=7))
    paths = []
    for number, scene in enumerate(scenes):
        said, sentences = sentences[: scene.sentences], sentences[scene.sentences :]
        paths.append(raw / scene.file)
        if not paths[-1].exists():
            write(paths[-1], record(speaker, scene, said, np.random.default_rng(number)))
    source = folder / f"{SOURCE}.wav"
    if not source.exists():
        rng = np.random.default_rng(99)
        take = np.concatenate(
            [piece for text in sentences for piece in (voice(speaker, text, SOURCE_VOICE, rng), gap(rng))]
        )
        write(source, (0.5 * take + noise(rng, len(take), -72)).astype(np.float32))
    return paths, source


def record(speaker: Espeak, scene: Scene, sentences: list[str], rng: np.random.Generator) -> Audio:
    """One scene: the sentences with pauses, and what the room adds."""
    pieces: list[Audio] = [gap(rng)]
    for number, text in enumerate(sentences):
        piece = 0.5 * voice(speaker, text, TARGET_VOICE, rng)
        if scene.visitor and number % 4 == 3:
            other = 0.45 * voice(speaker, sentences[number - 1], SOURCE_VOICE, rng)
            length = max(len(piece), len(other))
            piece = np.pad(piece, (0, length - len(piece))) + np.pad(other, (0, length - len(other)))
        if scene.clipped and number % 3 == 2:
            piece = 6.0 * piece
        pieces += [piece, gap(rng)]
    take = np.concatenate(pieces)
    take = take + noise(rng, len(take), scene.noise_dbfs)
    if scene.hum_dbfs is not None:
        take = take + hum(len(take), scene.hum_dbfs)
    return np.clip(take, -FULL_SCALE, FULL_SCALE).astype(np.float32)


def voice(speaker: Espeak, text: str, name: str, rng: np.random.Generator) -> Audio:
    """One sentence, each a little different in pace and pitch, peak 0.9."""
    manner = Manner(
        rate=int(rng.integers(150, 185)), pitch=int(rng.integers(42, 60)), liveliness=int(rng.integers(40, 75))
    )
    wave, rate = speaker.wave(text, name, manner)
    audio = soxr.resample(wave, rate, RATE).astype(np.float32)
    return np.asarray(0.9 * audio / np.abs(audio).max(), dtype=np.float32)


def gap(rng: np.random.Generator) -> Audio:
    """A pause between sentences."""
    return np.zeros(int(RATE * rng.uniform(0.25, 0.9)), dtype=np.float32)


def noise(rng: np.random.Generator, samples: int, dbfs: float) -> Audio:
    """Room tone: noise that falls by 6 dB an octave, at a level."""
    white = rng.standard_normal(samples).astype(np.float32)
    spectrum = np.fft.rfft(white)
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    tone = np.fft.irfft(spectrum / np.maximum(frequency, 100.0), samples)
    return np.asarray(tone / np.sqrt(np.mean(tone**2)) * 10 ** (dbfs / 20), dtype=np.float32)


def hum(samples: int, dbfs: float) -> Audio:
    """Mains hum at 50 Hz with its first harmonics."""
    time = np.arange(samples) / RATE
    tone = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 4))
    return np.asarray(tone / np.sqrt(np.mean(tone**2)) * 10 ** (dbfs / 20), dtype=np.float32)


def write(path: Path, audio: Audio) -> None:
    """Write in the format of the suffix, whole or not at all; m4a goes through PyAV, the rest through libsndfile."""
    beside = path.with_stem(f".{path.stem}")
    if path.suffix == ".m4a":
        write_m4a(beside, audio)
    else:
        subtype = "PCM_24" if path.suffix in (".wav", ".flac", ".aiff") else None
        with soundfile.SoundFile(beside, "w", RATE, 1, subtype=subtype) as file:
            # libsndfile's Vorbis encoder overruns its stack on one long write.
            for start in range(0, len(audio), RATE):
                file.write(audio[start : start + RATE])
    os.replace(beside, path)


def write_m4a(path: Path, audio: Audio) -> None:
    """AAC at 128 kbit/s, as telephones record."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=RATE)
        stream.bit_rate, stream.layout = 128_000, "mono"
        frame = av.AudioFrame.from_ndarray(audio[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
