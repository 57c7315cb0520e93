from __future__ import annotations

import numpy as np
import pytest

from curator.recipes.overlap import effects, mixtures
from curator.recipes.overlap.material import Material, Meeting, without
from curator.recipes.overlap.mixtures import FRAMES, SAMPLES, STEP
from curator.recipes.overlap.singing import Song

HISS = (np.random.default_rng(9).normal(0, 1e-4, SAMPLES)).astype(np.float32)


def sound(*spans: tuple[float, float], seed: int = 0, gain_db: float = 0.0) -> np.ndarray:
    """Four seconds with noise at -20 dBFS in the spans (seconds)."""
    wave = np.zeros(SAMPLES, np.float32)
    noise = np.random.default_rng(seed).normal(0, 0.1 * 10 ** (gain_db / 20), SAMPLES).astype(np.float32)
    for start, end in spans:
        wave[round(start * 16_000) : round(end * 16_000)] = noise[round(start * 16_000) : round(end * 16_000)]
    return wave


def voice(hz: float, seconds: float = 6.0) -> np.ndarray:
    """Syllables of a harmonic tone."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    tone = sum(np.sin(2 * np.pi * hz * k * time + k) / k for k in range(1, 12))
    return np.asarray(0.1 * tone * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)), np.float32)


@pytest.fixture(scope="module")
def material() -> Material:
    song = Song(voice(220), (voice(221),), (voice(277), voice(330)))
    labels = np.ones(601, np.int64)
    labels[200:400] = 2
    voices = [[voice(hz)] for hz in (100, 140, 190, 240)]
    return Material(voices, [song], [Meeting(voice(150), labels)], [sound((0, 4))], [voice(90)])


def test_overlap_is_where_two_sound_at_once() -> None:
    tracks = [sound((0, 2.4)), sound((1.6, 4), seed=1)]
    label, weight = mixtures.overlap(tracks, tracks, HISS)
    times = np.flatnonzero(label) * 0.04
    assert times.min() == pytest.approx(1.6, abs=0.05)
    assert times.max() == pytest.approx(2.4, abs=0.05)
    assert weight[label].sum() >= label.sum() - 2


@pytest.mark.parametrize(("gain_db", "heard", "counts"), [(-10, True, True), (-20, False, False), (-35, False, True)])
def test_a_voice_counts_when_it_is_heard_and_is_left_open_when_that_is_a_matter_of_opinion(
    gain_db: float, heard: bool, counts: bool
) -> None:
    tracks = [sound((0, 4)), sound((1, 3), seed=1, gain_db=gain_db)]
    label, weight = mixtures.overlap(tracks, tracks, HISS)
    inside = slice(round(1.4 / 0.04), round(2.6 / 0.04))
    assert label[inside].all() == heard
    assert label[inside].any() == heard
    assert (weight[inside] > 0).all() == counts


def test_a_voice_drowned_by_what_lies_behind_is_no_second_voice() -> None:
    tracks = [sound((0, 4)), sound((1, 3), seed=1, gain_db=-8)]
    label, _ = mixtures.overlap(tracks, tracks, sound((0, 4), seed=2, gain_db=3))
    assert not label.any()


def test_a_stop_of_a_tenth_of_a_second_does_not_end_a_voice() -> None:
    assert mixtures.active(sound((0, 2.0), (2.1, 4.0))).all()
    assert not mixtures.active(sound((0, 1.5), (2.1, 4.0)))[40:52].any()


def test_what_a_room_adds_after_a_voice_is_no_second_voice() -> None:
    dry = [sound((0, 2.0)), sound((2.1, 4.0), seed=1)]
    wet = [effects.heard(np.random.default_rng(3), track, 1.5) for track in dry]
    assert mixtures.power(wet[0])[55] > 1e-5
    assert not mixtures.overlap(dry, wet, HISS)[0].any()


def test_the_same_seed_makes_the_same_examples(material: Material) -> None:
    first, second = ([mixtures.example(np.random.default_rng(4), material) for _ in range(2)] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.wave, other.wave)
        np.testing.assert_array_equal(one.label, other.label)


def test_every_kind_of_example_is_finite_whole_and_labelled_by_frame(material: Material) -> None:
    random = np.random.default_rng(5)
    made = [mixtures.example(random, material) for _ in range(60)]
    assert all(each.wave.shape == (SAMPLES,) and np.isfinite(each.wave).all() for each in made)
    assert all(each.label.shape == each.weight.shape == (FRAMES,) for each in made)
    share = np.mean([each.label.any() for each in made])
    assert 0.3 < share < 0.95


def test_a_labelled_recording_keeps_its_labels_at_another_speed(material: Material) -> None:
    voices = mixtures.labelled(material.meetings[0], start=16_000, speed=1.25)
    inside = np.flatnonzero(voices == 2)
    assert inside.min() * STEP * 1.25 / 16_000 == pytest.approx(1.0, abs=0.06)
    assert inside.max() * STEP * 1.25 / 16_000 == pytest.approx(3.0, abs=0.06)


def test_a_piece_of_one_meeting_over_another_is_overlap_where_either_is_heard_beside_the_other() -> None:
    lone = [Meeting(voice(hz), np.ones(601, np.int64)) for hz in (110, 150, 210)]
    everyone = Material([[voice(100)]], meetings=lone)
    made = [mixtures.meeting(np.random.default_rng(seed), everyone) for seed in range(40)]
    shares = [float(each.label[each.weight > 0].mean()) for each in made if each.weight.any()]
    assert 5 < sum(share == 0 for share in shares) < 25
    assert sum(share == 1 for share in shares) > 5


def test_voices_held_out_are_not_among_those_that_are_learnt(material: Material) -> None:
    kept, held = without(material, 2)
    assert len(kept.voices) == len(held.voices) == 2
    assert not {id(waves) for waves in kept.voices} & {id(waves) for waves in held.voices}
    assert not held.meetings
