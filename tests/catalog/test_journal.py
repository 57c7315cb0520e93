"""Verdicts: decided, undone and redone by appending."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import Analysis
from catalog.store import Store


@pytest.fixture
def ids(store: Store, make_analysis: Callable[..., Analysis]) -> list[str]:
    """The ids of six clips in the store."""
    analysis = make_analysis("one", count=6)
    store.take_in(analysis)
    return [clip.id for clip in analysis.clips]


def verdicts(store: Store) -> list[str]:
    """The present verdicts, in order, as first letters."""
    return [verdict[0] for verdict in store.clip_table()["verdict"].to_pylist()]


def test_every_clip_begins_undecided(store: Store, ids: list[str]) -> None:
    assert verdicts(store) == ["u"] * 6
    assert store.undo() is None
    assert store.redo() is None


def test_a_verdict_has_reasons(store: Store, ids: list[str]) -> None:
    assert store.decide(ids[:1], "rejected", ["noisy", " hum ", "noisy", ""]) == 1
    row = store.clip(ids[0])
    assert (row["verdict"], row["reasons"]) == ("rejected", ["noisy", "hum"])
    assert store.decide(ids[:1], "undecided", ["no reason needed"]) == 2
    row = store.clip(ids[0])
    assert (row["verdict"], row["reasons"]) == ("undecided", [])


def test_undo_restores_the_previous_verdict_and_its_reasons(store: Store, ids: list[str]) -> None:
    store.decide(ids[:1], "rejected", ["noisy"])
    store.decide(ids[:1], "accepted")
    undone = store.undo()
    assert undone
    assert (undone.clips, undone.before, undone.after) == ((ids[0],), ("accepted",), ("rejected",))
    row = store.clip(ids[0])
    assert (row["verdict"], row["reasons"]) == ("rejected", ["noisy"])


def test_a_bulk_action_is_undone_as_one(store: Store, ids: list[str]) -> None:
    store.decide([ids[1]], "rejected", ["x"])
    store.decide(ids, "accepted")
    assert verdicts(store) == ["a"] * 6
    undone = store.undo()
    assert undone
    assert set(undone.clips) == set(ids)
    assert dict(zip(undone.clips, undone.after, strict=True))[ids[1]] == "rejected"
    assert verdicts(store) == ["u", "r", "u", "u", "u", "u"]


def test_several_are_undone_in_a_row_and_redone(store: Store, ids: list[str]) -> None:
    for clip in ids[:4]:
        store.decide([clip], "accepted")
    for left in (3, 2, 1, 0):
        assert store.undo()
        assert verdicts(store) == ["a"] * left + ["u"] * (6 - left)
    assert store.undo() is None
    for again in (1, 2, 3):
        redone = store.redo()
        assert redone
        assert (redone.kind, redone.after) == ("redo", ("accepted",))
        assert verdicts(store) == ["a"] * again + ["u"] * (6 - again)
    assert store.undo()
    assert verdicts(store) == ["a"] * 2 + ["u"] * 4


def test_a_new_decision_ends_redoing(store: Store, ids: list[str]) -> None:
    store.decide([ids[0]], "accepted")
    store.undo()
    store.decide([ids[1]], "rejected")
    assert store.redo() is None
    assert verdicts(store) == ["u", "r", "u", "u", "u", "u"]


def test_undo_survives_closing_and_another_process_deciding(library: Library, store: Store, ids: list[str]) -> None:
    store.decide(ids[:2], "accepted")
    store.decide(ids[2:4], "rejected")
    store.undo()
    store.close()
    with Store(library) as other:
        assert verdicts(other) == ["a", "a", "u", "u", "u", "u"]
        assert other.redo()
        other.decide([ids[5]], "accepted")
    undone = store.undo()
    assert undone
    assert undone.clips == (ids[5],)
    assert store.undo()
    assert store.undo()
    assert store.undo() is None
    assert verdicts(store) == ["u"] * 6


def test_nothing_in_the_journal_ever_changes(store: Store, ids: list[str]) -> None:
    seen: list[tuple[object, ...]] = []
    steps: list[Callable[[], object]] = [
        lambda: store.decide(ids[:3], "accepted"),
        lambda: store.decide(ids[1:2], "rejected", ["x"]),
        store.undo,
        store.undo,
        store.redo,
        lambda: store.decide(ids, "undecided"),
        store.undo,
    ]
    for step in steps:
        step()
        with store._reading() as cursor:
            rows = cursor.execute("SELECT * FROM decision ORDER BY action, clip").fetchall()
        assert rows[: len(seen)] == seen
        assert len(rows) > len(seen)
        seen = rows


def test_an_unknown_clip_decides_nothing(store: Store, ids: list[str]) -> None:
    with pytest.raises(BadRequest, match="no clip with the id nonsense; nothing was decided"):
        store.decide([ids[0], "nonsense"], "accepted")
    assert verdicts(store) == ["u"] * 6
    with pytest.raises(BadRequest, match="No clips were named"):
        store.decide([], "accepted")
    with pytest.raises(BadRequest, match="not a verdict"):
        store.decide(ids, "splendid")  # type: ignore[arg-type]
    assert store.undo() is None


def test_a_clip_named_twice_is_decided_once(store: Store, ids: list[str]) -> None:
    store.decide([ids[0], ids[0]], "accepted")
    undone = store.undo()
    assert undone
    assert undone.clips == (ids[0],)


def test_clips_get_each_its_own_verdict_in_one_action_that_one_undo_takes_back(
    store: Store, make_analysis: Callable[..., Analysis]
) -> None:
    store.take_in(make_analysis())
    first, second, third, *_ = store.clip_table()["id"].to_pylist()
    store.decide([first], "rejected", ["noise"])
    store.decide_each({first: "accepted", second: "rejected", third: "undecided"}, ["learned"])
    rows = [store.clip(clip) for clip in (first, second, third)]
    assert [(row["verdict"], list(row["reasons"])) for row in rows] == [
        ("accepted", ["learned"]),
        ("rejected", ["learned"]),
        ("undecided", []),
    ]
    undone = store.undo()
    assert undone is not None
    assert dict(zip(undone.clips, undone.after, strict=True)) == {
        first: "rejected",
        second: "undecided",
        third: "undecided",
    }
    assert list(store.clip(first)["reasons"]) == ["noise"]


def test_a_decision_about_each_names_known_clips_and_verdicts_or_nothing_happens(
    store: Store, make_analysis: Callable[..., Analysis]
) -> None:
    store.take_in(make_analysis())
    first = store.clip_table()["id"][0].as_py()
    for verdicts, said in (
        ({first: "accepted", "nobody": "accepted"}, "nobody"),
        ({first: "fine"}, "fine"),
        ({}, "No clips"),
    ):
        with pytest.raises(BadRequest, match=said):
            store.decide_each(verdicts)  # type: ignore[arg-type]
    assert store.clip(first)["verdict"] == "undecided"
