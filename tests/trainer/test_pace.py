"""The time left."""

from __future__ import annotations

import pytest

from trainer.pace import ENOUGH, REMEMBERED, Pace


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(pace: Pace, clock: Clock, steps: int, *, step_s: float, save_s: float = 0.0, every: int = 0) -> None:
    for step in range(1, steps + 1):
        clock.now += step_s
        pace.stepped()
        if every and step % every == 0:
            clock.now += save_s
            pace.saved()


def test_the_time_left_counts_the_saves_to_come_though_they_are_rare(clock):
    pace = Pace(clock)
    clock.now += 5
    pace.looked()
    run(pace, clock, 60, step_s=1.0)
    assert pace.left(60, 1000, 200) == pytest.approx(940 * 1.0 + 5 * 5)
    run(pace, clock, 200, step_s=1.0, save_s=8.0, every=200)
    run(pace, clock, 1, step_s=1.0)
    assert pace.left(201, 1000, 200) == pytest.approx(799 * 1.0 + 4 * 8)


def test_a_last_save_off_the_beat_counts(clock):
    pace = Pace(clock)
    clock.now += 5
    pace.looked()
    run(pace, clock, 10, step_s=1.0)
    assert pace.left(10, 250, 200) == pytest.approx(240 + 2 * 5)
    assert pace.left(250, 250, 200) == pytest.approx(5)


def test_slow_first_steps_are_forgotten(clock):
    pace = Pace(clock)
    run(pace, clock, 3, step_s=20.0)
    assert pace.step_s == pytest.approx(20.0)
    run(pace, clock, 10, step_s=1.0)
    assert pace.step_s == pytest.approx(1.0)


def test_a_machine_that_got_slower_is_believed_after_a_while(clock):
    pace = Pace(clock)
    run(pace, clock, 1000, step_s=1.0)
    run(pace, clock, REMEMBERED, step_s=2.0)
    assert pace.step_s == pytest.approx(2.0)


def test_what_was_done_before_the_beginning_is_no_step(clock):
    pace = Pace(clock)
    clock.now += 500
    pace.begin()
    run(pace, clock, 10, step_s=1.0)
    assert pace.step_s == pytest.approx(1.0)
    assert not pace.settled
    run(pace, clock, ENOUGH, step_s=1.0)
    assert pace.settled


def test_nothing_is_promised_before_the_first_step(clock):
    assert Pace(clock).left(0, 100, 10) is None
