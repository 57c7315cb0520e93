from __future__ import annotations

import numpy as np
import pytest

from curator.scores.noise import Noise

WAVE = np.zeros(16_000 * 20, np.float32)


@pytest.mark.parametrize("snr", [3, 10, 20, 40])
def test_snr_subtracts_the_noise_under_the_speech(make_clip, snr: float) -> None:
    mixed = float(10 * np.log10(10 ** (-20 / 10) + 10 ** ((-20 - snr) / 10)))
    clip = make_clip(WAVE, spoken=((2, 6), (8, 12)), level=mixed, floor=-20 - snr, clip=(1, 13))
    scores = Noise().compute(clip)
    assert scores["snr_db"] == pytest.approx(snr, abs=0.01)
    assert scores["noise_floor_dbfs"] == pytest.approx(-20 - snr, abs=0.01)


def test_a_clip_without_a_pause_inherits_the_noise_nearby(make_clip) -> None:
    clip = make_clip(WAVE, spoken=((2, 12),), clip=(3, 11))
    assert Noise().compute(clip)["noise_floor_dbfs"] == pytest.approx(-60, abs=0.01)


def test_noise_far_away_says_nothing(make_clip) -> None:
    wave = np.zeros(16_000 * 60, np.float32)
    assert Noise().compute(make_clip(wave, spoken=((2, 58),), clip=(25, 35))) == {}


def test_gated_pauses_say_nothing_of_the_noise_under_the_speech(make_clip) -> None:
    assert Noise().compute(make_clip(WAVE, spoken=((2, 6), (8, 12)), floor=-120)) == {}


def test_a_door_slammed_near_the_clip_is_not_its_noise(make_clip) -> None:
    clip = make_clip(WAVE, spoken=((4, 12),), clip=(5, 11))
    clip.tracks.level[350:360] = -10
    assert Noise().compute(clip)["noise_floor_dbfs"] == pytest.approx(-60, abs=0.01)


def test_speech_below_the_noise_has_no_snr(make_clip) -> None:
    scores = Noise().compute(make_clip(WAVE, spoken=((4, 8),), level=-50, floor=-40))
    assert scores.get("snr_db") is None
    assert scores["noise_floor_dbfs"] == pytest.approx(-40, abs=0.01)
