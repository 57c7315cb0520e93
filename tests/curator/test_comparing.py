"""Scores that need the other clips: an outlying voice, the place where it changes, and takes that come again."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from catalog.library import Library
from catalog.records import Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store
from curator import comparing
from curator.scores.duplicates import Duplicates
from curator.scores.fingerprint import fingerprint
from curator.scores.speaker import Speaker, Voice
from infer.speaker_network import SIZE

RATE = 16_000


def voice(random: np.random.Generator, middle: np.ndarray, windows: int = 6, spread: float = 0.05) -> Voice:
    vectors = middle + spread * random.normal(size=(windows, SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    starts = np.arange(windows, dtype=np.float64)
    return Voice(starts, starts + 2, vectors.astype(np.float32))


def direction(random: np.random.Generator) -> np.ndarray:
    vector = random.normal(size=SIZE)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def store(library: Library) -> Iterator[Store]:
    with Store(library) as opened:
        yield opened


@pytest.fixture
def tune() -> Callable[..., np.ndarray]:
    """Seconds of notes nobody else has, by a seed."""

    def make(seed: int, seconds: float = 8.0) -> np.ndarray:
        random = np.random.default_rng(seed)
        parts = []
        for _ in range(round(seconds / 0.16)):
            time = np.arange(round(0.16 * RATE)) / RATE
            hz, lift = random.uniform(110, 330), random.uniform(0.1, 1, 12)
            note = sum(lift[k - 1] * np.sin(2 * np.pi * k * hz * time) for k in range(1, 13))
            parts.append(note * np.hanning(len(time)))
        wave = np.concatenate(parts) + 0.01 * random.normal(size=round(0.16 * RATE) * len(parts))
        return (0.05 * wave).astype(np.float32)

    return make


def analysis_of(name: str, features: list[dict[str, bytes]], speaker: str = "alto") -> Analysis:
    """A recording with a clip of 8 s for each of these features."""
    sha = (name.encode().hex() * 64)[:64]
    clips = [Clip(clip_id(sha[:16], n * 8, n * 8 + 8), sha[:16], n * 8, n * 8 + 8) for n in range(len(features))]
    scorings = [
        Scoring(
            clip.id,
            {"speaker_similarity": None, "duplicate_of": None},
            {"speaker": Speaker.version, "duplicates": Duplicates.version},
            {},
            {family: base64.b64encode(data).decode() for family, data in each.items()},
        )
        for clip, each in zip(clips, features, strict=True)
    ]
    recording = Recording(sha[:16], sha, f"/takes/{name}.wav", speaker, 1, 1, 8 * len(features), "WAV/PCM_16", 1)
    return Analysis(recording, None, clips, [], scorings, "dp-1")


def ids(analysis: Analysis) -> list[str]:
    return [clip.id for clip in analysis.clips]


def column(store: Store, name: str) -> dict[str, object]:
    return {row["id"]: row[name] for row in store.clip_table().to_pylist()}


# the voice


def test_another_voice_is_far_below_the_others_even_when_there_are_several() -> None:
    random = np.random.default_rng(1)
    own, other = direction(random), direction(random)
    voices = [voice(random, own) for _ in range(20)] + [voice(random, other) for _ in range(4)]
    values, _ = comparing.likeness(voices)
    assert min(values[:20]) > 0.7
    assert max(values[20:]) < 0.4


def test_the_place_is_where_the_voice_changes() -> None:
    random = np.random.default_rng(2)
    own, other = direction(random), direction(random)
    voices = [voice(random, own, 12) for _ in range(8)]
    changed = voices[3]
    changed.vectors[5:8] = voice(random, other, 3).vectors
    values, places = comparing.likeness(voices)
    assert values[3] == min(values)
    assert 4 <= places[3][0] <= 7
    assert places[3][1] - places[3][0] == pytest.approx(3)


def test_two_clips_are_too_few_to_be_alike() -> None:
    random = np.random.default_rng(3)
    assert comparing.likeness([voice(random, direction(random)) for _ in range(2)])[0] == [None, None]


def test_a_voice_is_kept_in_a_byte_a_number() -> None:
    kept = voice(np.random.default_rng(4), direction(np.random.default_rng(5)))
    again = Voice.unpacked(kept.packed())
    np.testing.assert_allclose(again.vectors, kept.vectors, atol=0.005)
    np.testing.assert_allclose(again.ends, kept.ends)
    assert len(kept.packed()) == 6 * (SIZE + 4)


def test_only_speakers_whose_clips_changed_are_compared_again(store: Store) -> None:
    random = np.random.default_rng(6)
    alto, tenor = direction(random), direction(random)
    first = analysis_of("a", [{"speaker": voice(random, alto).packed()} for _ in range(5)])
    second = analysis_of("b", [{"speaker": voice(random, tenor).packed()} for _ in range(5)], "tenor")
    for each in (first, second):
        store.take_in(each)
    assert comparing.compare(store) == 10
    assert comparing.compare(store) == 0
    store.take_in(analysis_of("c", [{"speaker": voice(random, alto).packed()}], "tenor"))
    before = column(store, "speaker_similarity")
    assert comparing.compare(store) >= 1
    after = column(store, "speaker_similarity")
    assert [after[clip] for clip in ids(first)] == [before[clip] for clip in ids(first)]
    assert min(value for value in after.values() if value is not None) < 0.4


def test_a_clip_scored_again_gets_its_likeness_again(store: Store) -> None:
    random = np.random.default_rng(7)
    alto = direction(random)
    taken = analysis_of("a", [{"speaker": voice(random, alto).packed()} for _ in range(5)])
    store.take_in(taken)
    comparing.compare(store)
    new = base64.b64encode(voice(random, direction(random)).packed()).decode()
    clip = ids(taken)[0]
    store.rescore([Scoring(clip, {"speaker_similarity": None}, {"speaker": Speaker.version}, {}, {"speaker": new})])
    assert column(store, "speaker_similarity")[clip] is None
    comparing.compare(store)
    assert column(store, "speaker_similarity")[clip] < 0.4


# repeats


def test_the_same_take_is_found_louder_cut_shorter_and_in_noise(tune) -> None:
    takes = [tune(seed) for seed in range(6)]
    noise = np.random.default_rng(1).normal(0, 0.003, len(takes[2])).astype(np.float32)
    again = [0.25 * takes[1], takes[4][2 * RATE : 7 * RATE], takes[2] + noise]
    prints = [fingerprint(wave) for wave in (*takes, *again)]
    assert comparing.repeats(prints, np.arange(len(prints))) == {6: 1, 7: 4, 8: 2}


def test_other_takes_are_not_repeats(tune) -> None:
    prints = [fingerprint(tune(seed)) for seed in range(30)]
    assert comparing.repeats(prints, np.arange(30)) == {}


@pytest.mark.parametrize("wave", [np.zeros(8 * RATE), np.sin(0.05 * np.arange(8 * RATE)), np.zeros(10)])
def test_silence_and_a_steady_tone_repeat_nothing(wave) -> None:
    prints = [fingerprint(wave.astype(np.float32)), fingerprint(wave[: 7 * RATE].astype(np.float32))]
    assert comparing.repeats(prints, np.arange(2)) == {}


def test_a_repeat_of_a_repeat_names_the_first(tune) -> None:
    prints = [fingerprint(gain * tune(1)) for gain in (1.0, 0.5, 0.25)]
    assert comparing.repeats(prints, np.arange(3)) == {1: 0, 2: 0}


def test_earlier_is_what_was_looked_up_before_whatever_its_path(store: Store, tune) -> None:
    first = analysis_of("z", [{"duplicates": fingerprint(tune(1)).packed()}])
    store.take_in(first)
    assert comparing.compare(store) == 0
    late = analysis_of("a", [{"duplicates": fingerprint(0.5 * tune(seed)).packed()} for seed in (1, 2)])
    store.take_in(late)
    assert comparing.compare(store) == 1
    assert column(store, "duplicate_of") == {ids(first)[0]: None, ids(late)[0]: ids(first)[0], ids(late)[1]: None}
    assert comparing.compare(store) == 0


def test_of_clips_that_come_together_the_order_of_paths_decides(store: Store, tune) -> None:
    both = [analysis_of(name, [{"duplicates": fingerprint(tune(1)).packed()}]) for name in ("b", "a")]
    for each in both:
        store.take_in(each)
    comparing.compare(store)
    assert column(store, "duplicate_of") == {ids(both[0])[0]: ids(both[1])[0], ids(both[1])[0]: None}


def test_when_the_first_is_forgotten_its_repeat_is_one_no_more(store: Store, tune) -> None:
    both = [analysis_of(name, [{"duplicates": fingerprint(tune(1)).packed()}]) for name in ("a", "b")]
    for each in both:
        store.take_in(each)
    comparing.compare(store)
    store.forget(both[0].recording.id)
    comparing.compare(store)
    assert column(store, "duplicate_of") == {ids(both[1])[0]: None}
