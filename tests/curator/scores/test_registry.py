from __future__ import annotations

import numpy as np
import pytest

from catalog.records import SCORE_NAMES
from curator.scores.clip_audio import Placed
from curator.scores.registry import SCORERS, score


def test_every_column_is_a_known_score_and_belongs_to_one_scorer() -> None:
    columns = [column for scorer in SCORERS for column in scorer.columns]
    assert len(columns) == len(set(columns))
    assert set(columns) <= set(SCORE_NAMES)


def test_every_scorer_says_what_its_numbers_mean_and_where_they_hold() -> None:
    for scorer in SCORERS:
        text = type(scorer).__doc__ or ""
        assert all(f"`{column}`" in text for column in scorer.columns), scorer.name
        assert "NULL" in text, scorer.name
        assert scorer.version >= 1


@pytest.mark.parametrize("samples", [1, 160, 3200, 16_000])
def test_silence_of_any_length_scores_without_an_invented_number(make_clip, samples: int) -> None:
    values = score("clip", make_clip(np.zeros(samples, np.float32), spoken=(), floor=-120)).values
    assert {name for name, value in values.items() if value is not None} <= {"silence_ratio"}


def test_scores_are_finite_whatever_the_sound(make_clip) -> None:
    random = np.random.default_rng(5)
    for samples in (1, 57, 1600, 40_000):
        for peak in (1e-7, 1.0, 30.0):
            wave = (peak * random.uniform(-1, 1, samples)).astype(np.float32)
            values = score("clip", make_clip(wave)).values
            assert all(value is None or np.isfinite(value) for value in values.values())


class Somewhere:
    """A scorer that says where it is worst."""

    name, version, columns = "somewhere", 1, ("hum_db", "mos", "music_ratio")

    def compute(self, clip):
        return {"hum_db": Placed(3.0, (1.5, 9.0)), "mos": Placed(1.0, (2.5, 3.0)), "music_ratio": Placed(0.0, None)}


def test_a_place_is_kept_beside_its_score_and_cut_to_the_clip(make_clip) -> None:
    found = score("clip", make_clip(np.zeros(32_000, np.float32)), (Somewhere(),))
    assert found.values == {"hum_db": 3.0, "mos": 1.0, "music_ratio": 0.0}
    assert found.places == {"hum_db": (1.5, 2.0)}


class Keeping:
    """A scorer that keeps something for comparing clips."""

    name, version, columns = "keeping", 3, ("hum_db",)

    def compute(self, clip):
        return {"hum_db": 1.0, "keeping": b"\0\1"}


def test_a_feature_is_kept_apart_from_the_scores(make_clip) -> None:
    found = score("clip", make_clip(np.zeros(32_000, np.float32)), (Keeping(),))
    assert (found.values, found.features, found.versions) == ({"hum_db": 1.0}, {"keeping": "AAE="}, {"keeping": 3})
