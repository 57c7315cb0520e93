from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog.errors import BadRequest
from catalog.records import Activity
from curator.activity import Tracks
from curator.frames import edge, frames_of, runs
from curator.slicer import NO_SPEECH, SILENCE, SlicingSettings, check, slice_activity, slice_tracks


def random_activity(random: np.random.Generator, samples: int, rate: int) -> Activity:
    """Probabilities and levels of any kind: speech-like, constant, digital silence, or plain chaos."""
    frames = frames_of(samples, rate)
    hops = int(np.ceil(samples / rate / 0.032))
    kind = random.integers(0, 5)
    if kind == 0:
        probability, level = random.random(hops), random.uniform(-120, 0, frames)
    elif kind == 1:
        probability, level = np.ones(hops), np.full(frames, random.uniform(-60, 0))
    elif kind == 2:
        probability, level = np.zeros(hops), np.full(frames, -120.0)
    else:
        turns = np.repeat(random.random(hops) > 0.3, random.integers(1, 200))[:hops]
        probability = np.clip(turns + random.normal(0, 0.2, hops), 0, 1)
        level = -70 + 45 * np.repeat(turns, 4)[:frames] if len(turns) * 4 >= frames else np.full(frames, -30.0)
        level = level + random.normal(0, 8, frames)
    steps = np.clip(np.round((level + 120) * 2), 0, 255).astype(np.uint8)
    return Activity("test", 0.032, np.round(probability * 255).astype(np.uint8).tobytes(), 0.01, steps.tobytes())


