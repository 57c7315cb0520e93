"""Broken and hostile model files: each is refused in one line, nothing in it runs, nothing is published.

Separate from the tests of reading because it is a corpus: one line a file, and the number of them is part of the claim.
"""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from catalog import registry
from catalog.errors import BadModel
from catalog.library import Library
from infer.exchange import import_rvc
from infer.synthesizer import Synthesizer, published_config

CONFIG = replace(
    published_config("v2", "40k"), inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=1,
    upsample_initial_channel=16, spk_embed_dim=2, gin_channels=4,
)  # fmt: skip


class Calls:
    """Unpickled the usual way, this calls `function` with `arguments`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@cache
def weights() -> Mapping[str, torch.Tensor]:
    torch.manual_seed(0)
    state = Synthesizer(CONFIG, posterior=False).state_dict()
    return MappingProxyType({key: value.half() for key, value in state.items()})


def good() -> dict[str, Any]:
    weight = OrderedDict(weights())
    return {"weight": weight, "config": CONFIG.to_list(), "info": "20epoch", "sr": "40k", "f0": 1, "version": "v2"}


def saved(content: Any) -> bytes:
    held = io.BytesIO()
    torch.save(content, held)
    return held.getvalue()


def with_weight(name: str, value: Any) -> bytes:
    content = good()
    content["weight"][name] = value
    return saved(content)


def without_weight(*names: str) -> bytes:
    content = good()
    for name in names:
        del content["weight"][name]
    return saved(content)


def with_config(index: int, value: Any) -> bytes:
    content = good()
    content["config"][index] = value
    return saved(content)


def with_content(**changes: Any) -> bytes:
    return saved({**good(), **changes})


def without_content(name: str) -> bytes:
    content = good()
    del content[name]
    return saved(content)


def repacked(change: Callable[[str, bytes], list[tuple[str, bytes]]], packing: int = zipfile.ZIP_STORED) -> bytes:
    """A good file whose archive entries went through `change`."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(good()))) as source, zipfile.ZipFile(held, "w", packing) as target:
        for entry in source.infolist():
            for name, data in change(entry.filename, source.read(entry)):
                target.writestr(name, data)
    return held.getvalue()


def replaced_pickle(data: bytes) -> bytes:
    return repacked(lambda name, old: [(name, data if name.endswith("data.pkl") else old)])


def legacy(content: Any) -> bytes:
    held = io.BytesIO()
    torch.save(content, held, _use_new_zipfile_serialization=False)
    return held.getvalue()


def claims_more() -> bytes:
    """The directory at the end of the archive says that the first entry unpacks to four gigabytes."""
    content = bytearray(saved(good()))
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    return bytes(content)


def nested(depth: int) -> bytes:
    return b"\x80\x02" + b"(" * depth + b"l" * depth + b"."


def code(mark: Path) -> dict[str, Callable[[], bytes]]:
    """Files that would run code where they are unpickled without care."""
    touch = f"touch {mark}"
    return {
        "os.system in info": lambda: with_content(info=Calls(os.system, touch)),
        "os.system as a weight": lambda: with_weight("dec.conv_pre.weight", Calls(os.system, touch)),
        "os.system in config": lambda: with_config(0, Calls(os.system, touch)),
        "os.system as an extra": lambda: with_content(author=Calls(os.system, touch)),
        "eval": lambda: with_content(info=Calls(builtins.eval, f"open({str(mark)!r}, 'w')")),
        "exec": lambda: with_content(info=Calls(builtins.exec, f"open({str(mark)!r}, 'w')")),
        "open": lambda: with_content(info=Calls(builtins.open, str(mark), "w")),
        "path": lambda: with_content(info=Calls(Path.touch, mark)),
        "a call of a call": lambda: with_content(info=Calls(os.unlink, Calls(Path.touch, mark))),
        "a bare pickle": lambda: pickle.dumps(Calls(os.system, touch)),
        "an old torch file": lambda: legacy(Calls(os.system, touch)),
        "a pickle in the archive": lambda: replaced_pickle(pickle.dumps(Calls(os.system, touch))),
        "a numpy object array": lambda: with_content(info=np.array([Calls(os.system, touch)], dtype=object)),
        "a whole module": lambda: with_content(weight=torch.nn.Linear(2, 2)),
    }


