"""Statistics that outliers hardly move."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.outliers import above, beyond, distances, spread


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_spread_is_a_standard_deviation_and_a_tenth_of_outliers_hardly_moves_it(chance) -> None:
    values = chance.normal(5.0, 2.0, 2000)
    assert spread(values) == pytest.approx(2.0, rel=0.08)
    values[:200] = 1000.0
    assert spread(values) == pytest.approx(2.0, rel=0.25)
    assert np.median(above(values)) == pytest.approx(0.0)


def test_spreads_are_not_taken_to_be_smaller_than_they_may_be() -> None:
    assert above(np.array([1.0, 1.0, 1.0, 1.5]), 0.5).tolist() == [0.0, 0.0, 0.0, 1.0]


def test_what_is_known_of_a_value_is_not_held_against_it(chance) -> None:
    known = chance.normal(size=(200, 2))
    values = 3.0 + known @ np.array([2.0, -1.0]) + 0.1 * chance.normal(size=200)
    values[7] += 2.0
    usual, far = beyond(values, known)
    assert far.argmax() == 7
    assert far[7] == pytest.approx(20, rel=0.35)
    assert np.abs(usual - (3.0 + known @ np.array([2.0, -1.0]))).max() < 0.1


def test_a_row_is_far_by_the_shape_of_the_others(chance) -> None:
    rows = chance.normal(size=(150, 3)) * [5.0, 1.0, 0.1]
    rows[3] = [0.0, 0.0, 0.8]
    rows[4] = [8.0, 0.0, 0.0]
    found = distances(rows)
    assert found.argmax() == 3
    assert found[4] < found[3] / 3


def test_rows_that_are_all_alike_are_not_far() -> None:
    assert np.isfinite(distances(np.ones((9, 4)))).all()
