"""The outline of a sound: nothing loud is lost, whatever the width."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.records import Activity
from curator.tui.envelope import fit, heard_between, measure


def test_one_loud_sample_is_seen_at_every_width() -> None:
    samples = np.zeros(48000, np.float32)
    samples[31234] = -0.8
    outline = measure(samples, 16000, None)
    assert outline.duration_s == 3.0
    for width in (10, 80, 333, outline.low.size, 5000):
        fitted = fit(outline, width)
        assert fitted.low.size == width
        assert fitted.low.min() == pytest.approx(-0.8)
        assert np.argmin(fitted.low) == pytest.approx(31234 / 48000 * width, abs=width / 500 + 1)


def test_clipped_spots_stay_marked_when_columns_are_joined() -> None:
    samples = np.full(16000, 0.1, np.float32)
    samples[8000:8010] = 1.0
    fitted = fit(measure(samples, 16000, None), 40)
    assert fitted.clipped.sum() == 1
    assert np.flatnonzero(fitted.clipped)[0] == 20


def test_rms_of_a_tone_is_its_amplitude_over_root_two() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(32000) / 16000).astype(np.float32)
    fitted = fit(measure(tone, 16000, None), 20)
    assert np.allclose(fitted.rms, 0.5 / np.sqrt(2), atol=0.01)


def test_speech_of_the_recording_is_cut_to_the_clip() -> None:
    vad = bytes([10] * 100 + [250] * 100)
    activity = Activity("test", 0.01, vad, 0.01, b"")
    heard = heard_between(activity, 0.5, 1.5)
    assert heard is not None
    outline = fit(measure(np.ones(16000, np.float32) * 0.1, 16000, heard), 10)
    assert outline.speech is not None
    assert outline.speech.tolist() == [False] * 5 + [True] * 5
    assert heard_between(None, 0, 1) is None


def test_a_sustained_note_that_the_network_misses_is_heard() -> None:
    voicing, level = bytes([10] * 50 + [250] * 50), bytes([200] * 160)
    activity = Activity("test", 0.032, bytes(50), 0.01, level, 0.016, voicing)
    heard = heard_between(activity, 0, 1.6)
    assert heard is not None
    assert np.flatnonzero(heard).tolist() == list(range(80, 160))


@pytest.mark.parametrize("length", [0, 1, 7])
def test_hardly_any_samples_still_give_an_outline(length: int) -> None:
    outline = fit(measure(np.zeros(length, np.float32), 16000, np.ones(3, bool)), 30)
    assert outline.low.size == 30
