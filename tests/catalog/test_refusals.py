"""DuckDB's errors in words: what each of its sentences means for a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import refusals
from catalog.errors import BadRequest, LibraryTooNew
from catalog.holding import Busy

PLACE = Path("/voices/catalog.duckdb")
LOCKED = 'IO Error: Could not set lock on file "x": Conflicting lock is held in /usr/bin/python3.11 (PID 77). See also'


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (LOCKED, Busy, r"process 77 \(/usr/bin/python3.11\)"),
        ("IO Error: file is being used by another process", Busy, "another process"),
        ("Serialization Error: trying to read a database with version number 99", LibraryTooNew, "later DuckDB than 1"),
        ("IO Error: No space left on device", BadRequest, "disk is full"),
        ("IO Error: Cannot open file: Permission denied", BadRequest, "No permission"),
        ("IO Error: The file is not a valid DuckDB database file!", BadRequest, "damaged or not a catalogue.*backups"),
        ("IO Error: something new\nwith a second line", BadRequest, "cannot be opened: IO Error: something new$"),
    ],
)
def test_a_file_that_cannot_be_opened_is_told_in_one_line(text: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as refusal:
        raise refusals.of_opening(PLACE, text, "1.5.6")
    assert "\n" not in str(refusal.value)


def test_only_errors_of_the_file_are_put_in_words_while_it_is_open() -> None:
    assert "disk is full" in str(refusals.of_storing(PLACE, "IO Error: no space left on device", of_file=True))
    assert str(refusals.of_storing(PLACE, "IO Error: read failed\nmore", of_file=True)).endswith(
        "IO Error: read failed"
    )
    assert refusals.of_storing(PLACE, "Parser Error: syntax error", of_file=False) is None


def test_an_expression_is_told_with_the_reason_alone() -> None:
    told = str(refusals.of_expression("snr_db\n  > 'x'", "Conversion Error: Could not convert 'x'\nLINE 1"))
    assert told == "This expression does not work: snr_db > 'x' (Could not convert 'x')."
