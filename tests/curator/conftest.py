"""What the tests of ingest share: a voice made of harmonics, recordings of it, and tracks without any sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.records import Activity

Wave = NDArray[np.float32]
Sing = Callable[..., Wave]
Take = Callable[..., Wave]


@pytest.fixture(scope="session")
def sing() -> Sing:
    """A sung note: harmonics that fall off, vibrato of 50 cents, peak 0.5."""

    def note(seconds: float, *, hz: float = 220.0, rate: int = 16_000, peak: float = 0.5) -> Wave:
        time = np.arange(round(seconds * rate)) / rate
        phase = 2 * np.pi * np.cumsum(hz * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5.5 * time))) / rate
        wave = sum(np.sin(k * phase) / k for k in range(1, 13) if k * hz < rate / 2.2)
        edge = np.minimum(1, np.minimum(time, time[::-1]) / 0.02)
        return np.asarray(wave / max(np.abs(wave).max(initial=0), 1e-9) * edge * peak, np.float32)

    return note


@pytest.fixture(scope="session")
def take(sing: Sing) -> Take:
    """A recording: notes and pauses in turn (seconds), over a room tone in dBFS."""

    def record(parts: Sequence[float], *, rate: int = 16_000, room_dbfs: float = -60, hz: float = 220.0) -> Wave:
        pieces = [
            sing(seconds, rate=rate, hz=hz) if place % 2 == 0 else np.zeros(round(seconds * rate), np.float32)
            for place, seconds in enumerate(parts)
        ]
        wave = np.concatenate(pieces)
        tone = np.random.default_rng(1).normal(0, 10 ** (room_dbfs / 20), len(wave))
        return (wave + tone).astype(np.float32)

    return record


@pytest.fixture
def activity_of() -> Callable[[NDArray[np.float64], NDArray[np.float64]], Activity]:
    """A stored activity from probabilities (32 ms) and levels (10 ms, dBFS)."""

    def make(probability: NDArray[np.float64], level: NDArray[np.float64]) -> Activity:
        steps = np.clip(np.round((level + 120) * 2), 0, 255).astype(np.uint8)
        return Activity("test", 0.032, np.round(probability * 255).astype(np.uint8).tobytes(), 0.01, steps.tobytes())

    return make
