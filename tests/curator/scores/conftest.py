"""Clips made of samples and tracks, without a file or a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from curator.activity import Tracks
from curator.frames import frames_of
from curator.pitch import Pitch
from curator.scores.clip_audio import ClipAudio, Placed, Scorer

MakeClip = Callable[..., ClipAudio]
Values = Callable[[Scorer, ClipAudio], dict[str, float]]


@pytest.fixture
def make_clip() -> MakeClip:
    """A clip from samples; speech where `spoken` (seconds, pairs) says, at `level` dBFS over `floor`."""

    def make(
        wave: NDArray[np.float32],
        rate: int = 16_000,
        *,
        spoken: tuple[tuple[float, float], ...] | None = None,
        level: float = -20.0,
        floor: float = -60.0,
        clip: tuple[float, float] | None = None,
        pitch: Pitch | None = None,
    ) -> ClipAudio:
        frames = frames_of(len(wave), rate)
        spans = ((0.0, frames / 100),) if spoken is None else spoken
        probability, levels = np.zeros(frames, np.float32), np.full(frames, floor, np.float32)
        for start, end in spans:
            probability[round(start * 100) : round(end * 100)] = 0.95
            levels[round(start * 100) : round(end * 100)] = level
        start, end = clip or (0.0, len(wave) / rate)
        part = wave[round(start * rate) : round(end * rate)]
        return ClipAudio(part, rate, round(start * rate), Tracks(probability, levels, len(wave), rate), pitch)

    return make


@pytest.fixture
def values() -> Values:
    """What a scorer says of a clip, without the places."""

    def of(scorer: Scorer, clip: ClipAudio) -> dict[str, float]:
        found = {
            name: value.value if isinstance(value, Placed) else value for name, value in scorer.compute(clip).items()
        }
        return {name: value for name, value in found.items() if isinstance(value, float)}

    return of
