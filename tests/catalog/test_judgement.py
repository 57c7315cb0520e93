"""What was learned is kept beside the clips, fills two fields of the clip table, and says what each score adds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from catalog.errors import BadRequest
from catalog.judgement import Judgement, Weight
from catalog.records import Scoring
from catalog.store import Store
from tests.catalog.conftest import MakeAnalysis

SNR = Weight("snr_db", (10.0, 30.0), (-2.0, 2.0), 0.5, {}, 1.0)
LEARNED = Judgement(0.0, (SNR,), 0.8, 0.2, {"decisions": 60})


def chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


@pytest.fixture
def filled(store: Store, make_analysis: MakeAnalysis) -> Store:
    """Five clips whose snr_db is 0, 10, 20, 30 and 40."""
    store.take_in(make_analysis())
    return store


def test_without_a_judgement_both_fields_are_null(filled: Store) -> None:
    table = filled.clip_table()
    assert table["accept_probability"].null_count == table["doubt"].null_count == 5


def test_the_effect_is_linear_between_the_knots_and_stays_beyond_them(filled: Store) -> None:
    filled.keep_judgement(LEARNED)
    table = filled.clip_table(sort='"start"')
    expected = [chance(each) for each in (-2, -2, 0, 2, 2)]
    assert table["accept_probability"].to_pylist() == pytest.approx(expected)
    assert table["doubt"].to_pylist() == pytest.approx([1 - abs(2 * each - 1) for each in expected])


def test_one_clip_alone_has_the_chance_that_the_table_gives_it(filled: Store) -> None:
    filled.keep_judgement(LEARNED)
    for row in filled.clip_table().to_pylist():
        assert LEARNED.chance(row) == pytest.approx(row["accept_probability"])
        assert LEARNED.chance({**row, "snr_db": None}) is None


def test_filters_and_orders_can_ask_for_it_and_one_clip_has_it_too(filled: Store) -> None:
    filled.keep_judgement(LEARNED)
    assert filled.clip_table(where="doubt > 0.5")["snr_db"].to_pylist() == [20]
    first = filled.clip_table(sort="doubt DESC", limit=1)
    assert first["snr_db"].to_pylist() == [20]
    assert filled.clip(first["id"][0].as_py())["accept_probability"] == pytest.approx(0.5)


def test_a_clip_without_any_of_the_scores_is_not_judged(filled: Store) -> None:
    clip = filled.clip_table(where="snr_db = 20")["id"][0].as_py()
    filled.keep_judgement(LEARNED)
    filled.rescore([Scoring(clip, {"snr_db": None}, {"noise": 2})])
    row = filled.clip(clip)
    assert (row["accept_probability"], row["doubt"]) == (None, None)
    filled.keep_judgement(
        replace(LEARNED, weights=(SNR, Weight("f0_median_hz", (100.0, 300.0), (-1.0, 1.0), 0.0, {}, 0.5)))
    )
    assert filled.clip(clip)["accept_probability"] == pytest.approx(chance(0.5 + 0.0)), "NULL adds its own effect"


def test_a_score_counts_from_its_speakers_middle_and_a_new_speaker_is_not_judged(
    filled: Store, make_analysis: MakeAnalysis
) -> None:
    filled.take_in(make_analysis("two", speaker="ben"))
    filled.keep_judgement(replace(LEARNED, weights=(replace(SNR, knots=(-10.0, 10.0), middles={"anna": 20.0}),)))
    annas = filled.clip_table(where="speaker = 'anna'", sort='"start"')
    assert annas["accept_probability"].to_pylist() == pytest.approx([chance(each) for each in (-2, -2, 0, 2, 2)])
    assert filled.clip_table(where="speaker = 'ben'")["accept_probability"].null_count == 5


def test_the_effects_of_one_clip_come_the_weightiest_first() -> None:
    twice = Weight("duplicate_of", (0.0, 1.0), (0.0, -3.0), 0.0, {}, 1.0)
    judgement = Judgement(0.0, (SNR, twice), None, None)
    assert judgement.effects({"snr_db": 25.0, "duplicate_of": "x"}) == [("duplicate_of", -3.0), ("snr_db", 1.0)]
    assert judgement.effects({"snr_db": None, "duplicate_of": None}) == [("snr_db", 0.5), ("duplicate_of", 0.0)]


def test_the_latest_counts_also_for_another_store_and_nothing_may_count_again(filled: Store) -> None:
    filled.keep_judgement(LEARNED)
    filled.keep_judgement(replace(LEARNED, offset=1.0))
    filled.close()
    with Store(filled.library) as other:
        assert other.judgement() == replace(LEARNED, offset=1.0)
        other.keep_judgement(None)
        assert other.judgement() is None
        assert other.clip_table()["doubt"].null_count == 5


def test_numbers_that_are_none_are_not_kept(filled: Store) -> None:
    with pytest.raises(BadRequest, match="not kept"):
        filled.keep_judgement(replace(LEARNED, offset=math.nan))
    assert filled.judgement() is None


def test_a_judgement_of_a_later_version_is_left_alone() -> None:
    text = LEARNED.to_json()
    assert Judgement.from_json(text) == LEARNED
    assert Judgement.from_json(text.replace('"version": 1', '"version": 99')) is None


def test_clips_that_repeat_each_other_share_a_group(filled: Store) -> None:
    first, second, third, *_ = filled.clip_table(sort='"start"')["id"].to_pylist()
    filled.rescore([Scoring(clip, {"duplicate_of": first}, {"duplicates": 1}) for clip in (second, third)])
    table = filled.clip_table(where="duplicate_group IS NOT NULL", sort='duplicate_group, "start"')
    assert table["id"].to_pylist() == [first, second, third]
    assert set(table["duplicate_group"].to_pylist()) == {first}
    assert filled.clip(first)["duplicate_group"] == first
