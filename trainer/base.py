"""What a training starts from: base weights that were pulled or are packaged here, a file, or an earlier model.

Separate because they come from outside the run: every tensor is checked against the network before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from catalog.errors import BadModel, BadRequest, MissingWeights
from catalog.library import Library
from infer.pull import place, published
from infer.weights import fit_shapes, read_base
from trainer.config import TrainConfig
from trainer.parent import Parent
from trainer.state import TrainState

PACKAGED = Path(__file__).parent / "data"
CONTENT, POSTERIOR, DISCRIMINATOR = (
    "the layer that reads content features",
    "the posterior encoder",
    "the discriminator",
)
_MAY_DIFFER = {
    "enc_p.emb_phone.": CONTENT,
    "emb_phone.": CONTENT,
    "emb_g.": "the table of speakers",
    "enc_q.": POSTERIOR,
}
"""Parts that depend on the encoder and the set, or that a base may leave out, with their names in words."""


@dataclass(frozen=True)
class Start:
    """Where the networks of a run come from."""

    words: str
    generator: Path | None = None
    """Weights file of the generator; its discriminator lies beside it where there is one. None: drawn from the seed."""
    rest: Path | None = None
    """A run's checkpoint that holds what the generator's file lacks: posterior encoder and discriminator."""
    parent: Parent | None = None

    @property
    def name(self) -> str:
        """What it is called when it is told of: the model, or the file."""
        return self.parent.name if self.parent else self.generator.name if self.generator else ""


FROM_SCRATCH = Start("from scratch")


def begin(state: TrainState, start: Start) -> list[str]:
    """Give new networks the weights that they start from; what those lack, as `load_base`."""
    return [] if start.generator is None else load_base(state, start.generator, start.rest)


def find_start(asked: str | None, config: TrainConfig, library: Library) -> Start:
    """As `find_base`, but a model of the registry may be asked for by its name; raises as that and `Parent.of` do."""
    if asked not in (None, "none") and (library.models / str(asked) / "model.json").is_file():
        parent = Parent.of(library, str(asked))
        return Start(f"from the model {parent.name}", parent.weights, parent.checkpoint, parent)
    path, words = find_base(asked, config, library.weights)
    return Start(words, path)


def find_base(asked: str | None, config: TrainConfig, weights: Path) -> tuple[Path | None, str]:
    """The generator's file to start from, and in words what the training starts from.

    `asked` is None for the preset's own if it is there, "none" for none, else a published name or a file. Raises
    MissingWeights or BadRequest when what is asked for by name is not there.
    """
    if asked == "none" or (asked is None and config.base is None):
        return None, "from scratch"
    name = asked or str(config.base)
    if asked is not None and Path(asked).is_file():
        return Path(asked), f"from {asked}"
    packaged = PACKAGED / f"{name}-generator.safetensors"
    if packaged.is_file():
        return packaged, f"from the packaged base {name}"
    wanted = f"{name}-generator"
    if wanted not in published():
        raise BadRequest(f"There are no base weights called {name}; a file, a published name or none is possible")
    if place(wanted, weights).is_file():
        return place(wanted, weights), f"from the published base {name}"
    if asked is not None:
        raise MissingWeights(f"The base weights {name} are not here: curator models pull {wanted}")
    return None, f"from scratch (the base {name} is not here: curator models pull {wanted})"


def discriminator_of(generator: Path) -> Path:
    """Where the discriminator of a generator's file lies: f0G40k.pth beside f0D40k.pth, and the like."""
    name = generator.name
    return generator.with_name(name.replace("generator", "discriminator").replace("G", "D"))


def load_base(state: TrainState, generator: Path, rest: Path | None = None) -> list[str]:
    """Load base weights into new networks; gives in words what the base lacks and is learned anew.

    What the generator's file lacks is taken from `rest`, the checkpoint of a run. Raises BadModel for a file that is
    damaged or of another network.
    """
    anew: list[str] = []
    own = state.generator.state_dict()
    whole = {} if rest is None else _read_checkpoint(rest)
    given = {**whole.get("generator", {}), **_read(generator)}
    for prefix, words in _MAY_DIFFER.items():
        parts = [name for name in own if name.startswith(prefix)]
        if any(name not in given or given[name].shape != own[name].shape for name in parts):
            anew.append(words)
            given = {name: value for name, value in given.items() if not name.startswith(prefix)}
            given |= {name: own[name] for name in parts}
    state.generator.load_state_dict(_fit(generator, given, own))
    if state.discriminator is None:
        return anew
    beside = discriminator_of(generator)
    if rest is not None and "discriminator" in whole:
        state.discriminator.load_state_dict(_fit(rest, whole["discriminator"], state.discriminator.state_dict()))
    elif beside != generator and beside.is_file():
        state.discriminator.load_state_dict(_fit(beside, _read(beside), state.discriminator.state_dict()))
    else:
        anew.append(DISCRIMINATOR)
    return anew


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return dict(read_base(path))
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise BadModel(f"{path.name} is cut off or not safetensors") from error


def _read_checkpoint(path: Path) -> dict[str, Mapping[str, Tensor]]:
    """The networks of a checkpoint of `trainer.checkpoints`; none where it cannot be read."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch raises many kinds for a damaged file; a model is whole without it
        return {}
    return {name: content[name] for name in ("generator", "discriminator") if name in content}


def _fit(path: Path, given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    try:
        return fit_shapes(given, {name: value.shape for name, value in own.items()})
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error
