"""Names of sets and models."""

from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.names import check_name


@pytest.mark.parametrize("name", ["alto", "Alto 2", "ümläut", "名前", "a.b", "a" * 64, "v1.2-final_take"])
def test_ordinary_names_pass(name: str) -> None:
    assert check_name("set", name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (".hidden", "dot or a dash"),
        ("..", "dot or a dash"),
        ("-rf", "dot or a dash"),
        ("a/b", "folder name"),
        ("a\\b", "folder name"),
        ("../up", "dot or a dash"),
        ("a:b", "folder name"),
        ("a\nb", "folder name"),
        ("a\x00b", "folder name"),
        ("a" * 65, "64 characters"),
        ("名" * 70, "64 characters"),
        (" a", "space"),
        ("a ", "space"),
        ("a.", "dot"),
        ("nul", "Windows"),
        ("COM1.txt", "Windows"),
    ],
)
def test_names_that_cannot_be_folders_are_refused_in_words(name: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why) as refusal:
        check_name("model", name)
    assert "model" in str(refusal.value)
    assert "\n" not in str(refusal.value)
