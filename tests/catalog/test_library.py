"""The library folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadRequest
from catalog.library import Library


def test_the_option_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATOR_LIBRARY", str(tmp_path / "environment"))
    assert Library.locate(str(tmp_path / "option")).root == tmp_path / "option"
    assert Library.locate(None).root == tmp_path / "environment"


def test_without_either_it_lies_in_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CURATOR_LIBRARY", raising=False)
    assert Library.locate(None).root.name == "curator"


def test_create_makes_every_folder_and_may_be_repeated(tmp_path: Path) -> None:
    library = Library(tmp_path / "deep" / "library")
    library.create()
    library.create()
    assert all(folder.is_dir() for folder in library.folders)
    assert not library.exists


def test_a_relative_path_keeps_its_meaning_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    library = Library(Path("here"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert library.database == tmp_path / "here" / "catalog.duckdb"


def test_a_file_in_the_way_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadRequest, match="cannot be a library"):
        Library(tmp_path / "file").create()
