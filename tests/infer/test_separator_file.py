from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_separator

from catalog.errors import BadModel, BadRequest, MissingWeights
from infer import pull
from infer.separator_file import PUBLISHED, load_separator, read_network

pytest.importorskip("demucs", reason="the extra `stems` separates")


def mix() -> Any:
    import torch

    return torch.from_numpy(0.1 * np.random.default_rng(0).standard_normal((1, 2, 22_050))).float()


@pytest.mark.parametrize("write", [toy_separator.write_th, toy_separator.write_safetensors])
def test_a_file_gives_the_network_that_was_saved(tmp_path: Path, write: Any) -> None:
    import torch

    suffix = ".th" if write is toy_separator.write_th else ".safetensors"
    separator = load_separator(write(tmp_path / f"toy{suffix}"), tmp_path)
    assert separator.stems == ("drums", "bass", "other", "vocals")
    assert (separator.sample_rate, separator.channels, separator.segment) == (44_100, 2, 22_050)
    half = toy_separator.network().half().float()
    with torch.no_grad():
        assert torch.equal(separator.network(mix()), half(mix()))


class Trap:
    """Pickles as a call that would leave a file behind."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.place}",)


@pytest.mark.parametrize("key", ["klass", "kwargs", "state", "training_args"])
def test_code_in_a_file_is_never_run(tmp_path: Path, key: str) -> None:
    trap = Trap(tmp_path / "sprung")
    path = toy_separator.write_th(tmp_path / "trap.th", **{key: trap})
    if key == "training_args":
        read_network(path)
    else:
        with pytest.raises(BadModel, match=r"trap\.th"):
            read_network(path)
    assert not (tmp_path / "sprung").exists()


def settings(**changes: Any) -> dict[str, Any]:
    return {"kwargs": {**toy_separator.SETTINGS, **changes}}


class Unlike:
    """A class that is none of Demucs'."""


HOSTILE: dict[str, dict[str, Any]] = {
    "another class": {"klass": Unlike},
    "no class": {"klass": "HTDemucs"},
    "positional settings": {"args": (["vocals"],)},
    "other sizes": settings(channels=16),
    "absurd size": settings(channels=10**9),
    "absurd depth": settings(depth=5_000),
    "not a number": settings(segment=float("nan")),
    "endless segment": settings(segment=Fraction(10**8, 1)),
    "no sources": settings(sources=[]),
    "sources twice": settings(sources=["vocals", "vocals"]),
    "a thousand sources": settings(sources=[str(n) for n in range(1000)]),
    "a setting that is code": settings(channels=Unlike()),
    "seven channels": settings(audio_channels=7),
    "no weights": {"state": {}},
    "weights that are text": {"state": {"a": "b"}},
    "quantised weights": {"state": {"__quantized": True, "quantized": b"", "other": {}}},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_broken_or_hostile_file_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = toy_separator.write_th(tmp_path / "bad.th", **changes)
    with pytest.raises(BadModel) as refused:
        read_network(path)
    assert str(refused.value).startswith("bad.th")
    assert "\n" not in str(refused.value)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    broken = toy_separator.network()
    next(iter(broken.parameters())).data[0] = float("nan")
    path = toy_separator.write_th(tmp_path / "bad.th", state=broken.state_dict())
    with pytest.raises(BadModel, match="not numbers"):
        read_network(path)


def test_a_file_that_is_cut_off_or_none_is_refused(tmp_path: Path) -> None:
    whole = toy_separator.write_th(tmp_path / "whole.th").read_bytes()
    for name, content in {
        "cut.th": whole[: len(whole) // 2],
        "text.th": b"no model",
        "cut.safetensors": b"12345678",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadModel, match=name):
            read_network(tmp_path / name)


def test_another_class_in_safetensors_is_refused(tmp_path: Path) -> None:
    path = toy_separator.write_safetensors(tmp_path / "other.safetensors", klass="os.system")
    with pytest.raises(BadModel, match="the kind system"):
        read_network(path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_that_are_not_here_are_named_with_what_to_type(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingWeights, match=f"curator models pull {name}"):
        load_separator(name, tmp_path)


def test_what_is_neither_a_name_nor_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="htdemucs, htdemucs_ft"):
        load_separator("htdemux", tmp_path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_pinned_hash_begins_as_the_publisher_says_in_the_files_name(name: str) -> None:
    entry = pull.find(name)
    assert entry.sha256.startswith(Path(entry.file).stem.split("-")[1])
    assert pull.address(entry) == f"https://dl.fbaipublicfiles.com/demucs/hybrid_transformer/{entry.file}"


def test_pulled_weights_of_the_fine_tuned_bag_give_vocals_only(tmp_path: Path) -> None:
    toy_separator.write_th(tmp_path / pull.find("htdemucs_ft").file)
    separator = load_separator("htdemucs_ft", tmp_path)
    assert (separator.name, separator.stems) == ("htdemucs_ft", ("vocals",))
