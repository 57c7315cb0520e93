"""What `benchmarks.better` converts, the voice that it is converted with, and what is counted of each clip.

Separate because every measure of an option is made with the same clips and the same bench.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import voice as peers
from catalog import audio
from infer import f0 as f0s
from infer.convert import Conversion
from infer.cuts import FRAME, Chunking
from infer.options import ConvertOptions
from infer.phone_encoder import PAUSE, PHONES, load_phone_encoder
from infer.track import Track
from infer.voice import Voice

RATE = 16000
NOISE_DB = 15.0
TARGET, SPEECH = "speech_single/kathleen_en_f", "speech_single/misc/*.wav"
SUNG = ("singing/csd_en001b.mp3", "singing/doremi.wav", "singing/sms_carnatic.flac", "singing/sms_singing-female.flac")
NOISE = "noise/sms-tools_rain.flac"
SUNG_S = 8
JUDGE = "pm"
"""The f0 method that measures, which is not the one that converts."""
WRONG_ST = 6.0

Wave = np.ndarray[Any, np.dtype[np.float32]]


@dataclass
class Clip:
    """A source, and what is known of it."""

    wave: Wave
    """(N,) at 16 kHz."""
    clean: Wave
    """The same before noise was added."""

    def __post_init__(self) -> None:
        self.f0 = f0s.extract(self.clean, JUDGE)
        self.heard: tuple[Any, list[str]] | None = None


@dataclass(frozen=True)
class Made:
    """A clip in the voice."""

    wave: Wave
    """(N,) at the voice's rate."""
    narrow: Wave
    """(N,) at 16 kHz."""
    semitones: float


@dataclass
class Bench:
    """What every line is made with."""

    voice: Voice
    folder: Path
    embed: Callable[[Path], Any]
    target: Any
    hear: Callable[[Wave], tuple[Any, list[str]]]

    def __post_init__(self) -> None:
        self.encoder = load_phone_encoder()

    def frames(self, wave: Wave) -> Any:
        """The phone that the embedded encoder hears in each frame of a wave at 16 kHz."""
        return self.encoder.posteriors(torch.from_numpy(wave))[0].argmax(-1).numpy()

    def convert(self, wave: Wave, options: ConvertOptions, chunking: Chunking | None = None) -> Made:
        """A wave at 16 kHz in the voice."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            source = Track(Path(name) / "source")
            source.append(wave)
            conversion = Conversion(self.voice, options, Path(name), chunking=chunking)
            track, rate = conversion.run(source)
            out = np.array(track.read(0, len(track)), np.float32)
            conversion.close()
            source.close()
        return Made(out, audio.resample(out, rate, RATE), conversion.semitones)

    def judge(self, clip: Clip, made: Made) -> dict[str, float]:
        """Sums over frames and phones of one clip."""
        path = self.folder / "made.wav"
        audio.write_wav(path, made.wave / max(1.0, float(np.abs(made.wave).max())), self.voice.sample_rate)
        embedding = self.embed(path)
        similarity = float(embedding @ self.target / np.linalg.norm(embedding) / np.linalg.norm(self.target))
        found = f0s.extract(made.narrow, JUDGE)
        count = min(len(found), len(clip.f0))
        both = (found[:count] > 0) & (clip.f0[:count] > 0)
        off = np.abs(12 * np.log2(found[:count][both] / clip.f0[:count][both]) - made.semitones)
        clip.heard = clip.heard or self.hear(clip.clean)
        (before, wanted), (after, heard) = clip.heard, self.hear(made.narrow)
        count = min(len(before), len(after))
        speech = before[:count] != PHONES.index(PAUSE)
        return {
            "seconds": len(clip.wave) / RATE,
            "similarity": similarity * len(clip.wave) / RATE,
            "both": float(both.sum()),
            "off": float(np.median(off)) * float(both.sum()),
            "wrong": float((off > WRONG_ST).sum()),
            "speech": float(speech.sum()),
            "same": float((before[:count] == after[:count])[speech].sum()),
            "wanted": float(len(wanted)),
            "in order": peers.in_order(wanted, heard) / 100 * len(wanted),
        }


def cases(folder: Path) -> dict[str, list[Clip]]:
    """What is converted."""
    speech = [read(path) for path in sorted(folder.glob(SPEECH))]
    sung = [read(folder / path)[: SUNG_S * RATE] for path in SUNG]
    noise = read(folder / NOISE)
    return {
        "speech": [Clip(wave, wave) for wave in speech],
        "speech in rain": [Clip(noisy(wave, noise, NOISE_DB), wave) for wave in speech],
        "singing": [Clip(wave, wave) for wave in sung],
    }


def read(path: Path) -> Wave:
    """A file at 16 kHz."""
    wave, rate = audio.read(path)
    return np.asarray(audio.resample(wave, rate, RATE), np.float32)


def noisy(wave: Wave, noise: Wave, snr_db: float) -> Wave:
    """`wave` with `noise` so far below its louder parts."""
    noise = np.resize(noise, len(wave))
    loud = np.percentile(np.square(wave).reshape(-1, 1)[: len(wave) // FRAME * FRAME].reshape(-1, FRAME).mean(1), 90)
    gain = np.sqrt(loud / 10 ** (snr_db / 10) / np.mean(np.square(noise)))
    return np.asarray(wave + gain * noise, np.float32)
