from __future__ import annotations

import numpy as np
import pytest

from catalog.audio import resample
from curator.scores.bandwidth import Bandwidth

RATE = 48_000


def breath(seconds: float = 3) -> np.ndarray:
    """Noise that falls 6 dB an octave, as a voice's upper spectrum does."""
    line = np.fft.rfft(np.random.default_rng(2).normal(0, 1, round(seconds * RATE)))
    line /= 1 + np.fft.rfftfreq(round(seconds * RATE), 1 / RATE) / 500
    wave = np.fft.irfft(line)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.mark.parametrize("low", [8000, 16_000, 24_000, 32_000])
def test_a_recording_brought_up_from_a_lower_rate_ends_where_that_rate_ended(make_clip, values, low: int) -> None:
    wave = resample(resample(breath(), RATE, low), low, RATE)
    found = values(Bandwidth(), make_clip(wave, RATE))["bandwidth_hz"]
    assert 0.93 * low / 2 < found < low / 2


def test_a_recording_at_its_own_rate_reaches_half_of_it(make_clip, values) -> None:
    assert Bandwidth().compute(make_clip(breath(), RATE)) == {"bandwidth_hz": RATE / 2}


def test_only_speech_frames_are_looked_at(make_clip, values) -> None:
    narrow = resample(resample(breath(), RATE, 16_000), 16_000, RATE)
    wave = np.concatenate([narrow, breath()])
    found = values(Bandwidth(), make_clip(wave, RATE, spoken=((0, 2.9),)))["bandwidth_hz"]
    assert found < 8000


def test_too_little_speech_says_nothing(make_clip, values) -> None:
    assert Bandwidth().compute(make_clip(breath(0.2), RATE)) == {}
    assert Bandwidth().compute(make_clip(breath(0.01), RATE)) == {}
