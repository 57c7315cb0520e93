from __future__ import annotations

import numpy as np
import pytest

from curator import tails
from curator.activity import Tracks
from curator.frames import runs


def words(decay_db_s: float, count: int = 20, floor_db: float = -70.0) -> tuple[Tracks, list[int]]:
    """Words of 0.4 s at -20 dBFS that die away at a speed, and the frames at which they end."""
    level, probability, ends = np.full(100 * (count + 1), floor_db), np.zeros(100 * (count + 1)), []
    wobble = np.random.default_rng(0).normal(0, 0.5, len(level))
    for number in range(count):
        first = 50 + 100 * number
        ends.append(first + 40)
        level[first : first + 40] = -20 + 3 * np.sin(np.arange(40) / 3)
        after = np.arange(1, 61)
        level[first + 40 : first + 100] = np.maximum(floor_db, -21 - after * decay_db_s / 100)
        probability[first : first + 45] = 0.95
    level = level + wobble
    samples = 160 * len(level)
    return Tracks(probability.astype(np.float32), level.astype(np.float32), samples, 16_000), ends


@pytest.mark.parametrize("decay_db_s", [100.0, 150.0, 200.0])
def test_the_speed_at_which_a_room_dies_away_is_found(decay_db_s: float) -> None:
    tracks, _ = words(decay_db_s)
    found = tails.decay(tracks.level, tracks.loudness, tracks.floor, tracks.probability >= 0.35)
    assert found == pytest.approx(decay_db_s, rel=0.25)


@pytest.mark.parametrize("decay_db_s", [100.0, 150.0])
def test_speech_ends_with_the_word_and_what_is_heard_with_its_tail(decay_db_s: float) -> None:
    tracks, ends = words(decay_db_s)
    late = [last - end for (_, last), end in zip(runs(tracks.speech), ends, strict=True)]
    assert abs(np.median(late)) <= 2
    heard = [last - end for (_, last), end in zip(runs(tracks.heard), ends, strict=True)]
    assert np.median(heard) > 20


def test_in_a_dry_room_nothing_is_a_tail() -> None:
    tracks, _ = words(800.0)
    assert tails.decay(tracks.level, tracks.loudness, tracks.floor, tracks.probability >= 0.35) is None
    assert (tracks.speech == tracks.heard).all()


@pytest.mark.parametrize(("count", "floor_db"), [(5, -70.0), (20, -40.0)])
def test_few_words_or_much_noise_say_nothing_of_a_room(count: int, floor_db: float) -> None:
    tracks, _ = words(100.0, count, floor_db)
    assert tails.decay(tracks.level, tracks.loudness, tracks.floor, tracks.probability >= 0.35) is None


def test_a_stretch_that_only_rings_keeps_its_shortest_length() -> None:
    mask = np.zeros(100, bool)
    mask[10:60] = True
    assert runs(tails.without_tails(mask, np.ones(100, bool), 10)) == [(10, 20)]
