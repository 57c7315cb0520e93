"""Edits: clips give way to others, inherit what was said of them, and come back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import Analysis, Scoring
from catalog.reslicing import Slicing
from catalog.store import Store

RATE = 48000
SIX_S = 6 * RATE


@pytest.fixture
def ids(store: Store, make_analysis: Callable[..., Analysis]) -> list[str]:
    """The ids of four clips of six seconds, one after the other."""
    analysis = make_analysis("one", count=4)
    store.take_in(analysis)
    return [clip.id for clip in analysis.clips]


def spans(store: Store) -> list[tuple[int, int]]:
    table = store.clip_table(sort='"start"')
    return list(zip(table["start"].to_pylist(), table["end"].to_pylist(), strict=True))


def test_a_nudged_edge_is_a_clip_of_its_own_and_undo_brings_the_old_one_back(store: Store, ids: list[str]) -> None:
    before = spans(store)
    edited = store.replace_clips([ids[1]], [(SIX_S - 480, 2 * SIX_S)])
    assert edited.hidden == (ids[1],)
    assert spans(store) == [before[0], (SIX_S - 480, 2 * SIX_S), *before[2:]]
    undone = store.undo()
    assert undone is not None
    assert (undone.shown, undone.hidden) == ((ids[1],), (edited.shown[0].id,))
    assert spans(store) == before
    assert store.redo() is not None
    assert spans(store)[1] == (SIX_S - 480, 2 * SIX_S)
    assert store.check() == []


def test_an_edge_nudged_there_and_back_is_the_first_clip_with_its_scores(store: Store, ids: list[str]) -> None:
    there = store.replace_clips([ids[1]], [(SIX_S - 480, 2 * SIX_S)]).shown[0].id
    back = store.replace_clips([there], [(SIX_S, 2 * SIX_S)])
    assert [clip.id for clip in back.shown] == [ids[1]]
    assert store.clip(ids[1])["scores"]["snr_db"] == 10.0
    store.undo()
    assert store.clip(there)["start"] == SIX_S - 480
    store.undo()
    assert store.clip(ids[1])["start"] == SIX_S
    with pytest.raises(BadRequest, match="replaced"):
        store.clip(there)


def test_the_halves_of_a_clip_inherit_what_was_said_of_it_and_undo_takes_all_of_it_back(
    store: Store, ids: list[str]
) -> None:
    store.decide([ids[0]], "rejected", ["noise"])
    store.remark([ids[0]], note="door slams", add=["door"])
    edited = store.replace_clips([ids[0]], [(0, SIX_S // 2), (SIX_S // 2, SIX_S)], shortest=5 * RATE)
    for clip in edited.shown:
        row = store.clip(clip.id)
        said = (row["verdict"], row["reasons"], row["note"], row["tags"], row["short"])
        assert said == ("rejected", ["noise"], "door slams", ["door"], True)
    store.undo()
    row = store.clip(ids[0])
    assert (row["verdict"], row["note"], row["tags"]) == ("rejected", "door slams", ["door"])
    assert store.clip_table(where="list_contains(tags, 'door')").num_rows == 1


def test_a_merged_clip_keeps_a_verdict_only_when_both_had_it(store: Store, ids: list[str]) -> None:
    store.decide(ids[:2], "accepted")
    store.decide([ids[2]], "rejected", ["noise"])
    both = store.replace_clips(ids[:2], [(0, 2 * SIX_S)]).shown[0].id
    assert store.clip(both)["verdict"] == "accepted"
    mixed = store.replace_clips([both, ids[2]], [(0, 3 * SIX_S)]).shown[0].id
    assert store.clip(mixed)["verdict"] == "undecided"
    assert len(spans(store)) == 2
    store.undo()
    store.undo()
    assert [row["id"] for row in store.clip_table(sort='"start"').to_pylist()] == ids
    verdicts = store.clip_table(sort='"start"')["verdict"].to_pylist()
    assert verdicts == ["accepted", "accepted", "rejected", "undecided"]


def test_undo_goes_back_through_verdicts_edits_and_remarks_in_order_also_after_a_restart(
    library: Library, store: Store, ids: list[str]
) -> None:
    store.decide([ids[0]], "accepted")
    store.remark([ids[0]], add=["good"])
    store.replace_clips([ids[0]], [(100, SIX_S)])
    store.close()
    with Store(library) as later:
        assert spans(later)[0] == (100, SIX_S)
        later.undo()
        assert later.clip(ids[0])["tags"] == ["good"]
        later.undo()
        assert later.clip(ids[0])["tags"] == []
        later.undo()
        assert later.clip(ids[0])["verdict"] == "undecided"
        assert later.undo() is None
        for _ in range(3):
            assert later.redo() is not None
        assert spans(later)[0] == (100, SIX_S)


@pytest.mark.parametrize("wanted", [(-1, SIX_S), (0, 29 * SIX_S), (10, 10), (SIX_S, 2 * SIX_S)])
def test_what_cannot_be_a_clip_is_refused_and_nothing_changes(
    store: Store, ids: list[str], wanted: tuple[int, int]
) -> None:
    before = spans(store)
    with pytest.raises(BadRequest):
        store.replace_clips([ids[0]], [wanted])
    assert spans(store) == before
    assert store.undo() is None


def test_clips_of_two_recordings_and_clips_that_gave_way_cannot_be_edited(
    store: Store, ids: list[str], make_analysis: Callable[..., Analysis]
) -> None:
    other = make_analysis("two")
    store.take_in(other)
    with pytest.raises(BadRequest, match="different recordings"):
        store.replace_clips([ids[0], other.clips[0].id], [(0, SIX_S)])
    store.replace_clips([ids[0]], [(100, SIX_S)])
    with pytest.raises(BadRequest, match="any more"):
        store.replace_clips([ids[0]], [(200, SIX_S)])


def test_an_edited_clip_waits_for_its_scores(store: Store, ids: list[str]) -> None:
    new = store.replace_clips([ids[0]], [(100, SIX_S)]).shown[0].id
    assert store.unscored() == [new]
    assert store.clip(new)["scores"]["snr_db"] is None
    store.rescore([Scoring(new, {"snr_db": 33.0}, {"noise": 1})])
    assert store.unscored() == []
    store.replace_clips([new], [(200, SIX_S)])
    store.undo()
    assert store.unscored() == []
    assert store.clip(new)["scores"]["snr_db"] == 33.0


def test_counts_of_a_recording_are_those_of_its_present_clips(store: Store, ids: list[str]) -> None:
    store.replace_clips(ids[:2], [(0, 2 * SIX_S)])
    (row,) = store.recording_rows()
    assert row["clips"] == 3
    assert row["seconds_clips"] == 24.0


def test_a_forgotten_recording_takes_its_edits_and_remarks_along(store: Store, ids: list[str]) -> None:
    store.replace_clips([ids[0]], [(100, SIX_S)])
    store.remark([ids[1]], note="mine", add=["x"])
    store.forget(store.recordings()[0].id)
    assert store.check() == []
    with store._reading() as cursor:
        for table in ("presence", "remark", "clip", "decision"):
            assert cursor.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)]


def test_a_clip_that_gave_way_is_followed_to_the_one_in_its_place(store: Store, ids: list[str]) -> None:
    def nudge(clip: str, start: int) -> str:
        return store.replace_clips([clip], [(start, SIX_S)]).shown[0].id

    first, *others = ids
    assert store.in_place_of(ids) == ids
    second = nudge(nudge(first, 100), 200)
    assert store.in_place_of([first, others[0]]) == [second, others[0]]
    halves = store.replace_clips([second], [(200, 9000), (9000, SIX_S)]).shown
    assert store.in_place_of([first]) == [halves[0].id], "the first half stands for the whole"
    both = store.replace_clips([halves[1].id, others[0]], [(9000, 2 * SIX_S)]).shown[0].id
    assert store.in_place_of([others[0], halves[1].id]) == [both, both]
    store.undo()
    store.undo()
    assert store.in_place_of([first, others[0], halves[0].id]) == [second, others[0], second]
    store.redo()
    assert store.in_place_of([first]) == [halves[0].id]


def test_a_clip_in_whose_place_is_none_is_refused(store: Store, ids: list[str]) -> None:
    recording = store.clip(ids[0])["recording"]
    store.reslice([Slicing(recording, "other 1", 0, "", [], [])])
    with pytest.raises(BadRequest, match="any more; nothing was changed"):
        store.in_place_of([ids[0]])
