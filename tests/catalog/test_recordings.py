"""Recordings: taken in whole or not at all, found again at other places, and forgotten."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import Analysis, LeftOut, Scoring
from catalog.store import Store, TakenIn
from tests.catalog.conftest import a_set, everything

MakeAnalysis = Callable[..., Analysis]


def test_a_recording_comes_in_whole_and_out_the_same(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    assert store.take_in(analysis) == TakenIn(1, 5)
    assert store.recordings() == [analysis.recording]
    assert store.recording(analysis.recording.id[:5]) == analysis.recording
    assert store.left_out(analysis.recording.id) == analysis.left_out
    assert store.activity(analysis.recording.id) == analysis.activity
    assert store.known([analysis.recording.sha256, "0" * 64]) == {analysis.recording.sha256: analysis.recording}
    assert store.known_sums() == [analysis.recording.sha256]
    table = store.clip_table()
    assert table["id"].to_pylist() == [clip.id for clip in analysis.clips]
    assert table["snr_db"].to_pylist() == [0, 10, 20, 30, 40]
    assert store.check() == []


def test_adding_again_changes_nothing(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    before = everything(store)
    assert store.take_in(make_analysis("one")) == TakenIn(0, 0)
    assert everything(store) == before


def test_the_same_bytes_at_another_path_update_the_place(
    store: Store, make_analysis: MakeAnalysis, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.wav", tmp_path / "new.wav"
    old.write_bytes(b"x")
    store.take_in(make_analysis("one", path=str(old)))
    assert store.take_in(make_analysis("one", path=str(new))) == TakenIn(0, 0)
    assert store.recordings()[0].path == str(new)
    assert set(store.clip_table()["path"].to_pylist()) == {str(new)}
    assert len(store.clip_table()) == 5


def test_two_copies_of_the_same_bytes_do_not_take_turns(
    store: Store, make_analysis: MakeAnalysis, tmp_path: Path
) -> None:
    one, two = tmp_path / "1.wav", tmp_path / "2.wav"
    for path in (one, two):
        path.write_bytes(b"x")
        store.take_in(make_analysis("one", path=str(path)))
    recording = store.recordings()[0]
    assert recording.path == str(two)
    assert not store.seen_at(recording.id, str(one))
    assert store.recordings()[0].path == str(two)
    two.unlink()
    assert store.seen_at(recording.id, str(one))
    assert store.recordings()[0].path == str(one)


def test_one_bad_score_leaves_no_half_recording(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    bad = dataclasses.replace(analysis, scorings=[Scoring(analysis.clips[0].id, {"loveliness": 1.0}, {})])
    with pytest.raises(BadRequest, match="no score named loveliness"):
        store.take_in(bad)
    assert store.recordings() == []
    assert len(store.clip_table()) == 0


def test_slicing_again_tells_what_the_new_slicing_left_out(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    again = dataclasses.replace(analysis, slicer="dp-2", left_out=[LeftOut(0, 10, "no speech")])
    store.take_in(again)
    assert store.left_out(analysis.recording.id) == again.left_out


def test_recordings_are_listed_with_what_became_of_their_clips(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    store.take_in(make_analysis("none", count=0))
    ids = [clip.id for clip in analysis.clips]
    store.decide(ids[:3], "accepted")
    store.decide(ids[3:4], "rejected", ["noisy"])
    empty, row = store.recording_rows()
    assert {"id", "path", "speaker", "duration_s", "sample_rate", "channels"} <= set(row)
    assert (row["clips"], row["accepted"], row["rejected"]) == (5, 3, 1)
    assert (row["duration_s"], row["seconds_clips"]) == (34.0, 30.0)
    assert (empty["clips"], empty["seconds_clips"]) == (0, 0)


def test_forget_removes_a_recording_and_nothing_else(
    store: Store, make_analysis: MakeAnalysis, library: Library
) -> None:
    one, two = make_analysis("one"), make_analysis("two")
    for analysis in (one, two):
        store.take_in(analysis)
        store.decide([clip.id for clip in analysis.clips], "accepted")
    store.add_set(*a_set(one))
    forgotten = store.forget(one.recording.id)
    assert (forgotten.clips, forgotten.sets) == (5, ("first",))
    assert store.recordings() == [two.recording]
    assert store.clip_table()["verdict"].to_pylist() == ["accepted"] * 5
    undone = store.undo()
    assert undone
    assert set(undone.clips) == {clip.id for clip in two.clips}
    again = store.undo()
    assert again
    assert again.clips == ()
    with pytest.raises(BadRequest, match="no recording"):
        store.forget(one.recording.id)
    assert one.recording.path not in str(everything(store))


def test_forget_takes_the_stems_of_a_recording_along(
    store: Store, make_analysis: MakeAnalysis, library: Library
) -> None:
    mix, vocals = make_analysis("mix"), make_analysis("vocals")
    kept = library.media / "vocals.flac"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"sound")
    stem = dataclasses.replace(
        vocals, recording=dataclasses.replace(vocals.recording, parent=mix.recording.id, path=str(kept))
    )
    for analysis in (mix, stem):
        store.take_in(analysis)
    forgotten = store.forget(mix.recording.id)
    assert (forgotten.clips, forgotten.stems) == (10, (str(kept),))
    assert store.recordings() == []
    assert not kept.exists()
    assert store.check() == []
