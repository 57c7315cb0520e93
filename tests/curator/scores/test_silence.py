from __future__ import annotations

import numpy as np
import pytest

from curator.scores.silence import Silence

WAVE = np.zeros(16_000 * 10, np.float32)


def test_silence_is_the_share_without_speech_and_the_pause_lies_between_speech(make_clip) -> None:
    clip = make_clip(WAVE, spoken=((1, 4), (5.5, 7), (7.5, 9)))
    scores = Silence().compute(clip)
    assert scores["silence_ratio"] == pytest.approx(0.4, abs=0.01)
    assert scores["longest_pause_s"] == pytest.approx(1.5, abs=0.02)


def test_a_clip_full_of_speech_has_no_silence(make_clip) -> None:
    assert Silence().compute(make_clip(WAVE)) == {"silence_ratio": 0.0, "longest_pause_s": 0.0}


def test_without_speech_there_is_no_pause(make_clip) -> None:
    scores = Silence().compute(make_clip(WAVE, spoken=((8, 10),), clip=(0, 4)))
    assert scores == {"silence_ratio": 1.0, "longest_pause_s": None}
