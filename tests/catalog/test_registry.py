"""The model registry: published whole, verified, listed, replaced and removed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from catalog import registry
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from catalog.registry import Card


def build(weights: bytes = b"weights", index: bytes | None = b"index") -> object:
    """A `build` that leaves these files and a small card."""

    def fill(folder: Path) -> Card:
        (folder / "model.safetensors").write_bytes(weights)
        if index is not None:
            (folder / "index.faiss").write_bytes(index)
        return {"version": "v2", "f0": True, "sample_rate": 40000, "speakers": ["anna"]}

    return fill


def test_a_model_is_published_with_its_hashes(library: Library) -> None:
    card = registry.publish(library, "anna", build=build())  # type: ignore[arg-type]
    assert card["name"] == "anna"
    assert card["format"] == 1
    assert set(card["files"]) == {"model.safetensors", "index.faiss"}
    assert card["id"] == card["files"]["model.safetensors"][:16]
    assert card["created_at"].endswith("Z")
    entry = registry.load(library, "anna")
    assert entry.card == card
    assert entry.weights.read_bytes() == b"weights"
    assert entry.file("index.faiss") == entry.path / "index.faiss"
    assert entry.file("index.npy") is None
    assert registry.list_models(library) == [card]


def test_a_build_that_fails_publishes_nothing(library: Library) -> None:
    def fail(folder: Path) -> Card:
        (folder / "model.safetensors").write_bytes(b"half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        registry.publish(library, "anna", build=fail)
    with pytest.raises(BadModel, match=r"no model\.safetensors"):
        registry.publish(library, "anna", build=lambda folder: {})
    assert registry.list_models(library) == []
    assert os.listdir(library.models) == []


def test_a_full_disk_is_one_clear_line(library: Library) -> None:
    def full(folder: Path) -> Card:
        raise OSError(28, "No space left on device")

    with pytest.raises(BadRequest, match="The disk is full: the model anna was not written"):
        registry.publish(library, "anna", build=full)
    assert os.listdir(library.models) == []


def test_a_taken_name_is_refused_unless_it_is_to_be_replaced(library: Library) -> None:
    registry.publish(library, "anna", build=build(b"old"))  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="A model named anna already exists"):
        registry.publish(library, "anna", build=build(b"new"))  # type: ignore[arg-type]
    registry.publish(library, "anna", build=build(b"new"), replace=True)  # type: ignore[arg-type]
    assert registry.load(library, "anna").weights.read_bytes() == b"new"
    (old,) = (library.models / ".trash").iterdir()
    assert (old / "model.safetensors").read_bytes() == b"old"
    assert [card["name"] for card in registry.list_models(library)] == ["anna"]


def test_a_replacement_that_fails_keeps_the_old_model(library: Library) -> None:
    registry.publish(library, "anna", build=build(b"old"))  # type: ignore[arg-type]
    with pytest.raises(BadModel):
        registry.publish(library, "anna", build=lambda folder: {}, replace=True)
    assert registry.load(library, "anna").weights.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["../up", ".trash", "-x", "a/b", "", "x" * 65])
def test_a_name_that_is_no_folder_is_refused(library: Library, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be the name of a model"):
        registry.publish(library, name, build=build())  # type: ignore[arg-type]
    with pytest.raises(BadRequest):
        registry.load(library, name)
    with pytest.raises(BadRequest):
        registry.remove(library, name)


def test_a_damaged_model_is_refused_in_one_line(library: Library) -> None:
    registry.publish(library, "anna", build=build())  # type: ignore[arg-type]
    weights = library.models / "anna" / "model.safetensors"
    weights.write_bytes(b"weightz")
    with pytest.raises(BadModel, match=r"model\.safetensors is not what was published") as refusal:
        registry.load(library, "anna")
    assert "\n" not in str(refusal.value)
    weights.unlink()
    with pytest.raises(BadModel, match=r"model\.safetensors is missing"):
        registry.load(library, "anna")


def test_a_damaged_card_is_listed_as_such_and_hides_no_other_model(library: Library) -> None:
    registry.publish(library, "anna", build=build())  # type: ignore[arg-type]
    registry.publish(library, "bert", build=build(index=None))  # type: ignore[arg-type]
    card = library.models / "anna" / "model.json"
    text = card.read_text()
    for damaged in ("{", "[]", "{}", '{"format": 1, "files": []}'):
        card.write_text(damaged)
        anna, bert = registry.list_models(library)
        assert "card" in anna["error"]
        assert bert["name"] == "bert"
        with pytest.raises(BadModel, match=r"its card .* cannot be read"):
            registry.load(library, "anna")
    document = json.loads(text)
    card.write_text(json.dumps({**document, "format": 2}))
    with pytest.raises(BadModel, match="later version"):
        registry.load(library, "anna")
    card.write_text(json.dumps({**document, "files": {**document["files"], "../bert/model.json": "0"}}))
    with pytest.raises(BadModel, match="outside its folder"):
        registry.load(library, "anna")


def test_a_removed_model_is_gone(library: Library) -> None:
    registry.publish(library, "anna", build=build())  # type: ignore[arg-type]
    registry.remove(library, "anna")
    assert registry.list_models(library) == []
    assert not any((library.models / ".trash").iterdir())
    with pytest.raises(BadRequest, match="There is no model named anna; there are no models yet"):
        registry.remove(library, "anna")


def test_an_unknown_model_is_told_with_the_known_ones(library: Library) -> None:
    registry.publish(library, "anna", build=build())  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match=r"no model named ana \(did you mean anna\?\)"):
        registry.load(library, "ana")
