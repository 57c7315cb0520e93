from __future__ import annotations

import numpy as np
import pytest

from infer.octaves import repair, strength

RATE, HOP = 16000, 160


def voice(hz: np.ndarray, loud: tuple[float, ...] = (0.6, 1.0, 0.7, 0.5, 0.3, 0.2)) -> np.ndarray:
    """Harmonics of a contour with a value every 10 ms."""
    curve = np.interp(np.arange(len(hz) * HOP) / HOP, np.arange(len(hz)), hz)
    phase = 2 * np.pi * np.cumsum(curve) / RATE
    wave = np.asarray(sum(gain * np.sin(k * phase) for k, gain in enumerate(loud, 1)))
    return (0.1 * wave + 1e-3 * np.random.default_rng(0).standard_normal(len(wave))).astype(np.float32)


def melody() -> np.ndarray:
    return 180 * 2 ** (0.3 * np.sin(np.arange(300) / 40))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_stretch_an_octave_off_is_taken_back(factor: float) -> None:
    truth = melody()
    found = truth.copy()
    found[100:130] *= factor
    assert np.allclose(repair(found, voice(truth), HOP, 50, 1100), truth)


def test_a_contour_that_is_an_octave_too_high_from_beginning_to_end_is_taken_back() -> None:
    truth = melody()
    assert np.allclose(repair(2 * truth, voice(truth), HOP, 50, 1100), truth)


def test_a_leap_of_an_octave_that_is_sung_stays() -> None:
    truth = np.repeat([200.0, 400.0, 200.0], 60)
    assert np.allclose(repair(truth, voice(truth), HOP, 50, 1100), truth)


def test_nothing_becomes_voiced_or_ceases_to_be_and_silence_is_left_alone() -> None:
    truth = melody()
    found = np.where(np.arange(300) % 50 < 30, truth, 0)
    assert np.array_equal(repair(found, voice(truth), HOP, 50, 1100), found)
    assert np.array_equal(repair(found, np.zeros(48000, np.float32), HOP, 50, 1100), found)
    assert np.array_equal(repair(np.zeros(300), voice(truth), HOP, 50, 1100), np.zeros(300))


def test_no_candidate_outside_the_range_is_chosen() -> None:
    truth = np.full(100, 70.0)
    assert (repair(2 * truth, voice(truth), HOP, 80, 1100) == 140).all()


def test_the_strength_of_a_period_is_one_for_the_period_and_low_for_half_of_it() -> None:
    truth = np.full(100, 150.0)
    found = strength(voice(truth), np.array([8000]), np.array([[75.0, 150.0, 300.0]]))[0]
    assert found[1] > 0.95
    assert found[2] < 0.8
