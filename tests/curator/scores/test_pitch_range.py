from __future__ import annotations

import numpy as np
import pytest

from curator.pitch import Pitch, measure
from curator.scores.pitch_range import PitchRange


@pytest.mark.parametrize("hz", [60, 110, 220, 440, 880])
def test_the_median_is_the_pitch_that_was_sung(make_clip, sing, hz: float) -> None:
    found = PitchRange().compute(make_clip(sing(2, hz=hz)))
    assert found["f0_median_hz"] == pytest.approx(hz, rel=0.02)
    assert found["f0_low_hz"] <= found["f0_median_hz"] <= found["f0_high_hz"]
    assert found["voiced_ratio"] > 0.9


def test_two_notes_an_octave_apart_span_an_octave(make_clip, sing) -> None:
    found = PitchRange().compute(make_clip(np.concatenate([sing(2, hz=200), sing(2, hz=400)])))
    assert found["pitch_range_st"] == pytest.approx(12, abs=1.2)


def test_noise_has_no_pitch(make_clip) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    found = PitchRange().compute(make_clip(noise))
    assert "f0_median_hz" not in found
    assert found["voiced_ratio"] < 0.05


def test_half_voiced_speech_has_half_the_ratio(make_clip, sing) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 32_000).astype(np.float32)
    found = PitchRange().compute(make_clip(np.concatenate([sing(2), noise])))
    assert found["voiced_ratio"] == pytest.approx(0.5, abs=0.06)


def test_without_speech_nothing_is_said(make_clip) -> None:
    assert PitchRange().compute(make_clip(np.zeros(32_000, np.float32), spoken=())) == {}


def test_the_recordings_track_serves_its_clips(make_clip, sing) -> None:
    wave = np.concatenate([sing(3, hz=150), sing(3, hz=300)])
    own = PitchRange().compute(make_clip(wave, clip=(3.2, 5.8)))
    shared = PitchRange().compute(make_clip(wave, clip=(3.2, 5.8), pitch=measure(wave)))
    assert shared["f0_median_hz"] == pytest.approx(own["f0_median_hz"], rel=0.01)


def test_single_stray_frames_do_not_count(make_clip) -> None:
    confidence = np.zeros(200, np.float32)
    confidence[::7] = 0.9
    pitch = Pitch(np.full(200, 200, np.float32), confidence)
    assert "f0_median_hz" not in PitchRange().compute(make_clip(np.zeros(51_200, np.float32), pitch=pitch))
