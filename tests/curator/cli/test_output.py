"""What all commands share: one line for an error, one JSON document, tables that no file name can break."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import click
import pytest

from catalog.errors import BadRequest
from curator.cli.output import guarded, progress_bar, say, table
from curator.words import one_line


def test_an_expected_error_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["curator", "clips"])

    def fails() -> None:
        raise BadRequest("no such\nset")

    with pytest.raises(SystemExit) as ended:
        guarded(fails)
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err == "curator: no such␤set\n"


def test_an_error_with_json_is_still_one_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["curator", "clips", "--json"])

    def fails() -> None:
        raise BadRequest("no such set")

    with pytest.raises(SystemExit):
        guarded(fails)
    assert json.loads(capsys.readouterr().out) == {"error": "no such set"}


def test_a_missing_file_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        guarded(lambda: Path("/nowhere/at/all").read_text())
    assert ended.value.code == 2
    assert "/nowhere/at/all" in capsys.readouterr().err


def test_memory_that_ran_out_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise MemoryError

    with pytest.raises(SystemExit) as ended:
        guarded(fails)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("curator: Memory ran out")


def test_what_is_said_beside_a_progress_bar_has_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    drawn = io.BytesIO()
    screen = Terminal(drawn, encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Adding") as update:
        update({"type": "progress", "done": 1, "total": 2, "unit": "files"})
        say("curator: a.wav is empty")
    before = drawn.getvalue().decode().partition("curator: a.wav is empty")[0]
    assert before.endswith(("\n", "\x1b[2K", "\r"))


def test_bad_usage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise click.UsageError("No such option: --loud")

    with pytest.raises(SystemExit) as ended:
        guarded(fails)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_name_with_escape_codes_and_newlines_stays_on_its_line() -> None:
    assert one_line("a\x1b[31mb\nc") == "a�[31mb␤c"


def test_numbers_are_aligned_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    table([{"n": 1.5, "s": "x"}, {"n": None, "s": "long"}], {"n": "N", "s": "S"}, empty="none")
    assert capsys.readouterr().out.splitlines() == ["   N  S", "1.50  x", "   –  long"]


def test_an_empty_table_says_what_to_do_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    table([], {"n": "N"}, empty="No clips yet")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "No clips yet\n")
