"""Edits, tags, notes, undo and redo without the app."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.usefixtures("say")


def test_a_clip_is_nudged_split_and_joined_scored_at_once_and_brought_back(filled) -> None:
    before = filled("clips", "--json").json
    first = before[0]
    moved = filled("edit", "nudge", first["id"], "--end", "-50", "--json").json
    assert moved["gone"] == [first["id"]]
    (row,) = filled("clips", "--where", f"id = '{moved['clips'][0]}'", "--json").json
    assert row["end_s"] == pytest.approx(first["end_s"] - 0.05, abs=1e-4)
    assert row["scores"]["snr_db"] == pytest.approx(first["scores"]["snr_db"], abs=3)
    halves = filled("edit", "split", row["id"], "--at", "2.5", "--json").json["clips"]
    assert len(halves) == 2
    joined = filled("edit", "join", halves[0], "--json").json
    assert joined["clips"] == [row["id"]], "joined again it is the same clip, with the scores it had"
    for _ in range(3):
        undone = filled("undo", "--json").json
        assert undone["shown"]
    assert filled("clips", "--json").json == before
    assert filled("redo", "--json").json["hidden"] == [first["id"]]
    assert filled("undo").out.startswith("Undone: 1 clip in the place of 1")


def test_tags_and_notes_are_listed_and_found(filled) -> None:
    ids = [row["id"] for row in filled("clips", "--json").json]
    assert filled("tag", "add", "close", *ids[:2]).code == 0
    assert filled("note", ids[0], "starts late").code == 0
    found = filled("clips", "--where", "list_contains(tags, 'close')", "--json").json
    assert [row["id"] for row in found] == ids[:2]
    assert (found[0]["note"], found[0]["tags"]) == ("starts late", ["close"])
    assert json.loads(filled("tag", "remove", "close", "--where", "note <> ''", "--json").out)["clips"] == ids[:1]
    for _ in range(3):
        assert filled("undo").code == 0
    assert not filled("clips", "--where", "len(tags) > 0 or note <> ''", "--json").json


def test_a_tag_says_how_often_a_clip_is_drawn_and_the_set_shows_it(filled) -> None:
    first, *others = [row["id"] for row in filled("clips", "--json").json]
    filled("verdict", "accept", "--where", "true")
    filled("tag", "add", "weight=2.5", "--where", f"id = '{first}'")
    assert filled("set", "create", "weighed").code == 0
    clips = {clip["clip"]: clip.get("weight", 1) for clip in filled("set", "show", "weighed", "--json").json["clips"]}
    assert clips == {first: 2.5, **dict.fromkeys(others, 1)}
    assert "WEIGHT" in filled("set", "show", "weighed").out
    filled("tag", "add", "weight=4", first)
    ended = filled("set", "create", "doubtful")
    assert ended.code == 2
    assert "weight=2.5 and weight=4: give it one weight" in ended.err
    for _ in range(3):
        assert filled("undo").code == 0
    assert filled("set", "create", "plain").code == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("edit", "nudge", "nobody", "--end", "10"), "no clip"),
        (("tag", "add", "two words", "nobody"), "no clip"),
        (("tag", "add", "x"), "Say which clips"),
        (("redo",), "Nothing to redo"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(curator, command: tuple[str, ...], said: str) -> None:
    ended = curator(*command)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_nudge_by_nothing_is_refused(filled) -> None:
    first = filled("clips", "--limit", "1", "--json").json[0]
    assert filled("edit", "nudge", first["id"]).code == 2
