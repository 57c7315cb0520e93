"""The lens: the cursor stays in sight, nothing outside the clip is shown."""

from __future__ import annotations

import pytest

from curator.tui.lens import Lens


def test_closer_keeps_the_cursor_where_it_is_on_the_screen() -> None:
    lens = Lens.on(10.0).to(7.5)
    for _ in range(3):
        lens = lens.zoomed(2)
        assert lens.column(lens.cursor_s, 100) == 75
    assert lens.shown_s == pytest.approx(1.25)
    for _ in range(5):
        lens = lens.zoomed(0.5)
    assert lens.whole
    assert (lens.start_s, lens.end_s) == (0.0, 10.0)


def test_what_is_shown_follows_the_cursor_to_both_ends() -> None:
    lens = Lens.on(10.0).zoomed(5)
    assert (lens.start_s, lens.end_s) == (0.0, 2.0)
    lens = lens.to(6.0)
    assert (lens.start_s, lens.end_s) == (4.0, 6.0)
    lens = lens.to(99.0)
    assert (lens.end_s, lens.cursor_s) == (10.0, 10.0)
    assert lens.to(-1.0).start_s == 0.0


def test_moments_and_columns_are_two_names_for_the_same() -> None:
    lens = Lens(10.0, 4.0, 6.0, 5.0)
    for column in (0, 17, 59):
        assert lens.column(lens.seconds(column, 60), 60) == column
    assert lens.column(3.9, 60) is None
    assert list(lens.columns(3.0, 4.1, 20)) == [0]
    assert not lens.columns(7.0, 8.0, 20)


def test_an_empty_clip_shows_nothing() -> None:
    lens = Lens().zoomed(2).moved(1.0)
    assert lens.column(0.0, 10) is None
    assert not lens.columns(0.0, 1.0, 10)
