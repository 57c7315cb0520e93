"""What is heard of a stretch, and where each moment of it comes from."""

from __future__ import annotations

import numpy as np
import pytest

from curator.tui.passage import Manner, passage

RATE = 1000


def test_a_plain_passage_is_the_stretch_itself() -> None:
    samples = np.arange(2000, dtype=np.float32)
    whole = passage(samples, RATE)
    assert np.array_equal(whole.samples, samples)
    assert whole.source_at(1.25) == pytest.approx(1.25)


def test_pauses_are_passed_over_and_the_position_jumps_with_them() -> None:
    samples = np.arange(5000, dtype=np.float32)
    heard = passage(samples, RATE, Manner(without=((1.0, 2.0), (4.5, 9.0))))
    assert heard.samples.size == 3500
    assert heard.samples[500] == 500
    assert heard.samples[1500] == 2500
    assert heard.source_at(0.5) == pytest.approx(0.5)
    assert heard.source_at(1.5) == pytest.approx(2.5)
    assert heard.source_at(3.5) == pytest.approx(4.5)


def test_at_half_speed_the_position_moves_half_as_fast() -> None:
    slow = passage(np.random.default_rng(0).standard_normal(4000).astype(np.float32), RATE, Manner(speed=0.5))
    assert slow.samples.size == 8000
    assert slow.source_at(6.0) == pytest.approx(3.0)


def test_nothing_but_pauses_is_silence() -> None:
    nothing = passage(np.ones(500, np.float32), RATE, Manner(without=((0.0, 1.0),)))
    assert nothing.samples.size == 0
    assert nothing.source_at(0.3) == 0.0
