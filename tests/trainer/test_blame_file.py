"""The file in which a run says what it found strange."""

from __future__ import annotations

from pathlib import Path

from catalog.records import Blame
from trainer import blame_file

STRANGE = Blame("b", 7.25, "quieter places are louder than in clips like it", (0.5, 1.25))
USUAL = Blame("a", 0.5, "")


def test_what_is_written_is_read_again_strangest_first(tmp_path: Path) -> None:
    blame_file.write(tmp_path, [USUAL, STRANGE])
    assert blame_file.read(tmp_path) == [STRANGE, USUAL]


def test_only_clips_with_a_reason_are_told_and_not_too_many(tmp_path: Path) -> None:
    assert [row["clip"] for row in blame_file.worst([STRANGE, USUAL])] == ["b"]
    assert len(blame_file.worst([STRANGE] * 50)) == blame_file.WORST


def test_a_run_without_a_file_or_with_a_damaged_one_says_nothing(tmp_path: Path) -> None:
    assert blame_file.read(tmp_path) == []
    for text in ("{", "[]", '{"version": 9, "clips": []}', '{"version": 1, "clips": [{"clip": "a"}]}'):
        (tmp_path / blame_file.NAME).write_text(text)
        assert blame_file.read(tmp_path) == []
