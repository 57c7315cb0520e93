from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.errors import BadModel
from infer.sovits_index import read_index

SPEAKERS = {"alto": 0, "bass": 1}


def built(rows: NDArray[np.float32]) -> Any:
    index: Any = faiss.index_factory(rows.shape[1], "IVF4,Flat")
    index.cp.min_points_per_centroid = 1
    index.train(rows)
    index.add(rows)
    return index


@pytest.fixture
def rows() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)


def pickled(path: Path, content: object) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


@pytest.mark.parametrize("key", [0, "0", "alto"])
def test_the_first_speakers_index_comes_out_as_faiss_wrote_it(
    tmp_path: Path, rows: NDArray[np.float32], key: object
) -> None:
    path = pickled(tmp_path / "feature_and_index.pkl", {1: built(rows[::-1]), key: built(rows)})
    index: Any = faiss.deserialize_index(np.frombuffer(read_index(path, SPEAKERS), np.uint8))
    index.make_direct_map()
    assert np.array_equal(index.reconstruct_n(0, 200), rows)


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    "content",
    [Evil(), {0: Evil()}, {0: b"bytes"}, {5: 1}, [], {0: {"this": b"x"}}],
    ids=["code", "code-in-place", "bytes", "nobody", "list", "dict"],
)
def test_anything_else_is_refused_and_nothing_is_run(
    tmp_path: Path, content: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadModel, match=r"bad\.pkl") as refused:
        read_index(pickled(tmp_path / "bad.pkl", content), SPEAKERS)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "executed").exists()


def test_half_a_file_is_refused(tmp_path: Path, rows: NDArray[np.float32]) -> None:
    whole = pickle.dumps({0: built(rows)})
    (tmp_path / "half.pkl").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadModel, match="cut off"):
        read_index(tmp_path / "half.pkl", SPEAKERS)
