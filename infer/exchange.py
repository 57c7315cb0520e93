"""Voices in and out: RVC's .pth and .index to and from the registry.

Separate from `infer.weights`, which knows the file, because here a file becomes an entry of the registry and back:
names, cards and the index that belongs to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog import registry
from catalog.errors import BadRequest
from catalog.library import Library
from infer.network import network_config
from infer.retrieval import check_index
from infer.synthesizer import Synthesizer
from infer.synthesizer_config import SynthesizerConfig
from infer.weights import VoiceFile, build, read_pth, read_safetensors, write_pth, write_safetensors

WEIGHTS, INDEX = "model.safetensors", "index.faiss"
ENCODERS = {256: "contentvec-256", 768: "contentvec"}
"""The content encoder that RVC voices expect, by the size of their features."""


def import_rvc(library: Library, file: Path, *, name: str, index: Path | None = None) -> dict[str, Any]:
    """Put an RVC voice into the registry as `name` and give its card; nothing in the file is executed.

    Raises BadModel for a file that is no voice or an index of another size, BadRequest when the name is taken.
    """
    voice = read_pth(file)
    if index is not None:
        if not index.is_file():
            raise BadRequest(f"There is no file {index}")
        check_index(index, voice.config.phone_dim)

    def fill(folder: Path) -> dict[str, Any]:
        write_safetensors(folder / WEIGHTS, voice)
        if index is not None:
            shutil.copyfile(index, folder / INDEX)
        return card_of(voice, file)

    return registry.publish(library, name, build=fill)


def card_of(voice: VoiceFile, file: Path) -> dict[str, Any]:
    """The card of an imported voice; what its file does not say stays None."""
    return {
        "version": voice.version,
        "f0": voice.config.f0,
        "sample_rate": voice.config.sample_rate,
        "config": voice.config.to_dict(),
        "encoder": {"name": ENCODERS[voice.config.phone_dim], "version": "1", "dim": voice.config.phone_dim},
        "numerics": "classic",
        "set": None,
        "run": None,
        "metrics": {},
        "f0_stats": None,
        "speakers": [],
        "imported": {"file": file.name, "info": voice.info, "extras": dict(voice.extras)},
    }


def export_rvc(library: Library, name: str, out: Path) -> list[Path]:
    """Write model `name` as NAME.pth and, where it has an index, NAME.index into the folder `out`.

    Raises BadRequest when files of that name are there, and for a voice that RVC could not use: one whose network or
    content encoder RVC does not have.
    """
    entry = registry.load(library, name)
    if not isinstance(network_config(entry.card["config"]), SynthesizerConfig):
        raise BadRequest(
            f"{name} is {article(entry.card['config'])} voice, a network that RVC does not have; "
            f"train with --preset 32k, 40k or 48k and --encoder contentvec to share it"
        )
    encoder = entry.card["encoder"]["name"]
    if encoder not in ENCODERS.values():
        raise BadRequest(
            f"{name} was trained on the content encoder {encoder}, which RVC does not have; "
            f"train with --encoder contentvec to share it"
        )
    targets = [(entry.path / WEIGHTS, out / f"{name}.pth")]
    if (entry.path / INDEX).exists():
        targets.append((entry.path / INDEX, out / f"{name}.index"))
    if taken := [target for _, target in targets if target.exists()]:
        raise BadRequest(f"{taken[0]} exists already; choose another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    voice = read_safetensors(entry.path / WEIGHTS)
    run = entry.card.get("run") or {}
    info = voice.info or f"{run.get('epochs', 0)}epoch"
    network = build(voice)
    assert isinstance(network, Synthesizer)
    write_pth(targets[0][1], network, version=voice.version, info=info, extras=voice.extras)
    for source, target in targets[1:]:
        shutil.copyfile(source, target)
    return [target for _, target in targets]


def article(config: Mapping[str, Any]) -> str:
    """The kind of network in words, such as "a source-filter"."""
    return f"a {config.get('kind', 'RVC')}"
