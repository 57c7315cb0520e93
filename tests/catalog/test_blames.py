"""What a training says of clips stands beside them until somebody looks at them again."""

from __future__ import annotations

import pytest

from catalog.clips import places
from catalog.records import Blame, Place, Scoring
from catalog.store import Store
from tests.catalog.conftest import MakeAnalysis

REASON = "the voice sounds different"


@pytest.fixture
def ids(store: Store, make_analysis: MakeAnalysis) -> list[str]:
    """The ids of five clips, in order."""
    store.take_in(make_analysis())
    store.add_run("run-1", "anna", "", {})
    return [str(each) for each in store.clip_table()["id"].to_pylist()]


def blame(clip: str, strangeness: float = 4.0, reason: str = REASON, place: Place | None = (1.0, 2.5)) -> Blame:
    return Blame(clip, strangeness, reason, place)


def test_without_a_training_both_fields_are_null(store: Store, ids: list[str]) -> None:
    table = store.clip_table()
    assert table["blame"].null_count == table["blame_reason"].null_count == len(ids)


def test_filters_and_orders_can_ask_for_it_and_one_clip_has_it_too(store: Store, ids: list[str]) -> None:
    assert store.add_blame("run-1", [blame(ids[0], 1.0, "", None), blame(ids[3], 7.0), blame(ids[2], 5.0)]) == 3
    told = store.clip_table(where="blame_reason IS NOT NULL", sort="blame DESC")
    assert told["id"].to_pylist() == [ids[3], ids[2]]
    assert store.clip_table(where="blame < 2")["id"].to_pylist() == [ids[0]]
    assert store.clip(ids[3])["blame_reason"] == REASON


def test_its_place_stands_among_those_of_the_scores(store: Store, ids: list[str]) -> None:
    store.rescore([Scoring(ids[1], {"snr_db": 3.0}, {"noise": 2}, {"snr_db": (0.5, 1.0)})])
    store.add_blame("run-1", [blame(ids[1]), blame(ids[2])])
    assert places(store.clip_table()["places"][1].as_py()) == {
        "snr_db": (0.5, 1.0),
        "blame": (1.0, 2.5),
    }
    assert places(store.clip_table()["places"][2].as_py()) == {"blame": (1.0, 2.5)}
    assert places(store.clip_table()["places"][3].as_py()) == {}


def test_taking_a_run_in_again_changes_nothing_and_a_later_run_counts(store: Store, ids: list[str]) -> None:
    assert store.add_blame("run-1", [blame(ids[0])]) == 1
    assert store.add_blame("run-1", [blame(ids[0], 9.0)]) == 0
    store.add_run("run-2", "anna-2", "", {})
    assert store.add_blame("run-2", [blame(ids[0], 0.5, "", None)]) == 1
    row = store.clip(ids[0])
    assert (row["blame"], row["blame_reason"]) == (0.5, None)


def test_a_verdict_given_since_settles_it_and_the_number_stays(store: Store, ids: list[str]) -> None:
    store.decide([ids[0], ids[1]], "accepted")
    store.add_blame("run-1", [blame(ids[0]), blame(ids[1])])
    assert store.clip_table()["blame_reason"].null_count == 3
    store.decide([ids[0]], "accepted")
    table = store.clip_table(where="blame IS NOT NULL")
    assert table["blame_reason"].to_pylist() == [None, REASON]
    assert store.clip(ids[0])["blame_reason"] is None


def test_clips_that_are_no_longer_known_are_passed_over_and_forgetting_takes_it_away(
    store: Store, ids: list[str]
) -> None:
    assert store.add_blame("run-1", [blame("0123456789abcdef"), blame(ids[0])]) == 1
    assert not [line for line in store.check() if "blame" in line]
    store.forget(store.recordings()[0].id)
    assert not [line for line in store.check() if "blame" in line]
