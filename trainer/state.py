"""The state of a training: everything that resuming needs, and its checkpoints on disk.

Separate from the loop so that "exactly resumable" is a property of one dataclass that a test can hold. Random draws
are no state: every step seeds them from (seed, step), and the data is a function of (seed, position).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from catalog import atomic
from catalog.errors import BadModel, BadRequest
from infer.network import Network, NetworkConfig, new_network
from infer.weights import write_safetensors
from trainer.config import TrainConfig
from trainer.dataset import Position
from trainer.discriminator import V1, V2, DiscriminatorConfig, MultiPeriodDiscriminator
from trainer.step import make_optimizer

FORMAT = 1
DISCRIMINATORS = {"v1": V1, "v2": V2, "small": DiscriminatorConfig((2, 3, 5, 7, 11), 16)}


@dataclass(frozen=True)
class Best:
    """The step whose held-out measurement was the best so far, and the file that holds its generator."""

    step: int
    mel: float | None
    """None when nothing is held out, and the last step counts as the best."""
    file: str


@dataclass
class TrainState:
    """Networks, optimizers and the two counters that say how far they have come."""

    generator: Network
    discriminator: MultiPeriodDiscriminator | None
    """None, and no optimizer for it, where the method has none."""
    optimizer_g: Optimizer
    optimizer_d: Optimizer | None
    step: int = 0
    position: Position = field(default_factory=Position)
    best: Best | None = None

    @staticmethod
    def build(config: TrainConfig, network: NetworkConfig, seed: int, device: torch.device) -> TrainState:
        """New networks, drawn from `seed`."""
        torch.manual_seed(seed)
        generator = new_network(network).to(device)
        if config.method == "spectral":
            return TrainState.around(config, generator, None)
        discriminator = MultiPeriodDiscriminator(DISCRIMINATORS[config.discriminator])
        return TrainState.around(config, generator, discriminator.to(device))

    @staticmethod
    def around(config: TrainConfig, generator: Network, discriminator: MultiPeriodDiscriminator | None) -> TrainState:
        """Optimizers for the networks; the discriminator learns at the generator's rate."""
        options: dict[str, Any] = {
            "learning_rate": config.learning_rate,
            "betas": config.betas,
            "eps": config.eps,
            "weight_decay": config.weight_decay,
        }
        return TrainState(
            generator,
            discriminator,
            make_optimizer(generator, **options),
            None if discriminator is None else make_optimizer(discriminator, **options),
        )

    def set_learning_rate(self, rate: float) -> None:
        """Give the optimizers their rate for the coming step."""
        for optimizer in (self.optimizer_g, self.optimizer_d):
            for group in [] if optimizer is None else optimizer.param_groups:
                group["lr"] = rate

    @property
    def learners(self) -> dict[str, Network | MultiPeriodDiscriminator | Optimizer]:
        """All that has a state of its own, by the name it has in a checkpoint."""
        parts = {name: getattr(self, name) for name in ("generator", "discriminator", "optimizer_g", "optimizer_d")}
        return {name: part for name, part in parts.items() if part is not None}


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
        document = asdict(self) | {"config": self.config.to_dict(), "network": self.network.to_dict()}
        return json.dumps(document, sort_keys=True)


class Checkpoints:
    """The checkpoints of one run: the last few whole states and the generator that measured best."""

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
        needed = (self.keep_last + 1) * whole + weights - have
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
            **{name: part.state_dict() for name, part in state.learners.items()},
        }
        with atomic.in_words(f"the checkpoint {path.name}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic.new_file(path) as part:
                _torch_save(content, part)
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
            content = _read(path)
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
        kept = set(sorted(self.folder.glob("step-*.pt"))[-self.keep_last :])
        best = None if state.best is None else state.best.file
        for path in [*self.folder.glob("step-*.pt"), *self.folder.glob("best-*.safetensors")]:
            if path not in kept and path.name != best:
                path.unlink(missing_ok=True)


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
