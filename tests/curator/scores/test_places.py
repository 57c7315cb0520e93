from __future__ import annotations

import numpy as np
import pytest

from curator.scores.places import within, worst


def test_the_worst_second_is_where_the_badness_is() -> None:
    bad = np.zeros(500)
    bad[330:350] = 1.0
    start, end = worst(bad, 0.01)
    assert end - start == pytest.approx(1.0)
    assert start < 3.3 < 3.5 < end
    assert (start + end) / 2 == pytest.approx(3.4, abs=0.02)


def test_of_two_bad_places_the_worse_is_named_and_of_equal_ones_the_first() -> None:
    bad = np.zeros(1000)
    bad[100:130], bad[700:760] = 1.0, 1.0
    assert worst(bad, 0.01)[0] > 6
    bad[730:760] = 0
    assert worst(bad, 0.01)[1] < 2


def test_no_badness_has_no_place() -> None:
    assert worst(np.zeros(100), 0.01) is None
    assert worst([], 0.01) is None
    assert worst([np.nan, np.nan], 0.01) is None


def test_a_place_never_leaves_the_clip() -> None:
    assert worst([0, 0, 0, 1.0], 0.1) == pytest.approx((0.0, 0.4))
    bad = np.zeros(300)
    bad[-1] = 1.0
    assert worst(bad, 0.01) == pytest.approx((2.0, 3.0))
    assert within(1.9, 1.95, 2.0) == pytest.approx((1.0, 2.0))
    assert within(0.1, 0.2, 0.5) == pytest.approx((0.0, 0.5))
    assert within(3.0, 4.0, 2.0) is None


def test_a_long_range_stays_as_long_as_it_is() -> None:
    assert within(1.0, 4.0, 10.0) == pytest.approx((1.0, 4.0))
