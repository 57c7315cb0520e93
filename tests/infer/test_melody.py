from __future__ import annotations

import numpy as np
import pytest

from catalog.errors import BadRequest
from infer.melody import transposition
from infer.options import ConvertOptions

ALTO = {"f0_stats": {"p5": 160.0, "p50": 210.0, "p95": 300.0}}


def spread_over(low: float, high: float) -> np.ndarray:
    """Frames evenly spread over a range, with pauses."""
    f0 = np.geomspace(low, high, 500)
    return np.concatenate([f0, np.zeros(100)])


def test_auto_brings_a_range_into_that_of_the_model() -> None:
    shift = transposition(spread_over(80, 150), ConvertOptions(transpose="auto"), ALTO)
    assert 80 * 2 ** (shift / 12) >= 151
    assert 150 * 2 ** (shift / 12) <= 318
    assert abs(transposition(spread_over(160, 300), ConvertOptions(transpose="auto"), ALTO)) <= 1


def test_auto_goes_by_the_range_and_not_only_by_the_middle() -> None:
    # its middle lies below the model's, but brought up to it the highest third would be beyond what the model speaks
    skewed = np.concatenate([np.full(200, 190.0), np.geomspace(340, 350, 100)])
    shift = transposition(skewed, ConvertOptions(transpose="auto"), ALTO)
    assert 350 * 2 ** (shift / 12) <= 318
    assert 190 * 2 ** (shift / 12) >= 151


def test_a_song_moves_by_whole_octaves_so_that_it_stays_in_key() -> None:
    options = ConvertOptions(transpose="auto", song=True)
    assert transposition(spread_over(90, 160), options, ALTO) == 12
    assert transposition(spread_over(180, 260), options, ALTO) == 0


def test_semitones_that_are_given_are_taken_and_silence_stays() -> None:
    assert transposition(spread_over(80, 150), ConvertOptions(transpose=-2.5), {}) == -2.5
    assert transposition(np.zeros(10), ConvertOptions(transpose="auto"), ALTO) == 0


def test_auto_needs_a_card_that_says_how_high_the_model_speaks() -> None:
    with pytest.raises(BadRequest, match="give semitones"):
        transposition(spread_over(80, 150), ConvertOptions(transpose="auto"), {"f0_stats": None})
