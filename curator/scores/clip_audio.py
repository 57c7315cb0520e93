"""What a scorer is given, and what it must be.

Separate so that every score is computed from the same arrays, decoded once, and a new score is one new module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from catalog.audio import resample
from catalog.records import Place, ScoreValue
from curator import pitch
from curator.activity import Tracks
from curator.frames import FRAME_S, FRAMES_A_SECOND, Bools
from curator.pitch import Pitch

Floats = npt.NDArray[np.float32]


class Placed(NamedTuple):
    """A score together with the place in the clip where it is worst."""

    value: ScoreValue
    place: Place | None


Found = ScoreValue | Placed | bytes
"""A score, a score with its place, or (under the scorer's own name) a feature kept for comparing clips."""


@dataclass(frozen=True)
class ClipAudio:
    """One clip: its samples at the recording's rate, and what is known of the recording around it."""

    wave: Floats
    """Mono, (samples,)."""
    rate: int
    start: int
    """First sample of the clip in its recording."""
    tracks: Tracks
    """Of the whole recording."""
    recording_pitch: Pitch | None = None
    """Of the whole recording, where it was measured in passing; otherwise the clip's own is measured."""

    @property
    def end(self) -> int:
        """The sample after the clip's last."""
        return self.start + len(self.wave)

    @cached_property
    def frames(self) -> slice:
        """The 10 ms frames of the recording that lie in the clip."""
        first = round(self.start * FRAMES_A_SECOND / self.rate)
        last = round(self.end * FRAMES_A_SECOND / self.rate)
        return slice(first, min(max(last, first + 1), len(self.tracks.level)))

    @property
    def speech(self) -> Bools:
        """Frames of the clip with speech, (frames,)."""
        return self.tracks.speech[self.frames]

    @cached_property
    def at_16k(self) -> Floats:
        """The clip at 16 kHz, (samples,)."""
        return resample(self.wave, self.rate, pitch.RATE)

    @cached_property
    def pitch(self) -> Pitch:
        """f0 of the clip, a frame every 16 ms."""
        if self.recording_pitch is None:
            return pitch.measure(self.at_16k)
        return self.recording_pitch.between(self.start / self.rate, self.end / self.rate)

    @cached_property
    def voiced(self) -> Bools:
        """Frames of the clip (10 ms) that are voiced."""
        count = self.frames.stop - self.frames.start
        return self.pitch.on_grid(count, FRAME_S).confidence >= pitch.VOICED


class Scorer(Protocol):
    """One family of scores."""

    @property
    def name(self) -> str:
        """The family, under which its version is kept."""

    @property
    def version(self) -> int:
        """Raised whenever the same clip may score differently."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of `catalog.records.SCORES`."""

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """The clip's scores by column; None where the score does not hold for this clip.

        A score that can say where in the clip it is worst is `Placed`: a range of seconds from the clip's start (see
        `curator.scores.places`), found in the same pass.
        """
