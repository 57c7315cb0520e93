"""The vector of a voice, as the trainer asks for it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from infer.speaker_network import RATE, SHORTEST_S, SIZE, voice_of


def throat(seconds: float, hz: float, stretch: float, seed: int) -> np.ndarray:
    """Pulses through three formants that wander every 0.2 s; `stretch` is the length of the throat."""
    random, parts = np.random.default_rng(seed), []
    for _ in range(round(seconds / 0.2)):
        time = np.arange(RATE // 5) / RATE
        wave = np.diff(np.floor(hz * random.uniform(0.9, 1.1) * time), prepend=0) + 0.01 * random.normal(size=len(time))
        for formant in (random.uniform(350, 750), random.uniform(1000, 2000), random.uniform(2300, 2800)):
            radius, angle = np.exp(-np.pi * 90 / RATE), 2 * np.pi * formant / stretch / RATE
            wave = scipy.signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], wave)
        parts.append(0.3 * wave / np.abs(wave).max())
    return np.concatenate(parts).astype(np.float32)


def test_a_voice_is_nearer_to_itself_than_to_another():
    one, same, other = (voice_of(throat(3, *voice)) for voice in ((110, 1.0, 1), (110, 1.0, 2), (210, 0.85, 3)))
    assert one is not None
    assert same is not None
    assert other is not None
    assert one.shape == (SIZE,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ same > 0.7 > one @ other + 0.3


def test_pauses_and_level_do_not_change_the_voice():
    wave = throat(3, 110, 1.0, 1)
    paused = np.concatenate([wave, np.zeros(2 * RATE, np.float32)]) * np.float32(0.1)
    plain, quiet = voice_of(wave), voice_of(paused)
    assert plain is not None
    assert quiet is not None
    assert plain @ quiet > 0.98


def test_too_little_to_hear_gives_no_vector():
    assert voice_of(throat(3, 110, 1.0, 1)[: int(0.8 * SHORTEST_S * RATE)]) is None
    assert voice_of(np.zeros(100, np.float32)) is None
