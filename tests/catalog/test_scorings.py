"""Scores: kept by the version of what computed them, the latest one counting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from catalog.errors import BadRequest
from catalog.records import Analysis, Scoring
from catalog.store import Store

MakeAnalysis = Callable[..., Analysis]


def test_a_score_keeps_its_place_until_it_is_computed_again(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    first = analysis.clips[0].id
    assert store.clip(first)["places"] == {}
    store.rescore([Scoring(first, {"hum_db": 20.0, "mos": 2.0}, {"x": 1}, {"hum_db": (1.0, 2.0), "mos": (0, 0.5)})])
    store.rescore([Scoring(first, {"mos": 4.0}, {"x": 2})])
    assert store.clip(first)["places"] == {"hum_db": (1.0, 2.0)}
    assert len(store.clip_table(where="places LIKE '%hum_db%'")) == 1
    for wrong in ((-1.0, 2.0), (2.0, 2.0)):
        with pytest.raises(BadRequest, match="no range inside a clip"):
            store.rescore([Scoring(first, {"mos": 4.0}, {}, {"mos": wrong})])


def test_the_features_of_present_clips_are_kept_by_family_and_version(
    store: Store, make_analysis: MakeAnalysis
) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    first, second, *_ = (clip.id for clip in analysis.clips)
    store.rescore([Scoring(clip, {}, {"voice": 1}, features={"voice": "AAEC"}) for clip in (first, second)])
    store.rescore([Scoring(second, {}, {"voice": 2}, features={"voice": "AwQ="})])
    rows = store.features("voice", 1).to_pylist()
    assert [(row["clip"], row["data"], row["speaker"]) for row in rows] == [
        (first, b"\0\1\2", analysis.recording.speaker)
    ]
    assert store.compared("voice") == {}
    assert store.add_comparison("voice", {"alto": "1", "tenor": "2"}, [Scoring(first, {"mos": 2.0}, {})]) == 1
    store.add_comparison("voice", {"alto": "3"}, [])
    assert store.compared("voice") == {"alto": "3", "tenor": "2"}
    assert store.clip(first)["scores"]["mos"] == 2.0
    assert [row["data"] for row in store.features("voice", 2).to_pylist()] == [b"\3\4"]
    assert store.features("print", 1).num_rows == 0
    assert store.check() == []
    store.forget(analysis.recording.id)
    assert store.features("voice", 1).num_rows == 0


def test_a_score_that_a_later_scoring_does_not_mention_keeps_its_value(
    store: Store, make_analysis: MakeAnalysis
) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    first = analysis.clips[0].id
    assert store.rescore([Scoring(first, {"mos": 4.5, "f0_median_hz": None}, {"quality": 3})]) == 1
    scores = store.clip(first)["scores"]
    assert (scores["snr_db"], scores["mos"], scores["f0_median_hz"]) == (0.0, 4.5, None)
    assert store.clip(analysis.clips[1].id)["scores"]["f0_median_hz"] == 200


def test_a_score_that_is_no_number_is_null(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    scorings = [Scoring(analysis.clips[0].id, {"snr_db": float("nan"), "hum_db": float("inf")}, {"noise": 1})]
    store.take_in(dataclasses.replace(analysis, scorings=scorings))
    scores = store.clip(analysis.clips[0].id)["scores"]
    assert (scores["snr_db"], scores["hum_db"]) == (None, None)
