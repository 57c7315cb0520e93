"""Arrays computed once per clip, packed into a few memory-mapped files and found again by a key of their content.

Separate because three kinds of features (audio at the model's rate, content, f0) share it and it knows nothing
of them. A store is a folder for one kind of array with one set of parameters; it only grows, by shards that appear
whole or not at all, so a killed run loses at most the shard at hand and two runs may write at once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import atomic

Array = NDArray[Any]


class PackedStore:
    """Arrays that differ only in their first dimension, by key; read as views of memory-mapped files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shards: dict[str, Array] = {}
        self._places: dict[str, tuple[str, int, int]] = {}
        self._known: set[str] = set()
        self._look()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> Array:
        """The array stored under `key`, as a read-only view; raises KeyError when there is none."""
        shard, start, end = self._places[key]
        if shard not in self._shards:
            self._shards[shard] = np.load(self.folder / shard / "data.npy", mmap_mode="r")
        return self._shards[shard][start:end]

    def put(self, arrays: Mapping[str, Array]) -> None:
        """Store arrays of one dtype and one shape after the first dimension, as one shard."""
        if not arrays:
            return
        with atomic.in_words(f"the features in {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic.new_folder(self.folder / uuid.uuid4().hex[:12]) as building:
                _write_shard(building, arrays)
        self._look()

    def _look(self) -> None:
        """Learn the shards that are on disk and not known yet."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.iterdir()):
            if path.name in self._known or path.name.startswith("."):
                continue
            index = json.loads((path / "index.json").read_text(encoding="utf-8"))
            for key, (start, end) in index.items():
                self._places.setdefault(key, (path.name, start, end))
            self._known.add(path.name)


def _write_shard(folder: Path, arrays: Mapping[str, Array]) -> None:
    first = next(iter(arrays.values()))
    total = sum(len(array) for array in arrays.values())
    packed = np.lib.format.open_memmap(
        folder / "data.npy", mode="w+", dtype=first.dtype, shape=(total, *first.shape[1:])
    )
    index: dict[str, tuple[int, int]] = {}
    at = 0
    for key, array in arrays.items():
        packed[at : at + len(array)] = array
        index[key] = (at, at + len(array))
        at += len(array)
    packed.flush()
    del packed
    atomic.write_json(folder / "index.json", index)
