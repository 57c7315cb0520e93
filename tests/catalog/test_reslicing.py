"""Slicing again: which clips are there, what they keep, and what undo brings back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from catalog.records import Analysis, Clip, LeftOut, clip_id
from catalog.reslicing import Slicing
from catalog.store import Store

Fill = Callable[[Store], Analysis]


@pytest.fixture
def fill(make_analysis: Callable[[], Analysis]) -> Fill:
    """Take a recording of five clips in and give it."""

    def taken_in(store: Store) -> Analysis:
        analysis = make_analysis()
        store.take_in(analysis)
        return analysis

    return taken_in


def cut(recording: str, ranges: Sequence[tuple[int, int]], shortest: int = 1000, words: str = "dp-2 min=2") -> Slicing:
    clips = [Clip(clip_id(recording, start, end), recording, start, end) for start, end in ranges]
    left_out = [LeftOut(0, ranges[0][0], "silence")] if ranges else []
    return Slicing(recording, words, shortest, "heard-1", clips, left_out)


def present(store: Store, recording: str) -> list[str]:
    return [each.clip.id for each in store.scored([recording])[recording]]


def test_a_range_that_stays_keeps_its_verdict_and_its_scores(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    recording, first = analysis.recording.id, analysis.clips[0]
    store.decide([clip.id for clip in analysis.clips], "accepted", ["good"])
    done = store.reslice([cut(recording, [(first.start, first.end), (first.end + 7, first.end + 5007)])])
    assert (done.kept, done.new, done.gone) == (1, 1, len(analysis.clips) - 1)
    assert done.decided == len(analysis.clips) - 1
    assert done.changed == (recording,)
    rows = {row["id"]: row for row in store.clip_table().to_pylist() if row["recording"] == recording}
    assert len(rows) == 2
    assert (rows[first.id]["verdict"], rows[first.id]["reasons"]) == ("accepted", ["good"])
    assert rows[first.id]["snr_db"] == analysis.scorings[0].values["snr_db"]
    other = next(row for identity, row in rows.items() if identity != first.id)
    assert (other["verdict"], other["snr_db"]) == ("undecided", None)


def test_undo_brings_back_the_clips_the_verdicts_and_what_was_left_out(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    recording = analysis.recording.id
    store.decide([analysis.clips[1].id], "rejected", ["noise"])
    before = (store.clip_table().to_pylist(), store.left_out(recording), store.sliced())
    store.reslice([cut(recording, [(11, 5011)])])
    assert [gap.end for gap in store.left_out(recording)] == [11]
    assert store.sliced()[recording].slicer == "dp-2 min=2"
    undone = store.undo()
    assert undone is not None
    assert len(undone.shown) == len(analysis.clips)
    assert (store.clip_table().to_pylist(), store.left_out(recording), store.sliced()) == before
    store.redo()
    assert store.check() == []
    assert present(store, recording) == [clip_id(recording, 11, 5011)]
    assert [gap.end for gap in store.left_out(recording)] == [11]


def test_clips_come_to_life_again_when_the_first_limits_come_back(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    recording = analysis.recording.id
    store.decide([analysis.clips[0].id], "accepted")
    ranges = [(clip.start, clip.end) for clip in analysis.clips]
    store.reslice([cut(recording, [(11, 5011)])])
    back = store.reslice([cut(recording, ranges, words="dp-2 min=5")])
    assert (back.new, back.gone) == (len(ranges), 1)
    assert present(store, recording) == [clip.id for clip in analysis.clips]
    assert store.clip(analysis.clips[0].id)["verdict"] == "accepted"


def test_the_same_clips_are_no_action_but_their_settings_are_remembered(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    recording = analysis.recording.id
    done = store.reslice([cut(recording, [(clip.start, clip.end) for clip in analysis.clips], words="dp-3")])
    assert (done.action, done.changed, done.kept) == (None, (), len(analysis.clips))
    assert store.sliced()[recording].slicer == "dp-3"
    assert store.undo() is None


def test_what_counts_as_short_follows_the_limits(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    recording, ranges = analysis.recording.id, [(clip.start, clip.end) for clip in analysis.clips]
    longest = max(end - start for start, end in ranges)
    for shortest, short in ((1, False), (longest + 1, True)):
        store.reslice([cut(recording, ranges, shortest)])
        assert all(row["short"] == short for row in store.clip_table().to_pylist() if row["recording"] == recording)


def test_a_recording_that_has_no_voice_any_more_loses_its_clips(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    assert store.reslice([cut(analysis.recording.id, [])]).gone == len(analysis.clips)
    assert present(store, analysis.recording.id) == []


def test_scores_that_are_taken_in_twice_are_there_once(store: Store, fill: Fill) -> None:
    analysis = fill(store)
    recording = analysis.recording.id
    store.reslice([cut(recording, [(11, 5011)])])
    scoring = type(analysis.scorings[0])(clip_id(recording, 11, 5011), {"snr_db": 12.0}, {"noise": 2})
    assert [store.take_in_scores(recording, analysis.activity, [scoring]) for _ in range(2)] == [1, 0]
    assert store.scored([recording])[recording][0].versions == {"noise": 2}
