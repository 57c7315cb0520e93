"""The quick f0: right on what has a pitch, silent on what has none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curator.tui.yin import track

RATE = 22050
HOP_S = 0.01


def voice(hertz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Harmonics that fall off, at an f0 for every sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return np.asarray(0.2 * sum(np.sin(k * phase) / k for k in range(1, 8)), np.float32)


@pytest.mark.parametrize("hertz", [70.0, 120.0, 262.0, 523.0, 900.0])
def test_a_steady_voice_is_found_within_a_quarter_of_a_semitone(hertz: float) -> None:
    noise = 0.005 * np.random.default_rng(0).standard_normal(RATE)
    wave = voice(np.full(RATE, hertz)) + noise.astype(np.float32)
    found = track(wave, RATE, HOP_S, 100)[5:-5]
    assert (found > 0).mean() > 0.97
    assert np.abs(12 * np.log2(found[found > 0] / hertz)).max() < 0.25


def test_a_glide_is_followed() -> None:
    hertz = np.geomspace(110, 440, 2 * RATE)
    found = track(voice(hertz), RATE, HOP_S, 200)
    truth = hertz[(np.arange(200) * HOP_S * RATE + HOP_S * RATE / 2).astype(int)]
    near = np.abs(12 * np.log2(np.maximum(found, 1) / truth)) < 0.5
    assert near[5:-5].mean() > 0.95


def test_noise_and_silence_have_no_pitch() -> None:
    noise = (0.1 * np.random.default_rng(1).standard_normal(2 * RATE)).astype(np.float32)
    assert (track(noise, RATE, HOP_S, 200) > 0).mean() < 0.05
    assert not track(np.zeros(RATE, np.float32), RATE, HOP_S, 100).any()


@pytest.mark.parametrize("length", [1, 50, 400])
def test_scraps_of_sound_give_frames_and_no_error(length: int) -> None:
    assert track(np.ones(length, np.float32), RATE, HOP_S, 3).shape == (3,)
