"""The sizes of a refiner, the network that takes noise off a voice's mel spectrogram.

Separate from the network, and free of torch, so that cards and files are checked before anything is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from catalog.errors import BadModel

OWN: Literal["own"] = "own"
SOVITS: Literal["so-vits-svc"] = "so-vits-svc"
FILE = "refiner.safetensors"
"""The refiner of a model, in its folder."""
FRAMES = 100
"""Content features and f0 come at this rate, whatever the refiner's own."""


@dataclass(frozen=True)
class RefinerConfig:
    """Every size that decides the shape of a refiner and of the spectrogram that it reads."""

    sample_rate: int
    hop: int
    """Samples a frame of the spectrogram."""
    n_mels: int
    phone_dim: int
    """Size of a content feature."""
    layers: int = 8
    width: int = 128
    """Channels of the denoiser."""
    hidden: int = 128
    """Channels of what it is conditioned on."""
    speakers: int = 1
    """Rows of the speaker table; there is no table for one."""
    shifted: bool = False
    """Whether it was trained on shifted pitches and has weights for how far."""
    most_steps: int = 1000
    """Steps of noise, of a thousand, up to which it was trained."""
    layout: Literal["own", "so-vits-svc"] = OWN
    """Whose spectrogram and measure of loudness it reads."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BadModel(f"the refiner's config has {name} = {value!r}; from {low} to {high} is possible")
        if self.layout not in (OWN, SOVITS) or not isinstance(self.shifted, bool):
            raise BadModel(f"the refiner's config has a layout {self.layout!r} that this version does not know")
        if self.width % 2 or self.width < 4:
            raise BadModel(f"the refiner's config has width = {self.width}; only even ones from 4 on are possible")

    @property
    def reach(self) -> int:
        """Frames of content on either side, 100 a second, that can change one moment of the result."""
        window = 3 * self.sample_rate // 20
        return math.ceil(((self.layers + 2) * self.hop + window) * FRAMES / self.sample_rate)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict of all fields."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> RefinerConfig:
        """The reverse of `to_dict`; raises BadModel for unknown or missing fields, or values that are no sizes."""
        if unknown := sorted(set(values) - {item.name for item in fields(RefinerConfig)}):
            raise BadModel(f"the refiner's config has unknown fields: {', '.join(unknown)}")
        try:
            return RefinerConfig(**values)
        except TypeError as error:
            raise BadModel(f"the refiner's config is incomplete: {error}") from error


_LIMITS: Mapping[str, tuple[int, int]] = {
    "sample_rate": (8000, 192000),
    "hop": (16, 4096),
    "n_mels": (1, 512),
    "phone_dim": (1, 8192),
    "layers": (1, 64),
    "width": (4, 4096),
    "hidden": (1, 4096),
    "speakers": (1, 100_000),
    "most_steps": (1, 1000),
}
