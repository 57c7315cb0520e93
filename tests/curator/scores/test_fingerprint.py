from __future__ import annotations

import numpy as np
import pytest

from curator.scores.duplicates import Duplicates
from curator.scores.fingerprint import KEPT, Fingerprint, agreement, fingerprint

RATE = 16_000


@pytest.fixture
def melody() -> np.ndarray:
    random = np.random.default_rng(4)
    time = np.arange(round(0.12 * RATE)) / RATE
    notes = [
        sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, 12)) * np.hanning(len(time))
        for hz in random.uniform(120, 400, 60)
    ]
    return (0.1 * np.concatenate(notes) + 0.001 * random.normal(size=60 * len(time))).astype(np.float32)


def test_a_fingerprint_is_kept_in_six_bytes_a_pair(melody) -> None:
    found = fingerprint(melody)
    again = Fingerprint.unpacked(found.packed())
    assert len(found.pairs) <= KEPT
    assert len(found.packed()) == 6 * len(found.pairs)
    assert np.array_equal(again.pairs, found.pairs)
    assert np.array_equal(again.frames, found.frames)


def test_a_take_agrees_with_itself_later_and_nowhere_else(melody) -> None:
    pairs, elsewhere = agreement(fingerprint(melody), fingerprint(melody[256 * 80 :]))
    assert pairs > 60
    assert elsewhere < pairs / 4


def test_gain_changes_no_pair(melody) -> None:
    assert np.array_equal(fingerprint(melody).pairs, fingerprint(melody * np.float32(0.125)).pairs)


def test_only_what_is_spoken_counts(make_clip, melody) -> None:
    half = len(melody) / RATE / 2
    spoken = Duplicates().compute(make_clip(melody, spoken=((0.0, half),)))["duplicates"]
    found = Fingerprint.unpacked(spoken)
    assert found.frames.max() * 0.016 < half
    assert Duplicates().compute(make_clip(melody, spoken=())) == {}
