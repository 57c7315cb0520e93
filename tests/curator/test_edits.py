"""What an edit makes of a clip: ranges that are sane, to the sample."""

from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.store import Store
from curator import edits
from tests.curator.tui.conftest import row_of_clips

RATE = 44100
CLIP = {"id": "c", "recording": "r", "start": 2 * RATE, "end": 8 * RATE, "sample_rate": RATE}


def test_edges_move_by_whole_samples_at_the_recordings_own_rate() -> None:
    assert edits.nudged(CLIP, "start", -0.010) == (2 * RATE - 441, 8 * RATE)
    assert edits.nudged(CLIP, "end", 0.050) == (2 * RATE, 8 * RATE + 2205)


def test_an_edge_stops_at_the_recordings_beginning_and_a_clip_keeps_some_length() -> None:
    near = {**CLIP, "start": 100}
    assert edits.nudged(near, "start", -0.050) == (0, 8 * RATE)
    with pytest.raises(BadRequest, match="begins where"):
        edits.nudged({**CLIP, "start": 0}, "start", -0.010)
    with pytest.raises(BadRequest, match="needs"):
        edits.nudged({**CLIP, "end": 2 * RATE + RATE // 3}, "end", -0.050)


def test_halves_meet_at_the_cursor_and_scraps_are_refused() -> None:
    assert edits.split(CLIP, 2.5) == (
        (2 * RATE, 2 * RATE + round(2.5 * RATE)),
        (2 * RATE + round(2.5 * RATE), 8 * RATE),
    )
    with pytest.raises(BadRequest, match="cursor"):
        edits.split(CLIP, 0.0)
    with pytest.raises(BadRequest, match="cursor"):
        edits.split(CLIP, 5.9)


def test_neighbours_join_and_strangers_do_not() -> None:
    after = {**CLIP, "start": 9 * RATE, "end": 12 * RATE}
    assert edits.joined(CLIP, after) == (2 * RATE, 12 * RATE)
    assert edits.joined(after, CLIP) == (2 * RATE, 12 * RATE)
    with pytest.raises(BadRequest, match="too far"):
        edits.joined(CLIP, {**after, "start": 12 * RATE, "end": 14 * RATE})
    with pytest.raises(BadRequest, match="at most"):
        edits.joined(CLIP, {**after, "end": 70 * RATE})


def test_joining_takes_the_next_clip_of_the_recording_whatever_is_shown(library: Library) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(3))
        first, second, third = store.clip_table(sort='"start"').to_pylist()
        edited = edits.join_next(store, first)
        assert edited.hidden == (first["id"], second["id"])
        assert (edited.shown[0].start, edited.shown[0].end) == (0, second["end"])
        with pytest.raises(BadRequest, match="last clip"):
            edits.join_next(store, third)
