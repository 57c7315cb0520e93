"""Learning from verdicts: what is learned, how honestly it is judged, and what it may decide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from catalog.errors import BadRequest
from catalog.filters import FIELDS
from curator.learning import CLEAR_PRECISION, ENOUGH, LEARNED, by_hand, clear_clips, learn

Make = Callable[..., pa.Table]
TYPES = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64(), "INTEGER": pa.int32()}
TYPES |= {"BOOLEAN": pa.bool_(), "VARCHAR[]": pa.list_(pa.string())}


@pytest.fixture
def clips() -> Make:
    """Clips of some recordings of one speaker: accepted when snr_db is high, as far as `noise` lets it be so."""

    def make(
        count: int = 120, *, recordings: int = 8, seed: int = 1, noise: float = 0.0, decided: int = 10**6
    ) -> pa.Table:
        rng = np.random.default_rng(seed)
        snr = rng.normal(30, 8, count)
        keep = snr + rng.normal(0, 8 * noise, count) > 27
        values = {
            "id": [f"{n:04d}" for n in range(count)],
            "recording": [f"r{n % recordings}" for n in range(count)],
            "speaker": ["alto"] * count,
            "start_s": [float(n) for n in range(count)],
            "duration_s": rng.uniform(5, 12, count),
            "verdict": [
                ("accepted" if good else "rejected") if n < decided else "undecided" for n, good in enumerate(keep)
            ],
            "reasons": [[] for _ in range(count)],
            "snr_db": snr,
            "loudness_lufs": rng.normal(-23, 3, count),
        }
        columns = {
            name: pa.array(values[name], TYPES[kind]) if name in values else pa.nulls(count, TYPES[kind])
            for name, kind in FIELDS
        }
        return pa.table(columns)

    return make


def with_column(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))


def test_what_decides_is_found_and_what_does_not_weighs_little(clips: Make) -> None:
    judgement = learn(clips())
    assert judgement.weights[0].score == "snr_db"
    assert judgement.weights[0].effects[0] < 0 < judgement.weights[0].effects[-1]
    assert judgement.weights[0].share > 5 * judgement.weights[1].share
    assert judgement.figures["right"] > 0.9 * 120


def test_the_figures_add_up_and_foretell_clips_that_were_never_seen(clips: Make) -> None:
    seen, unseen = clips(300, noise=0.5), clips(2000, noise=0.5, seed=2)
    judgement = learn(seen)
    figures = judgement.figures
    assert figures["accepted"] + figures["rejected"] == figures["decisions"] == 300
    accept = figures["accept"]
    assert accept["precision"] == accept["right"] / accept["said"]
    assert accept["recall"] == accept["right"] / figures["accepted"]
    says = judgement.probability(unseen) >= 0.5
    truth = np.array(unseen["verdict"].to_pylist()) == "accepted"
    assert figures["right"] / 300 == pytest.approx(float((says == truth).mean()), abs=0.05)


def test_verdicts_at_random_teach_nothing_and_nothing_is_clear(clips: Make) -> None:
    table = clips()
    verdicts = ["accepted" if odd else "rejected" for odd in np.random.default_rng(3).random(120) > 0.5]
    judgement = learn(with_column(table, "verdict", verdicts))
    assert judgement.figures["right"] < 0.65 * 120
    assert judgement.figures["brier"] > 0.9 * judgement.figures["brier_of_guessing"]
    assert clear_clips(table, judgement) == ([], [])


def test_clear_clips_are_open_ones_and_as_right_as_was_promised(clips: Make) -> None:
    table = clips(1500, noise=0.3, decided=150)
    judgement = learn(table)
    assert judgement.figures["clear_accept"]["precision"] >= CLEAR_PRECISION
    assert judgement.figures["clear_reject"]["precision"] >= CLEAR_PRECISION
    accept, reject = clear_clips(table, judgement)
    truth = dict(zip(table["id"].to_pylist(), clips(1500, noise=0.3)["verdict"].to_pylist(), strict=True))
    assert len(accept) > 300
    assert len(reject) > 100
    assert all(int(clip) >= 150 for clip in accept + reject)
    assert np.mean([truth[clip] == "accepted" for clip in accept]) > 0.93
    assert np.mean([truth[clip] == "rejected" for clip in reject]) > 0.93


@pytest.mark.parametrize(("decided", "said"), [(ENOUGH - 7, "7 more to go"), (0, "50 more to go")])
def test_too_few_decisions_teach_nothing(clips: Make, decided: int, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        learn(clips(decided=decided))


def test_decisions_of_one_kind_teach_nothing(clips: Make) -> None:
    with pytest.raises(BadRequest, match="0 rejected so far"):
        learn(with_column(clips(), "verdict", ["accepted"] * 120))


def test_verdicts_that_were_learned_are_no_evidence(clips: Make) -> None:
    table = clips(200)
    reasons = [[LEARNED] if n >= 120 else [] for n in range(200)]
    table = with_column(table, "reasons", reasons)
    assert by_hand(table).to_pylist() == [n < 120 for n in range(200)]
    assert learn(table).figures["decisions"] == 120


def test_a_score_that_is_often_missing_is_used_where_it_is_there(clips: Make) -> None:
    table = clips(200)
    snr = [None if n % 3 == 0 else value for n, value in enumerate(table["snr_db"].to_pylist())]
    table = with_column(table, "snr_db", snr)
    judgement = learn(table)
    says = judgement.probability(table) >= 0.5
    truth = np.array(table["verdict"].to_pylist()) == "accepted"
    there = np.array([value is not None for value in snr])
    assert (says == truth)[there].mean() > 0.9
    assert judgement.probability(with_column(table, "loudness_lufs", [None] * 200))[~there] == pytest.approx(
        np.nan, nan_ok=True
    )


def test_what_was_learned_from_one_level_of_noise_holds_for_a_speaker_with_another(clips: Make) -> None:
    table, louder = clips(150), clips(150, seed=4)
    louder = with_column(louder, "snr_db", [value - 25 for value in louder["snr_db"].to_pylist()])
    louder = with_column(with_column(louder, "speaker", ["bass"] * 150), "verdict", ["undecided"] * 150)
    judgement = learn(pa.concat_tables([table, louder]))
    truth = np.array(clips(150, seed=4)["verdict"].to_pylist()) == "accepted"
    assert ((judgement.probability(louder) >= 0.5) == truth).mean() > 0.85


def test_few_recordings_are_held_out_in_blocks(clips: Make) -> None:
    assert learn(clips()).figures["kept_together"] == "recording"
    assert learn(clips(recordings=2)).figures["kept_together"] == "4 neighbouring clips"


def test_learning_again_from_the_same_gives_the_same(clips: Make) -> None:
    assert learn(clips(noise=0.5)) == learn(clips(noise=0.5))
