"""The encoder `phonetic`: a few numbers made of the probabilities of phones in and around a frame, and of nothing else.

Apart from the encoder `phone`, whose bottleneck its features stand in for: it has a network of its own, trained so that
virtual voices of one sound are heard as the same phones, and weights in a file of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from infer.phone_encoder import (
    FEATURE_SIZE,
    PHONES,
    EncoderShape,
    PhoneEncoder,
    other_shape,
    packaged_weights,
    read_card,
    read_tensors,
    whole_phones,
)

FILE = "phonetic.safetensors"


@dataclass(frozen=True)
class PhoneticShape:
    """What the layers after the network let through; stored in the card so that weights and code cannot disagree."""

    context: int = 2
    """Frames before and after one whose phones its features tell of, too."""
    sharpness: float = 3.0
    """Factor on the scores before they become probabilities: what is doubtful about a sound tells the voice."""
    numbers: int = 12
    """So many numbers pass: what fits only into more of them tells more of the voice than of the words."""


class Phonetic(nn.Module):
    """Audio at 16 kHz to 128 numbers every 20 ms that say which phones are in and around a frame.

    A linear picture of the phonetic posteriorgram (Hazen, Shen and White 2009; for conversion Sun et al. 2016): what
    the network knows of the voice ends at the names of the phones, and few numbers pass. The features are compared as
    they are. Normalised by recording they would tell the voice again, because few points moved by a mean and a spread
    are a fingerprint of that mean and spread.
    """

    def __init__(self, network: PhoneEncoder, shape: PhoneticShape | None = None, version: str = "unfitted") -> None:
        super().__init__()
        self.network = network
        self.shape = shape or PhoneticShape()
        self.version = version
        around, numbers = self.shape.context, self.shape.numbers
        self.narrow = nn.Conv1d(len(PHONES), numbers, 2 * around + 1, padding=around, bias=False)
        self.widen = nn.Linear(numbers, FEATURE_SIZE, bias=False)

    @property
    def reach(self) -> int:
        """Frames on either side that can change one frame."""
        return self.network.shape.reach + self.shape.context

    def shares(self, bottleneck: Tensor) -> Tensor:
        """Sharpened probabilities (B, T, 40) of the phones of `PHONES`, for the network's bottleneck (B, T, 128)."""
        return whole_phones((self.network.logits(bottleneck) * self.shape.sharpness).softmax(-1))

    def features(self, bottleneck: Tensor) -> Tensor:
        """Features (B, T, 128) for the network's bottleneck (B, T, 128)."""
        if bottleneck.shape[1] == 0:
            # torch refuses a convolution that is longer than what it is given, padding included
            return bottleneck.new_zeros(len(bottleneck), 0, FEATURE_SIZE)
        found: Tensor = self.widen(self.narrow(self.shares(bottleneck).transpose(1, 2)).transpose(1, 2))
        return found

    @torch.no_grad()
    def encode(self, audio: Tensor, block: int = 3000, gain: float | None = None) -> Tensor:
        """Features (B, T, 128) of audio (N,) or (B, N) at 16 kHz; `block` and `gain` as in `PhoneEncoder.encode`."""
        return self.features(self.network.encode(audio, block, gain))


def load_phonetic(path: Path | None = None, device: str | torch.device = "cpu") -> Phonetic:
    """The trained encoder in evaluation mode, from `path` or the packaged file, checked against its card.

    Raises BadModel when a file is missing or damaged, or its shape is another.
    """
    weights = path or packaged_weights().with_name(FILE)
    card = read_card(weights)
    tensors = read_tensors(weights, card)
    try:
        network = PhoneEncoder(EncoderShape(**card["network"]))
        found = Phonetic(network, PhoneticShape(**card["shape"]), version=str(card["version"]))
        found.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise other_shape(weights) from error
    return found.to(device).eval()
