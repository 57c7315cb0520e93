"""A model of the registry made ready to convert: its network, its content encoder and its retrieval index.

Separate from the pipeline so that it can be loaded once and used for many files, and built by hand in a test.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from catalog.errors import BadModel, BadRequest
from catalog.registry import ModelEntry
from infer import refiner_config
from infer.content import load_encoder
from infer.content_encoder import ContentEncoder
from infer.network import Network
from infer.refiner import Refiner
from infer.refiner_file import read_refiner
from infer.retrieval import INDEX_F0, NEIGHBOURS, Retrieval, open_index
from infer.sovits import SoVitsSynthesizer
from infer.synthesizer import Synthesizer
from infer.weights import build, read_safetensors

INDEX, INDEX_ROWS = "index.faiss", "index.npy"
_KEPT_KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
"""oneDNN keeps code for every shape it has convolved, 1024 of them unless told: with pieces of ever new lengths that is
a gigabyte after some minutes. So many are enough for one piece, and what is set outside counts."""


@dataclass(frozen=True)
class Voice:
    """Everything that a conversion needs of one model."""

    synthesizer: Network
    """Weights folded, on its device, ready for inference."""
    encoder: ContentEncoder
    index: Retrieval | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    refiner_file: Path | None = None

    @cached_property
    def refiner(self) -> Refiner | None:
        """What takes noise off its spectrogram, read when it is first asked for; None where the voice has none.

        Raises BadModel for a file that is damaged or made for another voice.
        """
        if self.refiner_file is None:
            return None
        refiner = read_refiner(self.refiner_file, self.device)
        made_for, own = (refiner.config.sample_rate, refiner.config.phone_dim), (self.sample_rate, self.encoder.dim)
        if made_for != own:
            raise BadModel(
                f"the refiner of {self.card.get('name', 'this voice')} is made for {made_for[0]} Hz and features of "
                f"{made_for[1]} numbers, the voice for {own[0]} Hz and {own[1]}"
            )
        return refiner

    @property
    def sample_rate(self) -> int:
        """Rate of what the network gives, in Hz."""
        return self.synthesizer.config.sample_rate

    @property
    def speakers(self) -> int:
        """Rows of the speaker table."""
        return self.synthesizer.config.spk_embed_dim


def load_voice(entry: ModelEntry, weights: Path, device: str = "auto") -> Voice:
    """Load a model of the registry; `weights` is the library's folder of pulled weights.

    Raises BadModel when its parts do not belong together, MissingWeights when its encoder has not been pulled, and
    BadRequest for a device that is not there.
    """
    # read when the first convolution runs
    os.environ.setdefault(*_KEPT_KERNELS)
    place = pick_device(device)
    encoder = load_encoder(entry.card["encoder"]["name"], weights, place)
    trained_with = str(entry.card["encoder"]["version"])
    if trained_with != encoder.version:
        raise BadModel(
            f"{entry.name} was trained with version {trained_with} of the content encoder {encoder.name}, but "
            f"version {encoder.version} is installed: train it again, or install the version it was made with"
        )
    synthesizer = build(read_safetensors(entry.weights))
    if isinstance(synthesizer, Synthesizer | SoVitsSynthesizer):
        synthesizer.fold_weight_norm()
    synthesizer.to(place).eval()
    if synthesizer.config.phone_dim != encoder.dim:
        raise BadModel(
            f"{entry.name} reads features of {synthesizer.config.phone_dim} numbers; "
            f"its encoder {encoder.name} gives {encoder.dim}"
        )
    found, rows = entry.file(INDEX), entry.file(INDEX_ROWS)
    neighbours = int((entry.card.get("retrieval") or {}).get("neighbours", NEIGHBOURS))
    index = open_index(found, rows, neighbours=neighbours, f0=entry.file(INDEX_F0)) if found else None
    if index is not None and index.dim != encoder.dim:
        raise BadModel(f"the index of {entry.name} holds vectors of {index.dim} numbers, not {encoder.dim}")
    return Voice(synthesizer, encoder, index, entry.card, place, entry.file(refiner_config.FILE))


def pick_device(asked: str) -> str:
    """The device meant by `asked`, where "auto" is the fastest present; raises BadRequest for one that is not there."""
    import torch

    present = ["cpu"]
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    elif torch.backends.mps.is_available():
        present.insert(0, "mps")
    if asked == "auto":
        return present[0]
    if asked.split(":")[0] not in present:
        raise BadRequest(f"device {asked} is not here; there is {', '.join(present)}")
    return asked
