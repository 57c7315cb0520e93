"""Curves: the line goes where the values go."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from curator.tui.widgets.curve import DOTS, bounds, dots, ordered, short, steps_axis


def lit(lines: list[str]) -> list[list[int]]:
    """Which rows of dots are lit in each column of dots, from the top."""
    across, down = len(lines[0]) * 2, len(lines) * 4
    columns: list[list[int]] = [[] for _ in range(across)]
    for x in range(across):
        for y in range(down):
            bits = ord(lines[y // 4][x // 2]) - 0x2800 if lines[y // 4][x // 2] != " " else 0
            if bits & DOTS[y % 4][x % 2]:
                columns[x].append(y)
    return columns


def test_a_falling_line_falls_from_corner_to_corner_without_gaps() -> None:
    points = [(step, 100.0 - step) for step in range(101)]
    columns = lit(dots(points, 20, 5, 0, 100, False))
    assert columns[0][0] == 0
    assert columns[-1][-1] == 19
    assert all(columns)
    for before, after in pairwise(columns):
        assert after[0] - before[-1] in (0, 1)


def test_a_logarithmic_axis_makes_a_decay_straight() -> None:
    points = [(step, math.exp(-step / 20)) for step in range(101)]
    low, high = bounds([value for _, value in points], True)
    middle = lit(dots(points, 20, 10, low, high, True))[20]
    plain = lit(dots(points, 20, 10, low, high, False))[20]
    assert middle[0] == pytest.approx(19, abs=2)
    assert plain[0] > 32


def test_one_point_is_one_dot() -> None:
    columns = lit(dots([(1, 5.0)], 10, 4, 4, 6, False))
    assert len(columns[0]) == 1
    assert not any(columns[1:])


def test_bounds_are_never_equal() -> None:
    for values in ([3.0], [0.0, 0.0], [-2.0, -2.0]):
        low, high = bounds(values, False)
        assert low < values[0] < high
    assert bounds([2.0, 2.0], True)[0] > 0


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (19.725, "19.73"), (0.0712, "0.071"), (123456, "123k"), (-1.5, "−1.50")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
    assert len(text) <= 6


def test_metrics_come_in_the_order_of_interest_without_norms_and_sums() -> None:
    names = ["d/grad_norm", "held_out/clipped", "d/loss", "g/kl", "g/thing", "g/total", "g/mel"]
    assert ordered(names) == ["g/mel", "g/kl", "d/loss", "g/thing"]


def test_the_axis_names_first_and_last_step() -> None:
    assert steps_axis(10, 600, 30).split() == ["10", "600"]
    assert len(steps_axis(10, 600, 30)) == 38
