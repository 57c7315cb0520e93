"""Other speeds: the length changes, the pitch does not, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curator.tui.stretch import stretch

RATE = 16000


def pitch_hz(wave: NDArray[np.float32]) -> float:
    """The strongest frequency, to a fraction of a bin."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 1 << 18))
    return float(np.argmax(spectrum)) * RATE / (1 << 18)


@pytest.mark.parametrize("speed", [0.5, 1.5])
@pytest.mark.parametrize("hz", [95.0, 220.0, 740.0])
def test_the_length_follows_the_speed_and_the_pitch_stays(speed: float, hz: float) -> None:
    tone = (0.5 * np.sin(2 * np.pi * hz * np.arange(3 * RATE) / RATE)).astype(np.float32)
    played = stretch(tone, RATE, speed)
    assert played.size == round(tone.size / speed)
    assert abs(12 * np.log2(pitch_hz(played) / hz)) < 0.1
    middle = played[RATE // 2 : -RATE // 2]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03), "frames continue one another"


@pytest.mark.parametrize("speed", [0.5, 1.5])
def test_every_sound_is_heard_where_the_speed_puts_it(speed: float) -> None:
    rng = np.random.default_rng(0)
    wave = np.zeros(4 * RATE, np.float32)
    for second in (0.5, 1.7, 3.1):
        at = round(second * RATE)
        wave[at : at + 1600] = 0.5 * rng.standard_normal(1600)
    played = stretch(wave, RATE, speed)
    loud = np.flatnonzero(np.abs(played) > 0.3) / RATE * speed
    for second in (0.5, 1.7, 3.1):
        assert np.abs(loud - second).min() < 0.03
    assert loud.min() > 0.45
    assert loud.max() < 3.3


def test_the_same_speed_is_the_same_sound_and_scraps_are_left_alone() -> None:
    wave = np.ones(1000, np.float32)
    assert stretch(wave, RATE, 1.0) is wave
    assert stretch(wave[:100], RATE, 0.5).size == 100
