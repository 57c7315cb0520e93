"""Which scores are ordered: the missing and the outdated, and all where a recording is heard in a new way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import Activity, Analysis, Clip, LeftOut, Recording, Scoring, clip_id
from catalog.store import Store
from curator import activity
from curator.analysis import HEARING
from curator.due import families, orders
from curator.scores.registry import SCORERS
from curator.slicer import SlicingSettings

VERSIONS = {scorer.name: scorer.version for scorer in SCORERS}


@pytest.fixture
def store(library: Library) -> Iterator[Store]:
    with Store(library) as opened:
        yield opened


def add(store: Store, *, heard: str = activity.VERSION, voice: str = "auto", **outdated: int) -> Recording:
    """A recording of one clip, scored by the present code but for what is `outdated`."""
    recording = Recording("0" * 16, "0" * 64, str(Path("/voice.wav")), "alto", 100, 1, 1000, "WAV/PCM_16", 1)
    clip = Clip(clip_id(recording.id, 0, 900), recording.id, 0, 900)
    zeros = np.zeros(1000, np.uint8).tobytes()
    settings = SlicingSettings(voice=voice)  # type: ignore[arg-type]
    versions = VERSIONS | {HEARING: activity.hearing(settings.voice)} | outdated
    store.take_in(
        Analysis(
            recording=recording,
            activity=Activity(heard, 0.032, zeros, 0.01, zeros, 0.016, zeros),
            clips=[clip],
            left_out=[LeftOut(900, 1000, "silence")],
            scorings=[Scoring(clip.id, {}, versions)],
            slicer=settings.words(),
        )
    )
    return recording


@pytest.mark.parametrize("voice", ["auto", "singing"])
def test_nothing_is_due_where_all_is_as_the_present_code_would_do_it(store: Store, voice: str) -> None:
    assert orders(store, [add(store, voice=voice)]) == []


def test_what_an_earlier_scorer_computed_is_due_and_no_more(store: Store) -> None:
    recording = add(store, noise=0, loudness=0)
    (order,) = orders(store, [recording])
    assert order.scorings[0].versions == {name: VERSIONS[name] for name in ("noise", "loudness")}
    assert order.activity is not None
    (order,) = orders(store, [recording], only=["snr_db"])
    assert set(order.scorings[0].versions) == {"noise"}
    assert orders(store, [recording], only=["loudness_lufs"])[0].scorings[0].versions == {
        "loudness": VERSIONS["loudness"]
    }
    assert orders(store, [recording], among=[]) == []


def test_a_recording_that_earlier_code_heard_is_heard_anew_with_all_its_scores(store: Store) -> None:
    (order,) = orders(store, [add(store, heard="earlier")], only=["snr_db"])
    assert order.activity is None
    assert order.scorings[0].versions == VERSIONS


def test_another_kind_of_voice_makes_all_scores_due_from_what_is_stored(store: Store) -> None:
    (order,) = orders(store, [add(store, voice="singing", **{HEARING: activity.hearing("auto")})])
    assert order.activity is not None
    assert order.scorings[0].versions == VERSIONS
    assert replace(order, scorings=()).slicer.endswith("voice=singing")


def test_scores_and_their_families_are_both_names() -> None:
    assert families(["snr_db", "noise"]) == ["noise"]
    assert families([]) == list(VERSIONS)
    with pytest.raises(BadRequest, match="snr_dp"):
        families(["snr_dp"])
