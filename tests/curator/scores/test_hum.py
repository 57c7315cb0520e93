from __future__ import annotations

import numpy as np
import pytest

from curator.scores.hum import Hum

RATE = 16_000


def words(seconds: float, sing, hz: float = 140.0) -> np.ndarray:
    """A melody of half-second notes with short gaps, over a quiet room."""
    wave = np.random.default_rng(0).normal(0, 1e-3, round(seconds * RATE))
    for at, step in zip(np.arange(0, seconds - 0.5, 0.7), [0, 2, 0, -1, 3, 1, 0, 2, 4, 0, -2, 1], strict=False):
        note = sing(0.5, hz=hz * 2 ** (step / 12))
        wave[round(at * RATE) : round(at * RATE) + len(note)] += note
    return wave.astype(np.float32)


def mains(seconds: float, hz: float, level_db: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * k * hz * time + k) / k for k in range(1, 6))
    return (10 ** (level_db / 20) * wave / wave.std()).astype(np.float32)


@pytest.mark.parametrize("hz", [49.95, 50.0, 60.05])
def test_hum_far_under_the_voice_is_found(make_clip, values, sing, hz: float) -> None:
    voice = words(6, sing)
    level = 20 * np.log10(voice.std()) - 20
    assert values(Hum(), make_clip(voice + mains(6, hz, level)))["hum_db"] > 15


@pytest.mark.parametrize("hz", [50.0, 60.0, 100.0, 140.0])
def test_a_voice_at_the_frequency_of_the_mains_is_no_hum(make_clip, values, sing, hz: float) -> None:
    assert values(Hum(), make_clip(words(6, sing, hz)))["hum_db"] < 15


def test_a_tone_between_the_lines_is_no_hum(make_clip, values, sing) -> None:
    assert values(Hum(), make_clip(words(6, sing) + mains(6, 55.0, -30)))["hum_db"] < 12


def test_the_place_is_where_the_hum_is_heard_best(make_clip, sing) -> None:
    voice = words(8, sing)
    voice[RATE * 5 : RATE * 6] = 0
    start, end = Hum().compute(make_clip(voice + mains(8, 50, -40)))["hum_db"].place
    assert start <= 5.5 <= end


def test_a_short_clip_and_silence_say_nothing(make_clip, sing) -> None:
    assert Hum().compute(make_clip(words(2, sing))) == {}
    assert Hum().compute(make_clip(np.zeros(RATE * 5, np.float32))) == {}
