"""The drop ledger."""

from __future__ import annotations

import json

import pytest

from trainer.ledger import Ledger


def filled() -> Ledger:
    ledger = Ledger()
    ledger.enter("a", 5.0, "trained")
    ledger.enter("b", 4.0, "held out")
    ledger.enter("c", 0.5, "dropped", "too short")
    return ledger


def test_what_came_in_is_what_was_kept_or_dropped():
    filled().reconcile(["a", "b", "c"], 9.5)


@pytest.mark.parametrize(("clips", "seconds"), [(["a", "b"], 9.5), (["a", "b", "c", "d"], 9.5), (["a", "b", "c"], 9.6)])
def test_a_clip_or_a_second_that_is_lost_is_noticed(clips, seconds):
    with pytest.raises(AssertionError):
        filled().reconcile(clips, seconds)


def test_a_clip_has_one_fate():
    with pytest.raises(ValueError, match="already has a fate"):
        filled().enter("a", 5.0, "dropped", "twice")


def test_the_file_holds_every_clip_with_its_reason(tmp_path):
    filled().write(tmp_path / "ledger.json")
    document = json.loads((tmp_path / "ledger.json").read_text())
    assert document["clips"] == {"trained": 1, "held out": 1, "dropped": 1}
    assert document["dropped"] == {"c": "too short"}
    assert len(document["entries"]) == 3
