"""The clip table: its columns and order, filters, and one clip by the beginning of its id."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from catalog import clips
from catalog.errors import BadRequest
from catalog.filters import FIELDS, NAMES
from catalog.records import SCORE_NAMES, Analysis, Clip, clip_id
from catalog.store import Store, TakenIn

MakeAnalysis = Callable[..., Analysis]


def test_the_table_has_a_column_for_every_field_and_score(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    table = store.clip_table()
    assert tuple(table.column_names) == NAMES
    assert set(SCORE_NAMES) < set(NAMES)
    kinds = {"VARCHAR": "string", "DOUBLE": "double", "BIGINT": "int64", "INTEGER": "int32", "BOOLEAN": "bool"}
    for name, kind in FIELDS:
        found = str(table.schema.field(name).type)
        assert found == kinds[kind] if kind in kinds else found.startswith("list<"), name


def test_clips_come_by_speaker_path_and_start(store: Store, make_analysis: MakeAnalysis) -> None:
    for content, speaker in [("b", "zoe"), ("c", "anna"), ("a", "anna")]:
        store.take_in(make_analysis(content, speaker=speaker, count=2))
    rows = store.clip_table().to_pylist()
    keys = [(row["speaker"], row["path"], row["start"]) for row in rows]
    assert keys == sorted(keys)
    assert [row["start_s"] for row in rows[:2]] == [0.0, 6.0]
    assert {row["duration_s"] for row in rows} == {6.0}


def test_filter_sort_and_limit_work_together(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    table = store.clip_table(where="snr_db >= 10 AND speaker = 'anna'", sort="snr_db DESC", limit=2)
    assert table["snr_db"].to_pylist() == [40, 30]
    assert len(store.clip_table(where=["snr_db >= 10", "snr_db < 30"])) == 2
    assert len(store.clip_table(where="mos > 3")) == 0
    assert len(store.clip_table(where="mos IS NULL", limit=0)) == 0


def test_one_filter_of_several_cannot_undo_another(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    assert len(store.clip_table(where=["verdict = 'accepted'", "true OR true -- "])) == 0
    with pytest.raises(BadRequest):
        store.clip_table(where=["verdict = 'accepted'", "true) OR (true"])


def test_an_expression_that_fails_on_the_data_is_said_in_words(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    for where in ("speaker::INTEGER > 3", "snr_db > 'abc'"):
        with pytest.raises(BadRequest, match="does not work") as refusal:
            store.clip_table(where=where)
        assert "\n" not in str(refusal.value)


def test_a_superseded_clip_is_hidden(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    old = analysis.clips[0]
    edited = Clip(clip_id(old.recording, 100, old.end), old.recording, 100, old.end, supersedes=old.id)
    assert store.take_in(dataclasses.replace(analysis, clips=[edited], scorings=[])) == TakenIn(0, 1)
    ids = store.clip_table()["id"].to_pylist()
    assert edited.id in ids
    assert old.id not in ids
    assert store.recording_rows()[0]["clips"] == 5
    with pytest.raises(BadRequest, match="replaced"):
        store.clip(old.id)


def test_a_clip_is_found_by_the_beginning_of_its_id(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    row = store.clip(analysis.clips[2].id[:8])
    assert row["id"] == analysis.clips[2].id
    assert row["scores"]["snr_db"] == 20
    assert set(row["scores"]) == set(SCORE_NAMES)
    promised = {
        *("id", "recording", "path", "speaker", "start_s", "end_s", "duration_s", "verdict", "reasons"),
        *("suggestion", "scores"),
    }
    assert promised <= set(row)
    assert clips.rows(store.clip_table())[2] == row
    for wrong in ("zzzz", "", "%"):
        with pytest.raises(BadRequest, match="no clip with the id"):
            store.clip(wrong)
