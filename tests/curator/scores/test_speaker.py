from __future__ import annotations

import numpy as np
import pytest

from curator.scores.speaker import Speaker, Voice, hear
from infer import speaker_network as network

RATE = 16_000


@pytest.fixture
def speak():
    """A voice of pulses through three formants that wander, by the lengths of its throat and its pitch."""

    def make(seconds: float, hz: float, stretch: float, seed: int = 0) -> np.ndarray:
        import scipy.signal

        random = np.random.default_rng(seed)
        wave = np.zeros(0)
        while len(wave) < seconds * RATE:
            time = np.arange(round(0.2 * RATE)) / RATE
            pulses = np.diff(np.floor(hz * random.uniform(0.9, 1.1) * time), prepend=0) + 0.01 * random.normal(
                size=len(time)
            )
            for formant in (random.uniform(350, 750), random.uniform(1000, 2000), random.uniform(2300, 2800)):
                radius, angle = np.exp(-np.pi * 90 / RATE), 2 * np.pi * formant / stretch / RATE
                pulses = scipy.signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], pulses)
            wave = np.concatenate([wave, pulses / np.abs(pulses).max()])
        return (0.3 * wave[: round(seconds * RATE)]).astype(np.float32)

    return make


def middle(voice: Voice) -> np.ndarray:
    mean = voice.vectors.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_a_voice_is_nearer_to_itself_than_to_another(make_clip, speak) -> None:
    low, low_again, high = (
        middle(hear(make_clip(speak(8, hz, stretch, seed))))
        for hz, stretch, seed in ((110, 1.1, 1), (110, 1.1, 2), (210, 0.9, 3))
    )
    assert low @ low_again > 0.8
    assert low @ high < low @ low_again - 0.3


def test_level_does_not_change_a_voice(make_clip, speak) -> None:
    wave = speak(4, 120, 1.0)
    loud, quiet = (middle(hear(make_clip(wave * np.float32(gain)))) for gain in (1.0, 0.05))
    assert loud @ quiet > 0.99


def test_windows_cover_the_speech_and_say_where_it_is(make_clip, speak) -> None:
    wave = np.concatenate([np.zeros(3 * RATE, np.float32), speak(6, 120, 1.0)])
    voice = hear(make_clip(wave, spoken=((3.0, 9.0),)))
    assert voice.starts[0] == pytest.approx(2.9, abs=0.1)
    assert voice.ends[-1] == pytest.approx(9.0, abs=0.5)
    assert (np.diff(voice.starts) > 0).all()
    assert len(voice.vectors) == len(voice.starts) >= 4
    np.testing.assert_allclose(np.linalg.norm(voice.vectors, axis=1), 1, rtol=1e-4)


@pytest.mark.parametrize(("seconds", "heard"), [(0.0, False), (0.01, False), (0.5, False), (1.5, True)])
def test_under_a_second_of_speech_says_nothing_of_the_voice(make_clip, speak, seconds: float, heard: bool) -> None:
    found = Speaker().compute(make_clip(speak(seconds, 120, 1.0)))
    assert ("speaker" in found) is heard


def test_without_speech_there_is_no_voice(make_clip, speak) -> None:
    assert Speaker().compute(make_clip(speak(4, 120, 1.0), spoken=())) == {}


def test_the_weights_are_small_and_whole() -> None:
    weights = network._weights()
    assert network.WEIGHTS.stat().st_size < 1_000_000
    assert weights["out.weight"].shape[0] == network.SIZE
    assert all(np.isfinite(value).all() for value in weights.values())
