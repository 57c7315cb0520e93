"""The checkpoints of a run on disk: whole states to go on from, hashed and few, and the generator that measured best.

Separate from the state because what is kept, for how long and whether a file can be trusted is a matter of disks.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from catalog import atomic
from catalog.audio import sha256
from catalog.errors import BadModel, BadRequest
from infer.network import NetworkConfig
from infer.weights import write_safetensors
from trainer.config import TrainConfig
from trainer.dataset import Position
from trainer.state import Best, TrainState
from trainer.stopping import Point

FORMAT = 2


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to; resuming with anything else is refused."""

    config: TrainConfig
    network: NetworkConfig
    seed: int
    data: str
    """Digest of the clips that are trained on and of their features."""

    def to_text(self) -> str:
        """As canonical JSON."""
        config = {
            name: value
            for name, value in self.config.to_dict().items()
            if name not in _NO_CONCERN and (value or name not in _YOUNGER)
        }
        document = asdict(self) | {"config": config, "network": self.network.to_dict()}
        return json.dumps(document, sort_keys=True)


_NO_CONCERN = {"refiner", "patience", "keep_last", "log_every", "compile"}
"""Settings that change what is looked at and kept, and how it is computed, not what is learned: a run may go on with
others."""


_YOUNGER = {"augment"}
"""Settings that checkpoints of earlier versions lack, and that change nothing where they are empty."""


class Checkpoints:
    """The checkpoints of one run: the last few whole states and the generator that measured best.

    Beside each whole state stands a file with its SHA-256, as sha256sum writes it; one that differs counts as damaged.
    """

    def __init__(self, folder: Path, identity: Identity, *, keep_last: int) -> None:
        self.folder = folder
        self.identity = identity
        self.keep_last = keep_last

    def check_room(self, state: TrainState) -> None:
        """Raise BadRequest when the disk cannot hold what a run keeps at most, before anything is trained."""
        networks = [part for part in state.learners.values() if isinstance(part, nn.Module)]
        weights = sum(part.numel() * part.element_size() for network in networks for part in network.parameters())
        whole = 3 * weights  # the weights and the two moments that Adam keeps of each
        have = sum(path.stat().st_size for path in self.folder.glob("step-*.pt"))
        needed = (self.keep_last + 1) * whole + weights - have  # one more while a file is exchanged, and the best
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise BadRequest(
                f"The run needs {needed / 1e9:.1f} GB for its checkpoints and {free / 1e9:.1f} GB are free: "
                "free some space or train a smaller preset"
            )

    def save(self, state: TrainState) -> Path:
        """Write the whole state under the number of its step, then let go of what is no longer needed."""
        path = self.folder / f"step-{state.step:08d}.pt"
        content = {
            "format": FORMAT,
            "identity": self.identity.to_text(),
            "torch": str(torch.__version__),
            "step": state.step,
            "position": asdict(state.position),
            "best": None if state.best is None else asdict(state.best),
            "curve": [point.to_dict() for point in state.curve],
            **{name: part.state_dict() for name, part in state.learners.items()},
        }
        with atomic.in_words(f"the checkpoint {path.name}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic.new_file(path) as part:
                _torch_save(content, part)
                atomic.write_text(_checksum(path), f"{sha256(part)}  {path.name}\n")
        self._prune(state)
        return path

    def save_best(self, state: TrainState, mel: float | None) -> bool:
        """Keep the generator when `mel` is the smallest so far, or when there is nothing to measure on (None)."""
        if mel is not None:
            before = math.inf if state.best is None or state.best.mel is None else state.best.mel
            if not mel < before:
                return False
        name = f"best-{state.step:08d}.safetensors"
        with atomic.in_words(f"the checkpoint {name}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_safetensors(self.folder / name, state.generator)
            if state.discriminator is not None:
                networks = {"generator": state.generator, "discriminator": state.discriminator}
                halves = {part: _half(network.state_dict()) for part, network in networks.items()}
                with atomic.new_file(rest_of(self.folder / name)) as part_file:
                    _torch_save(halves, part_file)
        state.best = Best(state.step, mel, name)
        return True

    def newest(self) -> Path | None:
        """The checkpoint of the highest step."""
        return max(self.folder.glob("step-*.pt"), default=None)

    def resume(self, state: TrainState) -> str | None:
        """Bring `state` to the newest checkpoint that can be read; a line of warning when the newest cannot.

        Leaves `state` as it is when there are none. Raises BadRequest when the checkpoints belong to other data or
        settings, BadModel when none can be read.
        """
        paths = sorted(self.folder.glob("step-*.pt"), reverse=True)
        warning: str | None = None
        for path in paths:
            content = _read(path) if _is_whole(path) else None
            if content is None:
                warning = f"{path.name} is damaged; going on from the one before"
                continue
            self._check(path, content)
            _restore(state, content)
            return warning
        if paths:
            raise BadModel(f"{self.folder}: no checkpoint can be read; start a new run")
        return None

    def _check(self, path: Path, content: Mapping[str, Any]) -> None:
        there, here = json.loads(content["identity"]), json.loads(self.identity.to_text())
        for key, words in (
            ("data", "other clips or features"),
            ("config", "other settings"),
            ("network", "another network"),
            ("seed", "another seed"),
        ):
            if there.get(key) != here[key]:
                raise BadRequest(f"{path} was trained with {words}: start a new run, or undo what changed since then")

    def _prune(self, state: TrainState) -> None:
        whole = sorted(self.folder.glob("step-*.pt"))
        kept = {path.name for path in whole[len(whole) - self.keep_last :]}
        if state.best is not None:
            kept |= {state.best.file, rest_of(self.folder / state.best.file).name}
        for path in [*whole, *self.folder.glob("best-*")]:
            if path.name not in kept:
                path.unlink(missing_ok=True)
                _checksum(path).unlink(missing_ok=True)

    def settle(self, state: TrainState) -> None:
        """Let go of the whole states once the model is published; what a next training can start from stays."""
        self.keep_last = 0
        self._prune(state)


def rest_of(best: Path) -> Path:
    """The networks of a best step whole, posterior encoder and discriminator included, from which a next training of
    the published method can start (`trainer.base`); of the spectral method the best generator is all there is."""
    return best.with_suffix(".pt")


def _half(state: Mapping[str, Any]) -> dict[str, Any]:
    """In half precision: what is started from need not be exact."""
    return {
        name: value.detach().to("cpu", torch.float16 if value.is_floating_point() else value.dtype)
        for name, value in state.items()
    }


def _checksum(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _is_whole(path: Path) -> bool:
    try:
        return _checksum(path).read_text(encoding="utf-8").split()[0] == sha256(path)
    except (OSError, IndexError):
        return False


def _torch_save(content: Mapping[str, Any], path: Path) -> None:
    """torch reports a full disk as a RuntimeError of its zip writer; say it as the OSError it is."""
    try:
        torch.save(content, path)
    except RuntimeError as error:
        raise OSError(28, "no space left on the device", str(path)) from error


def _read(path: Path) -> dict[str, Any] | None:
    """The checkpoint, or None when the file is damaged."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch raises many kinds for a damaged file, all meaning the same here
        return None
    return content if content.get("format") == FORMAT else None


def _restore(state: TrainState, content: Mapping[str, Any]) -> None:
    for name, part in state.learners.items():
        part.load_state_dict(content[name])
    state.step = content["step"]
    state.position = Position(**content["position"])
    state.best = None if content["best"] is None else Best(**content["best"])
    state.curve = [Point.from_dict(point) for point in content["curve"]]
