"""The sizes of a source-filter voice.

Separate from the network, and free of torch, so that presets, cards and listings can be read without loading it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from catalog.errors import BadModel

KIND = "source-filter"
"""What cards and weights files call this network."""


@dataclass(frozen=True)
class SourceFilterConfig:
    """Every size that decides the shape of a source-filter network."""

    sample_rate: int
    phone_dim: int = 128
    """Size of a content feature."""
    width: int = 192
    layers: int = 6
    kernel_size: int = 7
    """Frames that a layer looks at."""
    expansion: int = 2
    bands: int = 64
    """Points, evenly spaced in mel, at which each of the two filters is given."""
    spk_embed_dim: int = 16
    gin_channels: int = 64

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BadModel(f"the model's config has {name} = {value!r}; from {low} to {high} is possible")
        if self.sample_rate % 200:
            raise BadModel(f"the model's config has {self.sample_rate} Hz, which is not 100 even frames a second")
        if self.kernel_size % 2 == 0:
            raise BadModel(f"the model's config has kernel_size = {self.kernel_size}; only odd ones are possible")

    @property
    def f0(self) -> bool:
        """Such a voice always follows f0."""
        return True

    @property
    def hop(self) -> int:
        """Samples of output per frame; there are 100 frames a second."""
        return self.sample_rate // 100

    @property
    def reach(self) -> int:
        """Frames on either side that can change one frame of the filters."""
        return self.layers * (self.kernel_size // 2)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict of all fields and the kind of network, for cards and weights files."""
        return {"kind": KIND, **asdict(self)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> SourceFilterConfig:
        """The reverse of `to_dict`; raises BadModel for unknown or missing fields."""
        given = {name: value for name, value in values.items() if name != "kind"}
        if unknown := sorted(set(given) - {field.name for field in fields(SourceFilterConfig)}):
            raise BadModel(f"the model's config has unknown fields: {', '.join(unknown)}")
        try:
            return SourceFilterConfig(**given)
        except TypeError as error:
            raise BadModel(f"the model's config is incomplete: {error}") from error


_LIMITS: Mapping[str, tuple[int, int]] = {
    "sample_rate": (8000, 192000),
    "phone_dim": (1, 8192),
    "width": (1, 4096),
    "layers": (1, 64),
    "kernel_size": (1, 63),
    "expansion": (1, 16),
    "bands": (2, 1024),
    "spk_embed_dim": (1, 100_000),
    "gin_channels": (1, 4096),
}