BROKEN: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"<html>404 not found</html>",
    "noise": lambda: np.random.default_rng(0).bytes(5000),
    "a wav file": lambda: b"RIFF" + bytes(400),
    "only the archive's end": lambda: saved(good())[-200:],
    "cut after 1 byte": lambda: saved(good())[:1],
    "cut in the middle": lambda: saved(good())[: len(saved(good())) // 2],
    "cut before the end": lambda: saved(good())[:-1],
    "an archive of nothing": lambda: repacked(lambda name, data: []),
    "an archive without a pickle": lambda: repacked(
        lambda name, data: [] if name.endswith("data.pkl") else [(name, data)]
    ),
    "two pickles": lambda: repacked(
        lambda name, data: [(name, data), ("b/data.pkl", data)] if name.endswith("data.pkl") else [(name, data)]
    ),
    "no tensors in the archive": lambda: repacked(lambda name, data: [] if "/data/" in name else [(name, data)]),
    "short tensors": lambda: repacked(lambda name, data: [(name, data[:2] if "/data/" in name else data)]),
    "compressed": lambda: repacked(lambda name, data: [(name, data)], zipfile.ZIP_DEFLATED),
    "claims four gigabytes": claims_more,
    "a pickle of 20 MB": lambda: replaced_pickle(bytes(20 << 20)),
    "an empty pickle": lambda: replaced_pickle(b""),
    "a pickle without an end": lambda: replaced_pickle(b"\x80\x02}"),
    "a deep pickle": lambda: replaced_pickle(nested(100_000)),
    "a list": lambda: saved([1, 2, 3]),
    "a number": lambda: saved(7),
    "a tensor": lambda: saved(torch.zeros(3)),
    "an empty dict": lambda: saved({}),
    "no weight": lambda: without_content("weight"),
    "no config": lambda: without_content("config"),
    "weight is a list": lambda: with_content(weight=[1]),
    "weight is empty": lambda: with_content(weight={}),
    "config is text": lambda: with_content(config="40k"),
    "config is short": lambda: with_content(config=[1, 2]),
    "config of 19": lambda: with_content(config=[*CONFIG.to_list(), 1]),
    "inter channels of a billion": lambda: with_config(2, 10**9),
    "inter channels below zero": lambda: with_config(2, -4),
    "inter channels of text": lambda: with_config(2, "8"),
    "no heads": lambda: with_config(5, 0),
    "heads that do not divide": lambda: with_config(5, 3),
    "a million layers": lambda: with_config(6, 10**6),
    "upsample rates of nothing": lambda: with_config(12, []),
    "upsample rates of millions": lambda: with_config(12, [10**6] * 4),
    "too many stages": lambda: with_config(12, [2] * 40),
    "kernels for other rates": lambda: with_config(14, [16]),
    "dilations for other kernels": lambda: with_config(11, [[1]]),
    "a rate of nothing": lambda: with_config(17, 0),
    "a rate that is not a number": lambda: with_config(17, float("nan")),
    "a missing tensor": lambda: without_weight("dec.conv_pre.weight"),
    "a missing voice table": lambda: without_weight("emb_g.weight"),
    "a tensor too many": lambda: with_weight("dec.extra", torch.zeros(1)),
    "another shape": lambda: with_weight("dec.conv_pre.weight", torch.zeros(2, 2)),
    "a scalar": lambda: with_weight("dec.conv_pre.bias", torch.tensor(1.0)),
    "whole numbers": lambda: with_weight("dec.conv_pre.bias", torch.zeros(16, dtype=torch.int64)),
    "complex numbers": lambda: with_weight("dec.conv_pre.bias", torch.zeros(16, dtype=torch.complex64)),
    "a sparse tensor": lambda: with_weight("dec.conv_pre.bias", torch.zeros(16).to_sparse()),
    "NaN": lambda: with_weight("dec.conv_pre.bias", torch.full((16,), float("nan"))),
    "infinity": lambda: with_weight("dec.conv_pre.bias", torch.full((16,), float("inf"))),
    "a tensor of terabytes": lambda: with_weight("dec.conv_pre.bias", torch.zeros(1).expand(10**12)),
    "a weight of text": lambda: with_weight("dec.conv_pre.bias", "x"),
    "a weight without a name": lambda: with_weight(7, torch.zeros(1)),  # type: ignore[arg-type]
    "v1 with features of v2": lambda: with_content(version="v1"),
    "another vocoder": lambda: with_content(vocoder="RefineGAN"),
    "a training checkpoint": lambda: saved({"model": good()["weight"], "iteration": 3}),
}
CODE = tuple(code(Path("nowhere")))


def refused(library: Library, path: Path) -> None:
    with pytest.raises(BadModel) as caught:
        import_rvc(library, path, name="stranger")
    message = str(caught.value)
    assert message.isprintable()
    assert path.name in message
    assert len(message) < 400
    assert registry.list_models(library) == []


def test_the_corpus_is_as_large_as_stated() -> None:
    assert len(BROKEN) + len(CODE) >= 70


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_in_one_line(library: Library, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "voice.pth"
    path.write_bytes(BROKEN[kind]())
    refused(library, path)


@pytest.mark.parametrize("kind", CODE)
def test_code_in_a_file_never_runs(library: Library, tmp_path: Path, kind: str) -> None:
    mark, path = tmp_path / "it-ran", tmp_path / "voice.pth"
    path.write_bytes(code(mark)[kind]())
    mark.unlink(missing_ok=True)
    refused(library, path)
    assert not mark.exists()


def test_the_file_they_are_made_of_is_good(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "voice.pth"
    path.write_bytes(saved(good()))
    import_rvc(library, path, name="friend")
    assert [card["name"] for card in registry.list_models(library)] == ["friend"]
