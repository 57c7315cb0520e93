from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from curator.reslice import changed
from curator.slicer import SlicingSettings


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
