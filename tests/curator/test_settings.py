"""A person's settings and keys: one file, read forgivingly and written without touching what else stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadRequest
from curator import settings

KNOWN = ("review.accept", "review.reject", "app.quit")


def test_without_a_file_the_usual_values_hold(tmp_path: Path) -> None:
    found = settings.read(tmp_path / "none.toml")
    assert found == settings.usual()
    assert found.text("start") == "library"
    assert found.on("learn")


def test_both_ways_of_writing_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('start = "review"\n[keys]\n"app.quit" = "Q"\n[keys.review]\naccept = "y, ctrl+y"\n')
    found = settings.read(path)
    assert found.text("start") == "review"
    assert found.keys == {"app.quit": "Q", "review.accept": "y,ctrl+y"}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('them = "x"', "did you mean theme"),
        ('start = "opera"', "library or review"),
        ("learn = 1", "true or false"),
        ("[keys.review]\naccept = 3", "needs a key in quotes"),
        ("keys = 3", "keys is a table"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_mistake_is_said_in_words_and_the_usual_value_holds(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    found = settings.read(path)
    assert found.values == settings.usual().values
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert str(path) in found.problems[0]


def test_a_key_for_something_that_does_not_exist_is_said_and_the_others_hold() -> None:
    keys, wrong = settings.check_keys({"review.acept": "y", "app.quit": "Q"}, KNOWN)
    assert keys == {"app.quit": "Q"}
    assert wrong == ["there is no key called review.acept (did you mean review.accept?)"]


def test_writing_one_value_leaves_every_other_line_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.toml"
    settings.write("start", "review", path)
    settings.write_key("review.accept", "y", path)
    path.write_text("# mine\n" + path.read_text() + "# end\n")
    settings.write("start", "library", path)
    settings.write("autoplay", True, path)
    settings.write_key("app.quit", "ctrl+q", path)
    found = settings.read(path)
    assert (found.text("start"), found.on("autoplay")) == ("library", True)
    assert found.keys == {"review.accept": "y", "app.quit": "ctrl+q"}
    text = path.read_text()
    assert text.startswith("# mine\n")
    assert "# end" in text
    assert text.count("start =") == 1
    settings.write_key("review.accept", None, path)
    assert settings.read(path).keys == {"app.quit": "ctrl+q"}


def test_a_comment_behind_a_value_stays() -> None:
    text = 'start = "library"  # mine\n\n[keys]\n"app.quit" = "Q"\n'
    new = settings.put(text, "start", "review")
    assert new == 'start = "review"  # mine\n\n[keys]\n"app.quit" = "Q"\n'
    assert settings.put(new, "learn", False).splitlines()[1] == "learn = false"


def test_a_file_that_is_no_toml_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("not toml\n")
    with pytest.raises(BadRequest, match="mend the file"):
        settings.write("start", "review", path)
    assert path.read_text() == "not toml\n"
    with pytest.raises(BadRequest, match="library or review"):
        settings.write("start", "opera", tmp_path / "new.toml")
    assert not (tmp_path / "new.toml").exists()
