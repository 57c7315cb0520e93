"""The rule that ends a training."""

from __future__ import annotations

import pytest

from trainer.stopping import CHOSEN_BY, Point, best, settled, waited, words


def curve(*distances: float) -> list[Point]:
    return [Point(100 * number, {CHOSEN_BY: distance}) for number, distance in enumerate(distances)]


def test_the_best_is_the_first_of_the_smallest_and_never_the_beginning():
    top = best(curve(0.1, 0.9, 0.4, 0.5, 0.4))
    assert top is not None
    assert top.step == 200
    assert best(curve(0.1)) is None
    assert best([]) is None


@pytest.mark.parametrize(
    ("distances", "ends"),
    [
        ((1.0, 0.9, 0.8, 0.7), False),
        ((1.0, 0.5, 0.6, 0.7), False),
        ((1.0, 0.5, 0.6, 0.5, 0.9), True),
        ((1.0, 0.5, 0.6, 0.7, 0.4, 0.5), False),
        ((1.0,), False),
        ((), False),
    ],
)
def test_patience_is_counted_in_saves_since_the_best(distances, ends):
    assert settled(curve(*distances), 3) == ends
    assert not settled(curve(*distances), 0)


def test_the_end_names_the_best_step_and_its_figure():
    points = curve(1.0, 0.5, 0.61, 0.7)
    assert waited(points) == 2
    assert "ended at step 300, the best is step 100 with a mel distance of 0.500" in words(points, 2)


def test_a_point_survives_being_written_down():
    point = Point(7, {CHOSEN_BY: 0.123456789, "held_out/phones": 0.5})
    assert Point.from_dict(point.to_dict()) == point
