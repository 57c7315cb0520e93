from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infer.track import Track


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_reading_beyond_the_ends_mirrors_the_track(tmp_path: Path, length: int) -> None:
    samples = np.arange(1.0, length + 1)
    track = Track(tmp_path / "track", "float64")
    track.append(samples)
    mirrored = np.pad(samples, 60, mode="reflect" if length > 1 else "edge")
    assert np.array_equal(track.read_mirrored(-60, length + 60), mirrored)
    assert np.array_equal(track.read_mirrored(-60, -10), mirrored[:50])
    assert np.array_equal(track.read_mirrored(length + 10, length + 60), mirrored[-50:])


def test_what_is_appended_in_pieces_reads_as_one(tmp_path: Path) -> None:
    track = Track(tmp_path / "track")
    samples = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    for start in range(0, 1000, 130):
        track.append(samples[start : start + 130])
        track.read(0, len(track))
    assert np.array_equal(track.read(100, 900), samples[100:900])
    assert track.peak == pytest.approx(np.abs(samples).max())
    assert len(track) == 1000
