from __future__ import annotations

import numpy as np
import pytest

from curator.activity import ActivityMeter, Tracks
from curator.frames import edge, edges, frames_of, runs, widened
from curator.voicing import VOICES


def measured(wave: np.ndarray, rate: int, block: int | None = None) -> Tracks:
    meter = ActivityMeter(rate)
    for start in range(0, len(wave), block or len(wave)):
        meter.feed(wave[start : start + (block or len(wave))])
    return Tracks.of(meter.finish()[0], len(wave), rate)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192000])
def test_fifteen_seconds_of_frames_are_fifteen_seconds_of_samples(rate: int) -> None:
    assert all(edge(frame + 1500, rate) - edge(frame, rate) == 15 * rate for frame in range(0, 5000, 7))
    assert edges(3, 4, rate).tolist() == [edge(frame, rate) for frame in (3, 4, 5, 6)]


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_frames_cover_a_recording_of_any_length(rate: int) -> None:
    for samples in (0, 1, 54, 56, 110, 111, rate, rate + 1, 12_345):
        frames = frames_of(samples, rate)
        assert edge(frames, rate) >= samples
        assert frames == 0 or edge(frames - 1, rate) < samples


def test_a_stream_of_odd_blocks_measures_the_same_levels(take) -> None:
    wave = take([0.7, 0.4, 0.6], rate=11_025)
    whole, pieces = measured(wave, 11_025), measured(wave, 11_025, block=1237)
    np.testing.assert_array_equal(whole.level, pieces.level)
    np.testing.assert_allclose(whole.probability, pieces.probability, atol=0.02)


def test_level_is_in_dbfs_and_a_constant_offset_is_no_sound() -> None:
    rate = 16_000
    tone = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)).astype(np.float32)
    assert measured(tone + np.float32(0.3), rate).level[10:90] == pytest.approx(-23.0, abs=0.3)
    assert measured(np.full(rate, 0.3, np.float32), rate).level.max() < -100


def test_the_level_above_two_kilohertz_is_known_apart_whatever_blocks_are_fed() -> None:
    time = np.arange(16_000) / 16_000
    low, high = (0.1 * np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (500, 4000))
    whole = measured(np.concatenate([low, high]), 16_000)
    assert whole.highs is not None
    assert whole.highs[20:90].max() < -60
    assert whole.highs[120:190] == pytest.approx(-23.0, abs=0.5)
    pieces = measured(np.concatenate([low, high]), 16_000, block=1237)
    np.testing.assert_array_equal(whole.highs, pieces.highs)


def test_a_sung_note_that_the_network_misses_is_voice(take) -> None:
    wave = take([0.0, 1.0, 2.0, 1.0])
    tracks = measured(wave, 16_000)
    assert tracks.speech[110:290].all()
    assert not tracks.speech[:80].any()
    assert not tracks.speech[-80:].any()


def test_what_was_stored_is_heard_as_speech_or_as_singing(take) -> None:
    wave = take([0.0, 1.0, 2.0, 1.0])
    meter = ActivityMeter(16_000)
    meter.feed(wave)
    activity = meter.finish()[0]
    heard = {voice: Tracks.of(activity, len(wave), 16_000, voice).speech for voice in VOICES}
    assert not heard["speech"].any()
    assert heard["singing"][110:290].all()
    assert not heard["singing"][:80].any()


def test_an_activity_of_an_earlier_version_is_heard_without_pitch(activity_of) -> None:
    tracks = Tracks.of(activity_of(np.ones(100), np.full(320, -30.0)), 320 * 160, 16_000, "singing")
    assert (tracks.probability == 1).all()


def test_where_noise_is_as_loud_as_speech_the_probability_alone_decides(activity_of) -> None:
    probability = np.zeros(100)
    probability[30:60] = 0.9
    tracks = Tracks.of(activity_of(probability, np.full(320, -30.0)), 320 * 160, 16_000)
    spans = runs(tracks.speech)
    assert spans == [(96, 192)]


def test_edges_move_to_where_the_sound_begins_and_ends(activity_of) -> None:
    probability = np.zeros(100)
    probability[34:60] = 0.9
    level = np.full(320, -70.0)
    level[100:185] = -20.0
    tracks = Tracks.of(activity_of(probability, level), 320 * 160, 16_000)
    assert runs(tracks.speech) == [(100, 185)]


def test_a_quiet_stretch_inside_a_high_probability_is_a_pause(activity_of) -> None:
    level = np.full(640, -70.0)
    level[100:200] = level[250:400] = -20.0
    probability = np.zeros(200)
    probability[31:125] = 0.9
    tracks = Tracks.of(activity_of(probability, level), 640 * 160, 16_000)
    assert runs(tracks.speech) == [(100, 200), (250, 400)]


def test_a_mask_is_widened_on_both_sides() -> None:
    mask = np.zeros(10, bool)
    mask[4] = True
    assert np.flatnonzero(widened(mask, 2)).tolist() == [2, 3, 4, 5, 6]
    assert runs(mask) == [(4, 5)]
