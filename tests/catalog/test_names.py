"""Names of sets and models."""

from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.names import MOST_NAMED, check_name, nearest


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


def test_a_name_that_there_is_not_is_answered_with_the_one_that_was_meant() -> None:
    assert nearest("ALTO", ["Alto 2", "tenor"]) == " (did you mean Alto 2?)"
    assert nearest("xyz", ["alto", "tenor"]) == " (there are alto, tenor)"
    assert nearest("xyz", ["alto"]) == " (there is alto)"
    assert nearest("xyz", []) == ""


def test_of_many_names_only_the_closest_are_said_and_how_to_list_the_rest() -> None:
    names = [f"voice-{number:03}" for number in range(MOST_NAMED + 1)]
    said = nearest("xyz", names, listed_by="curator models list")
    assert said.endswith(f"; curator models list lists all {len(names)})")
    assert said.count("voice-") == 3
