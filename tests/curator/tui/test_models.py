"""What the room of models says of a card."""

from __future__ import annotations

from typing import Any

from curator.tui.screens.models import facts_of


def test_a_model_says_what_it_was_trained_from() -> None:
    run: dict[str, Any] = {"steps": 1200, "preset": "small", "started_from": "from the model alto"}
    card = {"name": "alto-2", "run": run}
    assert dict(facts_of(card))["trained"] == "1,200 steps, preset small, from the model alto"
    del run["started_from"]
    assert dict(facts_of(card))["trained"] == "1,200 steps, preset small"
