from __future__ import annotations

import numpy as np
import pytest

from curator.scores.noise import Noise

WAVE = np.zeros(16_000 * 20, np.float32)


@pytest.mark.parametrize("snr", [3, 10, 20, 40])
def test_snr_subtracts_the_noise_under_the_speech(make_clip, values, snr: float) -> None:
    mixed = float(10 * np.log10(10 ** (-20 / 10) + 10 ** ((-20 - snr) / 10)))
    clip = make_clip(WAVE, spoken=((2, 6), (8, 12)), level=mixed, floor=-20 - snr, clip=(1, 13))
    scores = values(Noise(), clip)
    assert scores["snr_db"] == pytest.approx(snr, abs=0.01)
    assert scores["noise_floor_dbfs"] == pytest.approx(-20 - snr, abs=0.01)


def test_a_clip_without_a_pause_inherits_the_noise_nearby(make_clip, values) -> None:
    clip = make_clip(WAVE, spoken=((2, 12),), clip=(3, 11))
    assert values(Noise(), clip)["noise_floor_dbfs"] == pytest.approx(-60, abs=0.01)


def test_noise_far_away_says_nothing(make_clip) -> None:
    wave = np.zeros(16_000 * 60, np.float32)
    assert Noise().compute(make_clip(wave, spoken=((2, 58),), clip=(25, 35))) == {}


def test_gated_pauses_say_nothing_of_the_noise_under_the_speech(make_clip) -> None:
    assert Noise().compute(make_clip(WAVE, spoken=((2, 6), (8, 12)), floor=-120)) == {}


def test_a_door_slammed_near_the_clip_is_not_its_noise(make_clip, values) -> None:
    clip = make_clip(WAVE, spoken=((4, 12),), clip=(5, 11))
    clip.tracks.level[350:360] = -10
    assert values(Noise(), clip)["noise_floor_dbfs"] == pytest.approx(-60, abs=0.01)


def test_a_dog_that_barks_in_a_pause_is_noise_though_it_sounds_like_a_voice(make_clip, values) -> None:
    clip = make_clip(WAVE, spoken=((2, 6), (10, 14)), clip=(1, 15))
    clip.tracks.level[700:800], clip.tracks.probability[700:800] = -26, 0.25
    assert values(Noise(), clip)["snr_db"] < 15


def doubtful(clip, start: int, end: int, level: float):
    """The clip with sound that follows speech and may be speech: its probability ends no span of it."""
    clip.tracks.level[start:end], clip.tracks.probability[start:end] = level, 0.42
    return clip


def test_where_the_noise_is_loud_what_may_be_speech_is_noise(make_clip, values) -> None:
    clip = make_clip(WAVE, spoken=((2, 6), (10, 14)), level=-20, floor=-40, clip=(1, 15))
    scores = values(Noise(), doubtful(clip, 600, 900, -26))
    assert scores["noise_floor_dbfs"] > -32
    assert scores["snr_db"] < 12


def test_where_the_noise_is_faint_a_tail_in_the_room_is_not_noise(make_clip, values) -> None:
    clip = make_clip(WAVE, spoken=((2, 6), (10, 14)), level=-20, floor=-70, clip=(1, 15))
    scores = values(Noise(), doubtful(clip, 600, 650, -42))
    assert scores["noise_floor_dbfs"] == pytest.approx(-70, abs=0.1)
    assert scores["snr_db"] > 48


def test_the_place_is_where_the_pauses_are_loudest(make_clip) -> None:
    clip = make_clip(WAVE, spoken=((2, 6), (10, 14)), clip=(1, 15))
    clip.tracks.level[850:880] = -40
    start, end = Noise().compute(clip)["snr_db"].place
    assert start < 7.51 < 7.79 < end


def test_speech_below_the_noise_has_no_snr(make_clip, values) -> None:
    scores = values(Noise(), make_clip(WAVE, spoken=((4, 8),), level=-50, floor=-40))
    assert "snr_db" not in scores
    assert scores["noise_floor_dbfs"] == pytest.approx(-40, abs=0.01)
