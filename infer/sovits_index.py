"""The feature index of so-vits-svc 4.1, `feature_and_index.pkl`: a pickled faiss index for each speaker, read without
unpickling one.

Separate from the clusters, because this is an object of another library in a pickle: the bytes that faiss wrote are
taken out, nothing that the pickle names is imported, and the bytes are then checked like any stranger's index.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.errors import BadModel
from infer.inert_pickle import Inert

_LARGEST = 4_000_000_000


class _Held:
    """Stands for a faiss index: keeps the state that it was pickled with."""

    state: Any = None

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Builds plain containers; an index of faiss is held, everything else is inert."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a class that the pickle names."""
        return _Held if module.split(".")[0] == "faiss" and name.startswith("Index") else Inert


def read_index(path: Path, speakers: Mapping[str, int]) -> bytes:
    """What faiss wrote of the first speaker's index; raises BadModel in one line.

    `speakers` gives names and ids; the file may name a speaker by either.
    """
    if not path.is_file():
        raise BadModel(f"{path}: no such file")
    if path.stat().st_size > _LARGEST:
        raise BadModel(f"{path.name} is larger than any index of features: refused")
    try:
        with path.open("rb") as file:
            content = _Unpickler(file).load()
    except Exception as error:  # a damaged pickle can raise anything, and all of it means the same to the reader
        raise BadModel(f"{path.name} is no index of features, or is cut off") from error
    known = content if isinstance(content, Mapping) else {}
    names = [
        key
        for name, number in sorted(speakers.items(), key=lambda item: item[1])
        for key in (number, str(number), name)
    ]
    held = next((known[key] for key in names if isinstance(known.get(key), _Held)), None)
    state = held.state if held is not None else None
    written = state.get("this") if isinstance(state, Mapping) else None
    if not isinstance(written, bytes) or not written:
        raise BadModel(f"{path.name} has no index of the speakers {', '.join(speakers) or 'of the config'}")
    return written
