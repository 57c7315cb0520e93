from __future__ import annotations

import numpy as np
import pytest

from curator.scores.silence import Silence

WAVE = np.zeros(16_000 * 10, np.float32)


def test_silence_is_the_share_without_speech_and_the_pause_lies_between_speech(make_clip, values) -> None:
    scores = values(Silence(), make_clip(WAVE, spoken=((1, 4), (5.5, 7), (7.5, 9))))
    assert scores["silence_ratio"] == pytest.approx(0.4, abs=0.01)
    assert scores["longest_pause_s"] == pytest.approx(1.5, abs=0.02)


def test_the_place_of_the_pause_is_the_pause_even_where_the_lead_is_longer(make_clip) -> None:
    found = Silence().compute(make_clip(WAVE, spoken=((3, 5), (6.5, 9.5))))
    assert found["longest_pause_s"].place == pytest.approx((5, 6.5), abs=0.05)
    assert found["silence_ratio"].place == pytest.approx((0, 3), abs=0.05)


def test_a_clip_full_of_speech_has_no_silence(make_clip) -> None:
    found = Silence().compute(make_clip(WAVE))
    assert found == {"silence_ratio": (0.0, None), "longest_pause_s": (0.0, None)}


def test_without_speech_there_is_no_pause(make_clip) -> None:
    scores = Silence().compute(make_clip(WAVE, spoken=((8, 10),), clip=(0, 4)))
    assert scores == {"silence_ratio": 1.0, "longest_pause_s": None}
