"""Notes and tags: put on, taken off, filtered by, undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.errors import BadRequest
from catalog.records import Analysis
from catalog.store import Store


@pytest.fixture
def ids(store: Store, make_analysis: Callable[..., Analysis]) -> list[str]:
    """The ids of five clips in the store."""
    analysis = make_analysis("one")
    store.take_in(analysis)
    return [clip.id for clip in analysis.clips]


def test_tags_are_a_set_and_clips_are_found_by_them(store: Store, ids: list[str]) -> None:
    assert store.remark(ids[:3], add=["whisper", "close", "whisper"]) is not None
    assert store.remark(ids[1:2], remove=["whisper"]) is not None
    assert store.clip(ids[0])["tags"] == ["close", "whisper"]
    assert store.clip_table(where="list_contains(tags, 'whisper')")["id"].to_pylist() == [ids[0], ids[2]]
    assert store.tags() == ["close", "whisper"]
    store.undo()
    assert store.clip(ids[1])["tags"] == ["close", "whisper"]
    store.undo()
    assert store.tags() == []


def test_a_note_is_kept_as_it_was_written_and_empty_takes_it_away(store: Store, ids: list[str]) -> None:
    note = "breath [before] the “word”\nand after"
    store.remark([ids[0]], note=note)
    assert store.clip(ids[0])["note"] == note
    assert store.clip_table(where="note <> ''").num_rows == 1
    store.remark([ids[0]], note=" ")
    assert store.clip_table(where="note <> ''").num_rows == 0
    store.undo()
    assert store.clip(ids[0])["note"] == note


def test_saying_the_same_again_is_no_action(store: Store, ids: list[str]) -> None:
    store.remark(ids[:1], note="x", add=["a"])
    assert store.remark(ids[:1], note="x", add=["a"], remove=["b"]) is None
    store.undo()
    assert store.undo() is None


@pytest.mark.parametrize("tag", ["two words", "a,b", "it's", "x" * 41])
def test_a_tag_is_one_word(store: Store, ids: list[str], tag: str) -> None:
    with pytest.raises(BadRequest, match="one word"):
        store.remark(ids, add=[tag])
    assert store.tags() == []


def test_an_unknown_clip_is_refused_and_a_note_has_an_end(store: Store, ids: list[str]) -> None:
    with pytest.raises(BadRequest, match="no clip"):
        store.remark([ids[0], "nobody"], add=["a"])
    with pytest.raises(BadRequest, match="2000"):
        store.remark(ids[:1], note="x" * 2001)
    assert store.undo() is None
