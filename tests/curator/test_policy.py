from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.records import SCORE_NAMES
from curator.policy import default_rules


@pytest.mark.parametrize("use", ["speech", "singing", "tts"])
def test_every_rule_names_a_score_and_a_reason_in_words(use: str) -> None:
    rules = default_rules(use)
    assert {rule.score for rule in rules} <= set(SCORE_NAMES)
    assert all(rule.reason and rule.op in "<>" for rule in rules)
    assert {"second voice", "clipping", "noise"} <= {rule.reason for rule in rules}


def test_speech_is_what_is_meant_without_a_word() -> None:
    assert default_rules() == default_rules("speech")


def test_an_unknown_use_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRequest, match="speech, singing, tts"):
        default_rules("opera")
