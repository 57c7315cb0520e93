"""Where the features of a set come from and where they are kept, and what making them is asked of others.

Separate because both the features of the clips (`prepare`) and of their altered copies (`augment`) are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from catalog.records import SetClip
from infer.content_encoder import ContentEncoder
from trainer.cache import PackedStore

AUDIO_VERSION, F0_VERSION, CONTENT_VERSION = 1, 1, 1
"""To be raised when the code that computes a feature changes what it gives."""
RATE_16K = 16000
SHARD_S = 900.0
"""Seconds of audio whose features are stored together: a killed run loses no more, and few files stay open."""


class Progress(Protocol):
    """What is used of `catalog.jobs.JobReport`."""

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None: ...
    def warning(self, text: str) -> None: ...
    def stop_requested(self) -> bool: ...


@dataclass
class Sources:
    """Where features come from and are kept."""

    folder: Path
    """The set's folder."""
    features: Path
    """The folder of the caches."""
    weights: Path
    sample_rate: int
    encoder: ContentEncoder
    f0_method: str
    device: str
    audio: PackedStore = field(init=False)
    f0: PackedStore = field(init=False)
    content: PackedStore = field(init=False)
    measures: bool = field(init=False)
    """Whether the encoder normalises by statistics of a recording, so that features depend on all of its clips."""

    def __post_init__(self) -> None:
        encoder = f"{self.encoder.name}-{self.encoder.version}"
        self.audio = PackedStore(self.features / f"audio-{self.sample_rate}-v{AUDIO_VERSION}")
        self.f0 = PackedStore(self.features / f"f0-{self.f0_method}-v{F0_VERSION}")
        self.content = PackedStore(self.features / f"content-{encoder}-v{CONTENT_VERSION}")
        self.measures = self.encoder.measure(np.zeros(RATE_16K, np.float32)) is not None

    def place(self, clip: SetClip) -> Path:
        """The clip's file."""
        return self.folder / clip.file


class Stopped(Exception):
    """A clean end was asked for while features were being made."""
