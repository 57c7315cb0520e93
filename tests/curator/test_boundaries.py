from __future__ import annotations

import numpy as np
import pytest

from curator import boundaries
from curator.activity import Tracks

SPEECH_DB, NOISE_DB, RATE = -20.0, -70.0, 16_000


def spoken(gaps: list[tuple[int, int]], frames: int = 600) -> Tracks:
    """Loud speech but for some gaps, frames [first, last)."""
    level = np.full(frames, SPEECH_DB, np.float32)
    level[:50] = level[-50:] = NOISE_DB
    for first, last in gaps:
        level[first:last] = NOISE_DB
    probability = np.where(np.convolve(level > -50, np.ones(9), "same") > 0, np.float32(0.95), np.float32(0))
    return Tracks(probability, level, frames * RATE // 100, RATE, "speech", level - 15)


def test_a_cut_in_a_gap_is_between_words_and_one_in_loud_speech_inside_of_one() -> None:
    found = boundaries.inside(spoken([(300, 308)]), 0, 600)
    assert found.shape == (600,)
    assert found[302:307].max() < 0.2
    assert found[100:280].min() > 0.9


def test_the_answer_for_a_cut_is_the_same_in_any_stretch_of_the_recording() -> None:
    tracks = spoken([(200, 206), (400, 409)])
    whole = boundaries.inside(tracks, 0, 600)
    np.testing.assert_allclose(boundaries.inside(tracks, 150, 450), whole[150:450], atol=1.01 / boundaries.STEPS)
    assert len(boundaries.inside(tracks, 600, 600)) == 0


def test_what_is_seen_at_the_ends_repeats_the_outermost_frames() -> None:
    tracks = spoken([])
    seen = boundaries.windows(tracks, 0, 600)
    assert seen.shape == (600, boundaries.INPUTS)
    level = seen[:, : 2 * boundaries.REACH]
    assert (level[0, : boundaries.REACH] == level[0, boundaries.REACH]).all()
    assert (level[-1, boundaries.REACH :] == level[-1, -1]).all()
    assert level[300] == pytest.approx(0.0)


def test_tracks_without_the_level_above_2_khz_are_refused() -> None:
    tracks = Tracks(np.ones(100, np.float32), np.full(100, -20, np.float32), RATE, RATE)
    with pytest.raises(ValueError, match="2 kHz"):
        boundaries.inside(tracks, 0, 100)
