from __future__ import annotations

import numpy as np
import pytest

from curator.scores.true_peak import TruePeak


def tone(rate: int, part: int, phase: float, amplitude: float) -> np.ndarray:
    """A tone at a part of the rate, faded in and out."""
    time = np.arange(rate) / rate
    ramp = np.minimum(1, np.minimum(time, time[::-1]) / 0.1)
    return (ramp * amplitude * np.sin(2 * np.pi * rate / part * time + np.radians(phase))).astype(np.float32)


@pytest.mark.parametrize(("part", "phase", "amplitude"), [(4, 0, 0.5), (4, 45, 0.5), (6, 60, 0.5), (4, 45, 1.41)])
@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 192_000])
def test_peaks_between_the_samples_are_found(make_clip, values, rate, part, phase, amplitude) -> None:
    found = values(TruePeak(), make_clip(tone(rate, part, phase, amplitude), rate))["true_peak_dbtp"]
    expected = 20 * np.log10(amplitude if rate < 192_000 else np.abs(tone(rate, part, phase, amplitude)).max())
    assert -0.4 < found - expected < 0.2


def test_it_is_never_below_the_highest_sample(make_clip, values) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    found = values(TruePeak(), make_clip(wave, 48_000))["true_peak_dbtp"]
    assert found >= 20 * np.log10(np.abs(wave).max()) - 1e-6


def test_the_place_holds_the_peak_even_at_the_end(make_clip) -> None:
    wave = np.zeros(5 * 48_000, np.float32)
    wave[-3:] = 0.9
    start, end = TruePeak().compute(make_clip(wave, 48_000))["true_peak_dbtp"].place
    assert (start, end) == pytest.approx((4, 5), abs=0.01)


def test_digital_silence_has_none(make_clip) -> None:
    assert TruePeak().compute(make_clip(np.zeros(1000, np.float32))) == {}
