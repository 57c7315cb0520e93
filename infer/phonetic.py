"""The encoder `phonetic`: from the probabilities of phones in and around a frame to features, and from nothing else.

Apart from the network, whose bottleneck is the encoder `phone`: one convolution that is fitted to the network in
closed form, after it, and whose weights lie in a file of their own beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from catalog.errors import BadModel
from infer.phone_encoder import (
    CLASSES,
    FEATURE_SIZE,
    PhoneEncoder,
    load_phone_encoder,
    other_shape,
    packaged_weights,
    read_card,
    read_tensors,
)

FILE = "phonetic.safetensors"


@dataclass(frozen=True)
class PhoneticShape:
    """What the layer hears; stored in the card so that weights and code cannot disagree silently."""

    context: int = 4
    """Frames before and after one whose phones its features tell of, too."""
    sharpness: float = 3.0
    """Factor on the scores before they become probabilities: what is doubtful about a sound tells the voice."""


class Phonetic(nn.Module):
    """Audio at 16 kHz to 128 numbers every 20 ms that say which phones are in and around a frame.

    A linear picture of the phonetic posteriorgram (Hazen, Shen and White 2009; for conversion Sun et al. 2016): what
    the network knows of the voice ends at the names of the phones. The features are compared as they are. Normalised
    by recording they would tell the voice again, because few points moved by a mean and a spread are a fingerprint of
    that mean and spread.
    """

    def __init__(self, network: PhoneEncoder, shape: PhoneticShape | None = None, version: str = "unfitted") -> None:
        super().__init__()
        self.network = network
        self.shape = shape or PhoneticShape()
        self.version = version
        around = self.shape.context
        self.layer = nn.Conv1d(CLASSES, FEATURE_SIZE, 2 * around + 1, padding=around, bias=False)

    @property
    def reach(self) -> int:
        """Frames on either side that can change one frame."""
        return self.network.shape.reach + self.shape.context

    def shares(self, bottleneck: Tensor) -> Tensor:
        """Sharpened probabilities (B, T, classes) of the thirds of phones, for the network's bottleneck (B, T, 128)."""
        return (self.network.logits(bottleneck) * self.shape.sharpness).softmax(-1)

    def features(self, bottleneck: Tensor) -> Tensor:
        """Features (B, T, 128) for the network's bottleneck (B, T, 128)."""
        if bottleneck.shape[1] == 0:
            # torch refuses a convolution that is longer than what it is given, padding included
            return bottleneck.new_zeros(len(bottleneck), 0, FEATURE_SIZE)
        found: Tensor = self.layer(self.shares(bottleneck).transpose(1, 2)).transpose(1, 2)
        return found

    @torch.no_grad()
    def encode(self, audio: Tensor, block: int = 3000, gain: float | None = None) -> Tensor:
        """Features (B, T, 128) of audio (N,) or (B, N) at 16 kHz; `block` and `gain` as in `PhoneEncoder.encode`."""
        return self.features(self.network.encode(audio, block, gain))


def load_phonetic(path: Path | None = None, device: str | torch.device = "cpu") -> Phonetic:
    """The fitted layer with its network, from `path` or the packaged file, checked against its card.

    The network lies beside it as `phone_encoder.safetensors`. Raises BadModel when a file is missing or damaged, or
    the layer was fitted to other weights.
    """
    weights = path or packaged_weights().with_name(FILE)
    card = read_card(weights)
    beside = weights.with_name(packaged_weights().name)
    network = load_phone_encoder(beside, device)
    tensors = read_tensors(weights, card)
    if card.get("fitted_to") != network.version:
        raise BadModel(f"{weights} was fitted to other weights than {beside}; fit it again")
    try:
        found = Phonetic(network, PhoneticShape(**card["shape"]), version=str(card["version"]))
        found.layer.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise other_shape(weights) from error
    return found.to(device).eval()
