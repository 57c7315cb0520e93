from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import SCORE_NAMES, Rule
from curator.policy import default_rules, policy_of, set_rule, set_use, text_of, uses


@pytest.fixture
def empty(tmp_path) -> Library:
    return Library(tmp_path / "library")


def rule(library: Library | None, score: str, use: str | None = None) -> Rule | None:
    return next((rule for rule in policy_of(library, use).rules if rule.score == score), None)


@pytest.mark.parametrize("use", ["speaking", "singing", "tts"])
def test_every_rule_names_a_score_and_a_reason_in_words(use: str) -> None:
    rules = default_rules(use)
    assert {each.score for each in rules} <= set(SCORE_NAMES)
    assert all(each.reason and each.reason != each.score for each in rules)
    assert {"second voice", "another voice", "repeats clip", "clipping", "noise"} <= {each.reason for each in rules}


def test_speaking_is_what_is_meant_without_a_word(empty: Library) -> None:
    assert uses() == ("speaking", "singing", "tts")
    assert default_rules() == default_rules("speaking") == policy_of(empty).rules


def test_an_unknown_use_is_refused_with_the_known_ones(empty: Library) -> None:
    for ask in (default_rules, lambda use: set_use(empty, use)):
        with pytest.raises(BadRequest, match="speaking, singing, tts"):
            ask("opera")


def test_a_library_keeps_its_use_and_its_own_rules(empty: Library) -> None:
    set_use(empty, "singing")
    set_rule(empty, "singing", "snr_db", "< 33")
    set_rule(empty, "singing", "hum_db", "off")
    set_rule(empty, "singing", "peak_dbfs", "> -0.5")
    assert policy_of(empty).use == "singing"
    assert rule(empty, "snr_db") == Rule("snr_db", "<", 33, "noise")
    assert rule(empty, "hum_db") is None
    assert rule(empty, "peak_dbfs") == Rule("peak_dbfs", ">", -0.5, "peak_dbfs")
    assert rule(empty, "snr_db", "tts") == rule(None, "snr_db", "tts")
    assert policy_of(empty).own == {"snr_db", "hum_db", "peak_dbfs"}


def test_the_usual_rule_comes_back(empty: Library) -> None:
    set_rule(empty, "speaking", "snr_db", "< 33")
    set_rule(empty, "speaking", "snr_db", None)
    set_rule(empty, "speaking", "mos", None)
    assert rule(empty, "snr_db") == rule(None, "snr_db")


def test_a_persons_comments_in_the_file_stay(empty: Library) -> None:
    set_use(empty, "tts")
    path = empty.root / "policy.toml"
    path.write_text(path.read_text() + "\n[tts]\n# the room is loud\nsnr_db = '< 12'  # for once\n")
    assert rule(empty, "snr_db") == Rule("snr_db", "<", 12, "noise")
    set_rule(empty, "tts", "snr_db", "< 14")
    assert "# the room is loud" in path.read_text()
    assert "# for once" in path.read_text()
    assert rule(empty, "snr_db") == Rule("snr_db", "<", 14, "noise")


@pytest.mark.parametrize(
    ("score", "text"),
    [("snr_db", "20"), ("snr_db", "< much"), ("snr_db", "known"), ("duplicate_of", "< 1"), ("loudness", "< 1")],
)
def test_a_rule_that_cannot_be_read_is_refused_and_nothing_is_written(empty: Library, score: str, text: str) -> None:
    with pytest.raises(BadRequest):
        set_rule(empty, "speaking", score, text)
    assert not (empty.root / "policy.toml").exists()


@pytest.mark.parametrize("text", ["< 20", "> -0.5", "outlier 4"])
def test_a_rule_is_written_as_it_is_read(empty: Library, text: str) -> None:
    set_rule(empty, "speaking", "mos", text)
    assert text_of(rule(empty, "mos")) == text


def test_a_broken_file_is_told_in_a_line(empty: Library) -> None:
    empty.create()
    (empty.root / "policy.toml").write_text("use = ")
    with pytest.raises(BadRequest, match="cannot be read as a policy") as refusal:
        policy_of(empty)
    assert "\n" not in str(refusal.value)
