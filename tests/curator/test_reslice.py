"""Planning to slice again: which limits hold, and what the machine is asked for."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from catalog.errors import BadRequest
from catalog.records import Activity, Recording
from curator import reslice
from curator.reslice import changed
from curator.slicer import Sliced, SlicingSettings


def test_what_is_not_said_stays_as_it_was() -> None:
    before = SlicingSettings(min_s=3, ideal_s=6, max_s=12, voice="singing")
    assert changed(before, {}) == before
    assert changed(before, {"max_s": 10.0}) == SlicingSettings(min_s=3, ideal_s=6, max_s=10, voice="singing")


@pytest.mark.parametrize(("changes", "ideal"), [({"min_s": 1.0, "max_s": 4.0}, 2.5), ({"max_s": 30.0}, 10.0)])
def test_an_ideal_length_beyond_the_limits_moves_to_their_middle(changes: dict[str, float], ideal: float) -> None:
    assert changed(SlicingSettings(), changes).ideal_s == ideal


def test_limits_that_cannot_hold_are_refused() -> None:
    with pytest.raises(BadRequest, match="twice"):
        changed(SlicingSettings(), {"max_s": 8.0})


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_recordings_are_cut_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    def cut(*_: object) -> Sliced:
        seen.append(threads())
        return Sliced((), ())

    monkeypatch.setattr(reslice, "slice_activity", cut)
    recording = Recording("r", "0", "/r.wav", "alto", 16_000, 1, 16_000, "WAV/PCM_16", 1)
    with threadpool_limits(2, user_api="blas"):
        reslice._cut(recording, Activity("1", 0.032, b"", 0.01, b""), SlicingSettings())
        assert (seen, threads()) == ([{1}], {2})
