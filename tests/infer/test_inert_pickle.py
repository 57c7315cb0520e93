from __future__ import annotations

import os
import pickle
import sys
import types
from pathlib import Path

import pytest
import torch

from catalog.errors import BadModel
from infer.inert_pickle import read_tensors

SEEN: list[str] = []


class Trap:
    """An object whose unpickling would run code."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


def foreign(name: str) -> type:
    """A class of a module that the reader must never import."""
    module = types.ModuleType("someone_elses_library")
    kind = type(name, (), {"__module__": module.__name__})
    setattr(module, name, kind)
    sys.modules[module.__name__] = module
    return kind


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_come_out_and_everything_else_stays_inert(tmp_path: Path, zipped: bool) -> None:
    config = foreign("Config")()
    config.words = ["a", {"b": 1}]
    weights = {"w": torch.arange(6.0).reshape(2, 3).T, "h": torch.ones(2, dtype=torch.float16), "n": 3}
    content = {"model": weights, "args": config, "trap": Trap(str(tmp_path / "ran"))}
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    del sys.modules["someone_elses_library"]
    found = read_tensors(path, "model")
    assert set(found) == {"w", "h"}
    assert torch.equal(found["w"], weights["w"])
    assert found["h"].dtype == torch.float16
    assert not (tmp_path / "ran").exists()
    assert "someone_elses_library" not in sys.modules


def test_a_plain_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Trap(str(tmp_path / "ran"))))
    with pytest.raises(BadModel, match=r"evil\.pt"):
        read_tensors(path, "model")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0, 10, 600])
def test_a_file_that_is_cut_off_is_refused_in_one_line(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.pt"
    torch.save({"model": {"w": torch.zeros(1000)}}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadModel, match=r"cut\.pt") as error:
        read_tensors(path, "model")
    assert "\n" not in str(error.value)


def test_a_file_without_the_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"weight": {"w": torch.zeros(1)}}, path)
    with pytest.raises(BadModel, match="'model'"):
        read_tensors(path, "model")
