"""Scores in the order of reading, with their limits."""

from __future__ import annotations

import pytest

from catalog.records import SCORES, Rule
from curator.tui.widgets.score_panel import bar, lines_of, not_scored, panel_lines, without_value, written

RULES = (Rule("snr_db", "<", 20.0, "noise"), Rule("overlap_ratio", ">", 0.1, "second voice"))
CLIP = {"snr_db": 12.0, "overlap_ratio": 0.02, "f0_median_hz": 220.0, "hum_db": None}


def test_what_speaks_against_the_clip_is_first_with_its_reason() -> None:
    lines = lines_of(CLIP, RULES)
    assert [line.name for line in lines] == ["snr_db", "overlap_ratio", "f0_median_hz"]
    assert lines[0].against == "noise"
    assert lines[1].against is None
    assert lines[1].held
    assert not lines[2].held


def test_every_score_that_is_a_number_has_a_bar() -> None:
    numbers = {score.name: 0.0 for score in SCORES if score.unit != "clip id"}
    assert [line.name for line in lines_of(numbers, ()) if line.filled is None] == []


def test_a_score_that_was_not_computed_is_named_and_never_a_number() -> None:
    assert "hum_db" in not_scored(CLIP)
    text = "\n".join(line.plain for line in panel_lines(CLIP, RULES, 100))
    assert "hum_db" in text.split("not scored:")[1]
    assert "hum_db" not in text.split("not scored:")[0]


@pytest.mark.parametrize("width", [40, 60, 76, 90, 130, 200])
def test_every_line_fits_the_width(width: int) -> None:
    full = {score.name: 0.5 for score in SCORES if score.name != "duplicate_of"} | {"snr_db": 3.0}
    long = (*RULES, Rule("mos", "<", 2.0, "sounds bad " * 8))
    for line in panel_lines(full, long, width):
        assert line.cell_length <= width


def test_a_mark_stands_beside_every_colour() -> None:
    lines = [line.plain for line in panel_lines(CLIP, RULES, 100)]
    assert lines[0].startswith("✗ snr_db")
    assert "noise" in lines[0]
    assert any(line.startswith("✓ overlap_ratio") for line in lines)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("noise: 16.3 dB, under 20 dB", "noise, under 20 dB"),
        ("another speaker: 0.42, under 0.60, the limit", "another speaker, under 0.60, the limit"),
        ("second voice", "second voice"),
        ("repeats: 0123", "repeats: 0123"),
    ],
)
def test_a_reason_beside_its_score_does_not_say_the_value_again(reason: str, text: str) -> None:
    assert without_value(reason) == text


def test_the_bar_shows_value_and_limit() -> None:
    assert bar(0.5, 0.25, 8, "$primary").plain == "━━┃━────"
    assert bar(0.0, None, 4, "$primary").plain == "────"
    assert bar(1.0, 1.0, 4, "$primary").plain == "━━━┃"
    assert bar(None, None, 4, "$primary").plain == "    "


@pytest.mark.parametrize(
    ("name", "unit", "value", "text"),
    [
        ("snr_db", "dB", 41.46, "41.5 dB"),
        ("noise_floor_dbfs", "dBFS", -70.7, "−70.7 dBFS"),
        ("silence_ratio", "share", 0.153, "15 %"),
        ("clipped_ratio", "share", 0.0004, "0.04 %"),
        ("duplicate_of", "clip id", "0123456789abcdef", "01234567"),
        ("mos", "1-5", None, "–"),
    ],
)
def test_scores_are_written_with_their_unit(name: str, unit: str, value: float | str | None, text: str) -> None:
    assert written(name, unit, value) == text


def test_what_a_training_says_stands_first_until_it_is_settled() -> None:
    blamed = {**CLIP, "snr_db": 30.0, "blame": 6.4, "blame_reason": "the voice is unlike the others"}
    first = lines_of(blamed, RULES)[0]
    assert (first.name, first.value, first.against) == ("blame", "6.4 ×", "the voice is unlike the others")
    settled = lines_of({**blamed, "blame_reason": None}, RULES)
    assert [line.against for line in settled if line.name == "blame"] == [None]
    assert "blame" not in [line.name for line in lines_of(CLIP, RULES)]
