"""What the tests of the catalogue share: analyses as a worker would return them, and stores that are closed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.library import Library
from catalog.records import Activity, Analysis, Clip, LeftOut, Recording, Scoring, SetClip, SetInfo, clip_id
from catalog.store import Store

RATE = 48000
MakeAnalysis = Callable[..., Analysis]


@pytest.fixture
def store(library: Library) -> Iterator[Store]:
    """A store on an empty library."""
    with Store(library) as opened:
        yield opened


@pytest.fixture
def make_analysis() -> MakeAnalysis:
    """An analysis of a recording with `count` clips of 6 s and some scores; `content` decides its hash."""

    def make(content: str = "one", *, path: str | None = None, speaker: str = "anna", count: int = 5) -> Analysis:
        digest = hashlib.sha256(content.encode()).hexdigest()
        recording = Recording(
            id=digest[:16],
            sha256=digest,
            path=path or str(Path("/recordings") / f"{content}.wav"),
            speaker=speaker,
            sample_rate=RATE,
            channels=1,
            samples=(6 * count + 4) * RATE,
            format="WAV/PCM_16",
            bytes=1000,
        )
        spans = [(6 * n * RATE, 6 * (n + 1) * RATE) for n in range(count)]
        clips = [Clip(clip_id(recording.id, start, end), recording.id, start, end) for start, end in spans]
        scorings = [
            Scoring(clip.id, {"snr_db": 10.0 * n, "f0_median_hz": 200.0, "mos": None}, {"noise": 1, "pitch": 2})
            for n, clip in enumerate(clips)
        ]
        return Analysis(
            recording=recording,
            activity=Activity(
                *("silero-6", 0.032, bytes(range(50)), 0.01, bytes(range(100)), 0.016, bytes(range(99))),
                bytes(range(100, 200)),
            ),
            clips=clips,
            left_out=[LeftOut(6 * count * RATE, recording.samples, "silence")],
            scorings=scorings,
            slicer="dp-1 min=5 max=15",
        )

    return make


def a_set(analysis: Analysis, name: str = "first") -> tuple[SetInfo, list[SetClip]]:
    """A frozen set of the first clip of a recording."""
    clip = analysis.clips[0]
    recording = analysis.recording
    entry = SetClip(
        clip.id,
        recording.id,
        recording.sha256,
        recording.speaker,
        clip.start,
        clip.end,
        48000,
        "clips/a.flac",
        "0",
        0.5,
    )
    return SetInfo("s" * 64, name, 1, 6.0, (recording.speaker,), "2026-01-02T03:04:05Z"), [entry]


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with store._reading() as cursor:
        tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        return {name: cursor.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for (name,) in tables}
