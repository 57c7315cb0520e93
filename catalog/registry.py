"""The model registry: one folder a model, published whole, verified whenever it is loaded.

Trainer and converter meet only here. A model's folder holds `model.safetensors`, the card `model.json`, and, where it
has one, the retrieval index.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog import atomic
from catalog.audio import sha256
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from catalog.names import check_name, nearest

FORMAT = 1
WEIGHTS = "model.safetensors"
CARD = "model.json"

Card = dict[str, Any]


@dataclass(frozen=True)
class ModelEntry:
    """A model that was found whole: its folder and its card."""

    path: Path
    card: Card

    @property
    def name(self) -> str:
        """The folder's name, which is the model's."""
        return self.path.name

    @property
    def weights(self) -> Path:
        """The synthesizer's weights."""
        return self.path / WEIGHTS

    def file(self, name: str) -> Path | None:
        """A file that the card lists, such as "index.faiss"; None when the model has none of that name."""
        return self.path / name if name in self.card["files"] else None


def publish(library: Library, name: str, *, build: Callable[[Path], Card], replace: bool = False) -> Card:
    """Publish a model: `build` writes its files into a temporary folder and returns the card.

    The files are hashed into the card and the folder is renamed into its place, so a model is there whole or not at
    all. With `replace` an earlier model of the name is moved to `models/.trash`. Raises BadRequest for a bad or taken
    name and a full disk, BadModel when `build` left no weights.
    """
    check_name("model", name)
    target = library.models / name
    if target.exists() and not replace:
        raise BadRequest(f"A model named {name} already exists; choose another name or remove it first.")
    with atomic.in_words(f"the model {name}"):
        library.models.mkdir(parents=True, exist_ok=True)
        with atomic.new_folder(target, before=lambda: _trash(library, name)) as folder:
            card = _complete(name, folder, build(folder))
            atomic.write_json(folder / CARD, card)
    return card


def list_models(library: Library) -> list[Card]:
    """The cards of all models, by name; a damaged one is listed with its `error` in place of its facts."""
    if not library.models.is_dir():
        return []
    cards = []
    for path in sorted(library.models.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            try:
                cards.append(_card(path))
            except BadModel as error:
                cards.append({"name": path.name, "error": str(error), "files": {}})
    return cards


def load(library: Library, name: str) -> ModelEntry:
    """The model of this name with every file verified against its card; raises BadRequest or BadModel in one line."""
    path = _existing(library, name)
    card = _card(path)
    for file, digest in card["files"].items():
        found = path / file
        if not found.is_file():
            raise BadModel(f"The model {name} is damaged: {file} is missing. Import it again.")
        if sha256(found) != digest:
            raise BadModel(
                f"The model {name} is damaged: {file} is not what was published. Publish or import it again."
            )
    return ModelEntry(path, card)


def check_there(library: Library, name: str) -> None:
    """Raise BadRequest, with the names that there are, when no model has this name; its files are not looked at."""
    _existing(library, name)


def remove(library: Library, name: str) -> None:
    """Remove a model for good; raises BadRequest when there is none of this name."""
    path = _existing(library, name)
    with atomic.in_words(f"the removal of model {name}"):
        shutil.rmtree(_trash(library, path.name))


def _existing(library: Library, name: str) -> Path:
    check_name("model", name)
    path = library.models / name
    if path.is_dir():
        return path
    names = [str(card["name"]) for card in list_models(library)]
    known = nearest(name, names, listed_by="curator models list") or "; there are no models yet"
    raise BadRequest(f"There is no model named {name}{known}.")


def _complete(name: str, folder: Path, card: Card) -> Card:
    if not (folder / WEIGHTS).is_file():
        raise BadModel(f"The model {name} was not published: it has no {WEIGHTS}.")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    created_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts = {"format": FORMAT, "name": name, "id": files[WEIGHTS][:16], "created_at": created_at}
    return {**facts, **{key: value for key, value in card.items() if key not in facts}, "files": files}


def _card(path: Path) -> Card:
    try:
        card = json.loads((path / CARD).read_text(encoding="utf-8"))
        whole = isinstance(card["files"], dict) and WEIGHTS in card["files"] and isinstance(card["format"], int)
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
        card = {}
    if not whole:
        raise BadModel(f"The model {path.name} is damaged: its card {path / CARD} cannot be read.")
    if card["format"] > FORMAT:
        raise BadModel(f"The model {path.name} was published by a later version of this program.")
    unsafe = [file for file in card["files"] if os.path.isabs(file) or ".." in Path(file).parts]
    if unsafe:
        raise BadModel(f"The model {path.name} is damaged: its card names a file outside its folder ({unsafe[0]}).")
    return {**card, "name": path.name}


def _trash(library: Library, name: str) -> Path:
    bin_ = library.models / ".trash"
    place = bin_ / f"{name}-{secrets.token_hex(4)}"
    if (library.models / name).exists():
        bin_.mkdir(parents=True, exist_ok=True)
        os.replace(library.models / name, place)
    return place
