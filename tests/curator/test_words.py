"""How facts are written: one line, one form."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator.words import clock, count, file_name, number, one_line, place, position


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain.wav", "plain.wav"),
        ("a\nb", "a␤b"),
        ("a\r\nb", "a␤b"),
        ("tab\there", "tab here"),
        ("bell\x07", "bell�"),
        ("esc\x1b[31m", "esc�[31m"),
        ("turn\u202etxt.wav", "turntxt.wav"),
        ("[b]🎤 שלום", "[b]🎤 שלום"),
    ],
)
def test_text_stays_on_its_line_and_commands_nothing(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_file_name_is_the_last_part_of_either_kind_of_path() -> None:
    assert file_name("/a/b/c.wav") == "c.wav"
    assert file_name("C:\\a\\b.wav") == "b.wav"


def test_a_path_is_as_short_as_it_stays_clear(tmp_path: Path) -> None:
    assert place(str(tmp_path / "media" / "x.wav"), tmp_path) == "media/x.wav"
    assert place(str(Path.home() / "x.wav"), tmp_path) == "~/x.wav"
    assert place("/elsewhere/x.wav", tmp_path) == "/elsewhere/x.wav"


def test_lengths_and_places_are_minutes_and_seconds() -> None:
    assert [clock(s) for s in (0, 59.6, 61, 3725, None)] == ["0:00", "1:00", "1:01", "1:02:05", "–"]
    assert [position(s) for s in (0, 9.96, 59.99, 61.04)] == ["0:00.0", "0:10.0", "1:00.0", "1:01.0"]


def test_numbers_have_a_real_minus_and_nouns_their_form() -> None:
    assert number(-3.14159, 2) == "−3.14"
    assert number(-0.01, 1) == "0.0"
    assert number(None) == "–"
    assert (count(1, "clip"), count(1200, "clip")) == ("1 clip", "1,200 clips")