@pytest.mark.parametrize("seed", range(40))
def test_every_sample_is_in_a_clip_or_left_out_and_no_clip_is_too_long(seed: int) -> None:
    random = np.random.default_rng(seed)
    rate = int(random.choice([8000, 11_025, 16_000, 22_050, 44_100, 48_000]))
    samples = int(random.choice([1, 57, rate // 5, rate * 7, rate * 61])) + int(random.integers(0, rate))
    activity = random_activity(random, samples, rate)
    sliced = slice_activity("recording", activity, samples, rate)
    check(sliced, samples)
    lengths = [clip.end - clip.start for clip in sliced.clips]
    assert sum(lengths) + sum(gap.end - gap.start for gap in sliced.left_out) == samples
    assert all(0 < length <= 15 * rate for length in lengths)
    assert all(clip.short == (clip.end - clip.start < 5 * rate) for clip in sliced.clips)
    assert all(gap.reason in (SILENCE, NO_SPEECH) for gap in sliced.left_out)
    inside = np.zeros(samples, bool)
    for clip in sliced.clips:
        inside[clip.start : clip.end] = True
    tracks = Tracks.of(activity, samples, rate)
    spoken = [(edge(frame, rate), min(edge(frame + 1, rate), samples)) for frame in np.flatnonzero(tracks.speech)]
    assert all(inside[start:end].all() for start, end in spoken), "speech is never left out"
    assert slice_activity("recording", activity, samples, rate) == sliced


def speech_like(parts: list[tuple[float, float]]) -> Activity:
    """Stretches of (seconds, dBFS); louder than -50 is speech."""
    level = np.concatenate([np.full(round(seconds * 100), db) for seconds, db in parts])
    probability = (level > -50).astype(float)
    hops = probability[np.minimum((np.arange(int(len(level) / 3.2)) * 3.2 + 1.6).astype(int), len(level) - 1)]
    steps = np.round((level + 120) * 2).astype(np.uint8)
    return Activity("test", 0.032, np.round(hops * 255).astype(np.uint8).tobytes(), 0.01, steps.tobytes())


def cut(parts: list[tuple[float, float]], **settings: float) -> list[tuple[float, float]]:
    activity = speech_like(parts)
    samples = round(sum(seconds for seconds, _ in parts) * 16_000)
    clips = slice_activity("r", activity, samples, 16_000, SlicingSettings(**settings)).clips
    return [(clip.start / 16_000, clip.end / 16_000) for clip in clips]


def test_a_long_pause_ends_a_clip_when_both_sides_can_fill_one() -> None:
    clips = cut([(1, -70), (6, -20), (1.5, -70), (6, -20), (1, -70)])
    assert clips == pytest.approx([(0.75, 7.35), (8.25, 14.85)])


def test_a_pause_over_a_second_always_ends_a_clip() -> None:
    parts = [(1, -70), (3, -20), (1.1, -70), (0.4, -20), (1.5, -70), (3, -20), (1, -70)]
    sliced = slice_activity("r", speech_like(parts), 11 * 16_000, 16_000)
    assert [clip.short for clip in sliced.clips] == [True, True, True]
    tracks = Tracks.of(speech_like(parts), 11 * 16_000, 16_000)
    for clip in sliced.clips:
        inside = tracks.speech[clip.start // 160 : clip.end // 160]
        assert max((last - first for first, last in runs(~inside)), default=0) <= 100


def test_speech_that_cannot_fill_a_clip_is_joined_over_a_pause_where_that_is_wished() -> None:
    parts = [(1, -70), (3, -20), (1.5, -70), (3, -20), (1, -70)]
    assert len(cut(parts)) == 2
    assert len(cut(parts, join_s=3)) == 1


def test_the_words_of_settings_give_them_back() -> None:
    settings = SlicingSettings(min_s=3, ideal_s=4.5, max_s=6.5, join_s=2, voice="singing")
    assert SlicingSettings.of(settings.words()) == settings
    assert SlicingSettings.of("dp-1 min=5 max=15") == SlicingSettings()


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    dips = [(4.0, -26), (6.0, -38), (7.0, -32)]
    parts, position = [(1, -70)], 0.0
    for at, db in [*dips, (17.0, -20)]:
        parts += [(at - position, -20), (0.05, db)]
        position = at + 0.05
    clips = cut([*parts, (1, -70)])
    assert len(clips) == 2
    assert 7.0 <= clips[0][1] <= 7.06


def test_of_two_valleys_the_one_without_a_consonant_is_cut() -> None:
    parts = [(1, -70), (8, -20), (0.06, -45), (3, -20), (0.06, -45), (8, -20), (1, -70)]
    activity = speech_like(parts)
    for consonant, gap in (((900, 906), (12.06, 12.12)), ((1206, 1212), (9.0, 9.06))):
        highs = np.frombuffer(activity.energy, np.uint8).copy()
        highs[consonant[0] : consonant[1]] = highs[500]
        heard = replace(activity, highs=highs.tobytes())
        clips = slice_activity("r", heard, round(21.12 * 16_000), 16_000).clips
        assert len(clips) == 2
        assert gap[0] <= clips[0].end / 16_000 <= gap[1]


@pytest.mark.parametrize("pause_s", [0.3, 0.5, 0.7])
def test_two_clips_share_the_room_tone_of_a_short_pause(pause_s: float) -> None:
    parts = [(1.0, -70.0), (8.0, -20.0), (pause_s, -70.0), (8.0, -20.0), (1.0, -70.0)]
    activity = speech_like(parts)
    highs = replace(activity, highs=activity.energy)
    first, second = slice_activity("r", highs, round((18 + pause_s) * 16_000), 16_000).clips
    assert first.end == second.start
    assert 9 + pause_s / 5 <= first.end / 16_000 <= 9 + pause_s * 4 / 5


@pytest.mark.parametrize("pause_s", [0.82, 0.9, 1.0])
def test_much_room_tone_on_both_sides_of_a_pause_never_makes_clips_overlap(pause_s: float) -> None:
    clips = cut([(1, -70), (8, -20), (pause_s, -70), (8, -20), (1, -70)], lead_s=0.4, tail_s=0.6)
    assert len(clips) == 2
    assert clips[0][1] <= clips[1][0]


def test_a_clip_holds_more_of_digital_silence_than_of_room_tone() -> None:
    def parts(quiet: float) -> list[tuple[float, float]]:
        return [(1, quiet), (6, -20), (1.4, quiet), (6, -20), (1, quiet)]

    assert cut(parts(-70)) == pytest.approx([(0.75, 7.35), (8.15, 14.75)])
    assert cut(parts(-90)) == pytest.approx([(0.45, 7.65), (7.85, 15.05)])


def test_digital_silence_makes_no_clip_too_long_and_no_two_overlap() -> None:
    clips = cut([(2, -90), (14.3, -20), (1.02, -90), (5, -20), (2, -90)])
    assert [end - start <= 15 for start, end in clips] == [True, True]
    assert clips[0][1] <= clips[1][0]


def test_speech_far_from_any_other_is_kept_as_a_short_clip() -> None:
    parts = [(1, -70), (2, -20), (4, -70), (6, -20), (1, -70)]
    clips = slice_activity("r", speech_like(parts), 14 * 16_000, 16_000).clips
    assert [clip.short for clip in clips] == [True, False]


def test_speech_without_a_pause_is_cut_in_its_valley() -> None:
    clips = cut([(1, -70), (9, -20), (0.06, -45), (9, -20), (1, -70)])
    assert len(clips) == 2
    assert clips[0][1] == clips[1][0]
    assert 10.0 <= clips[0][1] <= 10.06


def test_a_steady_tone_is_cut_although_it_has_no_valley() -> None:
    clips = cut([(1, -70), (60, -20), (1, -70)])
    assert all(5 <= end - start <= 15 for start, end in clips)
    assert clips[0][0] < 1.01
    assert clips[-1][1] > 60.99


def test_cuts_stay_the_same_when_the_recording_is_turned_down() -> None:
    random = np.random.default_rng(3)
    parts = [(float(random.uniform(0.1, 0.8)), float(random.choice([-20, -24, -38, -70]))) for _ in range(150)]
    quieter = [(seconds, max(db - 6, -76)) for seconds, db in parts]
    assert cut(parts) == cut(quieter)


def test_settings_change_what_a_clip_may_be() -> None:
    clips = cut([(1, -70), (30, -20), (1, -70)], min_s=3, ideal_s=4, max_s=6)
    assert all(3 <= end - start <= 6 for start, end in clips)


@pytest.mark.parametrize(
    "settings", [{"min_s": 8}, {"max_s": 4}, {"pause_s": 0.2}, {"lead_s": -1}, {"join_s": 9}, {"max_s": 100}]
)
def test_settings_that_cannot_hold_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(BadRequest):
        SlicingSettings(**settings)


def test_a_recording_without_speech_is_left_out_whole() -> None:
    sliced = slice_activity("r", speech_like([(10, -70)]), 160_000, 16_000)
    assert sliced.clips == ()
    assert [(gap.start, gap.end, gap.reason) for gap in sliced.left_out] == [(0, 160_000, NO_SPEECH)]


def test_sound_that_is_no_speech_is_left_out_with_that_reason() -> None:
    level = np.full(1500, -70.0)
    level[100:700], level[900:1300] = -20.0, -30.0
    probability = np.zeros(468)
    probability[31:219] = 0.95
    hop = ((np.arange(1500) + 0.5) / 3.2).astype(int)
    at_frames = probability[np.minimum(hop, 467)].astype(np.float32)
    tracks = Tracks(at_frames, level.astype(np.float32), 240_000, 16_000)
    reasons = [gap.reason for gap in slice_tracks("r", tracks, SlicingSettings()).left_out]
    assert reasons == [SILENCE, NO_SPEECH]
