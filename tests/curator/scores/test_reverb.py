from __future__ import annotations

import numpy as np
import pytest

from curator.scores.reverb import Reverb

RATE = 16_000


def words(seconds: float = 8.0) -> np.ndarray:
    """Bursts of noise with sharp ends, as plosives have, over a quiet room."""
    random = np.random.default_rng(3)
    wave = random.normal(0, 1e-4, round(seconds * RATE))
    for at in np.arange(0.1, seconds - 0.5, 0.45):
        length = round(random.uniform(0.05, 0.12) * RATE)
        wave[round(at * RATE) :][:length] += random.normal(0, random.uniform(0.1, 0.3), length)
    return wave


def in_room(wave: np.ndarray, rt60: float) -> np.ndarray:
    time = np.arange(round(rt60 * RATE)) / RATE
    tail = np.random.default_rng(4).normal(0, 0.05, len(time)) * 10 ** (-3 * time / rt60)
    tail[0] = 1
    return np.convolve(wave, tail)[: len(wave)].astype(np.float32)


def test_rooms_are_ranked_and_their_time_is_near(make_clip, values) -> None:
    true = [0.3, 0.5, 0.8, 1.2]
    found = [values(Reverb(), make_clip(in_room(words(), seconds)))["reverb_rt60_s"] for seconds in true]
    assert found == sorted(found)
    assert found == pytest.approx(true, rel=0.4)


def test_noise_alone_has_no_room(make_clip) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32)
    assert Reverb().compute(make_clip(noise)) == {}


def test_a_held_note_and_a_short_clip_say_nothing(make_clip, sing) -> None:
    assert Reverb().compute(make_clip(sing(5))) == {}
    assert Reverb().compute(make_clip(words(0.02).astype(np.float32))) == {}


def test_the_place_is_where_the_room_is_heard(make_clip) -> None:
    wave = np.concatenate([words(4), in_room(words(4), 1.0), words(4)]).astype(np.float32)
    start, end = Reverb().compute(make_clip(wave))["reverb_rt60_s"].place
    assert 3.5 < start < end < 8.6


def test_a_telephone_recording_is_judged_by_the_bands_it_has(make_clip, values) -> None:
    import soxr

    wave = soxr.resample(in_room(words(), 0.6), RATE, 8000)
    assert values(Reverb(), make_clip(wave, 8000))["reverb_rt60_s"] == pytest.approx(0.6, rel=0.5)
