"""What tests share: a voice made of harmonics, recordings of it, tracks without sound, and a library to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.library import Library
from catalog.records import Activity, Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store

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


@pytest.fixture
def told_by_noise(library: Library) -> Callable[..., Library]:
    """Six recordings of forty clips whose snr_db says it all; those of a filter are decided: accepted above 25 dB."""

    def fill(*, decided: str, seed: int) -> Library:
        rng = np.random.default_rng(seed)
        spans = [(n * 6 * 16_000, (n + 1) * 6 * 16_000) for n in range(40)]
        with Store(library) as store:
            for number in range(6):
                digest = f"{number:x}".ljust(64, "a")
                recording = Recording(
                    digest[:16], digest, f"/voices/{number}.wav", "alto", 16_000, 1, spans[-1][1], "WAV/PCM_16", 9
                )
                clips = [Clip(clip_id(recording.id, *span), recording.id, *span) for span in spans]
                scorings = [Scoring(clip.id, {"snr_db": float(rng.normal(25, 8))}, {"sample": 1}) for clip in clips]
                store.take_in(Analysis(recording, None, clips, [], scorings, "test"))
            table = store.clip_table(where=decided).to_pylist()
            store.decide([row["id"] for row in table if row["snr_db"] > 25], "accepted")
            store.decide([row["id"] for row in table if row["snr_db"] <= 25], "rejected")
        return library

    return fill
