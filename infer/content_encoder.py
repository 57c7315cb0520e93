"""What a content encoder is: audio in, features 50 times a second out, and what is measured of a recording for it.

Separate from `content`, which knows which encoders there are and loads them, so that each of them can say what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Statistics:
    """What brings the features of one recording to a common ground, measured over its speech."""

    mean: Floats
    std: Floats
    gain: float
    """Factor that brings the recording to one loudness."""


class ContentEncoder(Protocol):
    """Turns audio into content features; the name, version and dim stand in the card of every model trained on it."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def measure(self, audio: Floats) -> Statistics | None:
        """Statistics of a recording, or of as much of it as there is; None where the encoder needs none."""

    def encode(self, audio: Floats, statistics: Statistics | None = None) -> Floats:
        """Features (T, dim) of audio (N,) at 16 kHz, T = (N - 400) // 320 + 1.

        `statistics` are those of the whole recording; without them the audio given stands for it.
        """
