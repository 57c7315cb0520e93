from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infer.cuts import Chunking, find_cuts, quietness
from infer.track import Track

CHUNKING = Chunking(pad=1, query=2, center=6, longest=8)
RATE = 16000


@pytest.fixture
def track(tmp_path: Path) -> Track:
    """Twenty seconds of noise with pauses at 5.2, 11.0 and 19.5 s."""
    audio = np.random.default_rng(0).standard_normal(20 * RATE) * 0.1
    for pause in (5.2, 11.0, 19.5):
        audio[int((pause - 0.1) * RATE) : int((pause + 0.1) * RATE)] *= 1e-3
    track = Track(tmp_path / "track", "float64")
    track.append(audio)
    return track


def test_cuts_fall_into_the_pauses(track: Track) -> None:
    cuts = np.array(find_cuts(track, CHUNKING)) / RATE
    assert np.abs(cuts - [5.2, 11.0, 19.5]).max() < 0.1


def test_cuts_lie_on_whole_frames_and_ascend(track: Track) -> None:
    cuts = find_cuts(track, CHUNKING)
    assert all(cut % 160 == 0 for cut in cuts)
    assert cuts == sorted(set(cuts))


def test_a_short_recording_is_not_cut(track: Track) -> None:
    assert find_cuts(track, Chunking(pad=1, query=2, center=6, longest=30)) == []


def test_quietness_is_the_sum_of_the_next_magnitudes() -> None:
    audio = np.random.default_rng(0).standard_normal(1000)
    assert quietness(audio)[3] == pytest.approx(np.abs(audio[3:163]).sum())


def test_a_cut_with_room_around_it_leaves_a_click_of_silence_alone_and_takes_the_pause(tmp_path: Path) -> None:
    audio = np.random.default_rng(0).standard_normal(9 * RATE) * 0.1
    audio[4 * RATE : 4 * RATE + 320] = 0
    audio[6 * RATE : 6 * RATE + 3200] *= 1e-3
    track = Track(tmp_path / "short", "float64")
    track.append(audio)
    chunking = Chunking(pad=1, query=2, center=5, longest=6)
    assert find_cuts(track, chunking)[0] / RATE == pytest.approx(4.0, abs=0.02)
    assert find_cuts(track, chunking, around=4)[0] / RATE == pytest.approx(6.1, abs=0.07)
