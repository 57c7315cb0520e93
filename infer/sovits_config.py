"""The sizes of a so-vits-svc 4.x voice, read from the config.json that travels with it.

Separate from the network, and free of torch, so that a config is checked before anything is allocated from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from catalog.errors import BadModel, BadRequest

KIND = "so-vits-svc"
"""What cards and weights files call this network."""
FRAMES = 100
"""Content features and f0 come at this rate, whatever the voice's own."""
_CONTENT = {"vec768l12": ("contentvec", 768), "vec256l9": ("contentvec-256", 256)}
_LARGEST_CONFIG = 1 << 20


@dataclass(frozen=True)
class SoVitsConfig:
    """Every size that decides the shape of a so-vits-svc 4.0 or 4.1 voice; the defaults are the published ones."""

    sample_rate: int = 44100
    frame_hop: int = 512
    """Samples a frame of the network."""
    phone_dim: int = 768
    """Size of a content feature: 256 in 4.0, 768 in 4.1."""
    inter_channels: int = 192
    hidden_channels: int = 192
    filter_channels: int = 768
    n_heads: int = 2
    n_layers: int = 6
    kernel_size: int = 3
    flow_layers: int = 4
    """Layers of each coupling."""
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    upsample_rates: tuple[int, ...] = (8, 8, 2, 2, 2)
    upsample_kernel_sizes: tuple[int, ...] = (16, 16, 4, 4, 4)
    upsample_initial_channel: int = 512
    gin_channels: int = 256
    """Size of a voice vector: 256 in 4.0, 768 in 4.1."""
    spk_embed_dim: int = 200
    volume: bool = False
    """Whether the loudness of the input is read as well (4.1)."""
    predicts_f0: bool = True
    """Whether the voice can propose its own, speaking, f0."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BadModel(f"the model's config has {name} = {value!r}; from {low} to {high} is possible")
        if self.sample_rate % FRAMES:
            raise BadModel(f"the model's config has a rate of {self.sample_rate} Hz, which is no multiple of {FRAMES}")
        if math.prod(self.upsample_rates) != self.frame_hop:
            raise BadModel(f"the upsample rates of the model's config do not multiply to its hop of {self.frame_hop}")
        if len(self.upsample_kernel_sizes) != len(self.upsample_rates):
            raise BadModel("the model's config has upsample rates and kernels of different number")
        if len(self.resblock_dilation_sizes) != len(self.resblock_kernel_sizes):
            raise BadModel("the model's config has residual kernels and dilations of different number")
        if self.hidden_channels % self.n_heads or self.inter_channels % 2:
            raise BadModel("the channels of the model's config do not divide among its heads and couplings")
        for rate, kernel in zip(self.upsample_rates, self.upsample_kernel_sizes, strict=True):
            if not 1 <= rate <= kernel <= 64 or (kernel - rate) % 2:
                raise BadModel(f"the model's config has an upsample kernel {kernel} that does not fit its rate {rate}")

    @property
    def f0(self) -> bool:
        """Such a voice always follows f0."""
        return True

    @property
    def hop(self) -> int:
        """Samples of output per frame of content and f0, 100 a second, as the conversion counts them."""
        return self.sample_rate // FRAMES

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict of all fields."""
        return {"kind": KIND} | {name: _plain(value) for name, value in asdict(self).items()}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> SoVitsConfig:
        """The reverse of `to_dict`; raises BadModel for unknown fields or values that are no sizes."""
        values = {name: value for name, value in values.items() if name != "kind"}
        known = {item.name for item in fields(SoVitsConfig)}
        if unknown := sorted(set(values) - known):
            raise BadModel(f"the model's config has unknown fields: {', '.join(unknown)}")
        try:
            return SoVitsConfig(**{name: _frozen(value) for name, value in values.items()})
        except TypeError as error:
            raise BadModel("the model's config holds something else than sizes") from error


@dataclass(frozen=True)
class SoVitsFile:
    """What a config.json says: the sizes, the speakers by name, and the content encoder."""

    config: SoVitsConfig
    speakers: Mapping[str, int]
    encoder: str
    """Name in `infer.content`."""


def read_config(path: Path) -> SoVitsFile:
    """Read a so-vits-svc 4.x config.json (4.0, 4.1 or the fork's).

    Raises BadRequest when it is not there, BadModel when it is none or of a variant that is not supported: another
    vocoder than NSF-HiFiGAN, a transformer flow, depthwise convolutions, or another content encoder than ContentVec.
    """
    if not path.is_file():
        raise BadRequest(f"There is no file {path}")
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise ValueError
        content = json.loads(path.read_text(encoding="utf-8"))
        model, data = content["model"], content["data"]
        if not all(isinstance(part, dict) for part in (model, data)):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadModel(f"{path.name} is not a so-vits-svc config.json") from error
    try:
        _refuse_variants(model)
        encoder, dim = _content_of(model, data)
        return SoVitsFile(_sizes(model, data, dim), _speakers(content), encoder)
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadModel(f"{path.name}: the model's config is incomplete: {error}") from error


def _refuse_variants(model: Mapping[str, Any]) -> None:
    vocoder = model.get("vocoder_name", "nsf-hifigan")
    if vocoder != "nsf-hifigan" or model.get("type_", "hifi-gan") != "hifi-gan":
        raise BadModel(f"the decoder {model.get('type_', vocoder)} is not supported; only nsf-hifigan voices are")
    for key, words in (
        ("use_transformer_flow", "a transformer flow"),
        ("use_depthwise_conv", "depthwise convolutions"),
    ):
        if model.get(key):
            raise BadModel(f"voices with {words} are not supported")
    if str(model.get("resblock", "1")) != "1":
        raise BadModel(f"residual blocks of kind {model['resblock']} are not supported")


def _content_of(model: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, int]:
    """The content encoder; 4.0 configs do not name it and mean the final projection unless told otherwise."""
    default = "vec768l12" if data.get("contentvec_final_proj") is False else "vec256l9"
    named = model.get("speech_encoder", default)
    if named not in _CONTENT:
        raise BadModel(f"the content encoder {named} is not supported; {' and '.join(_CONTENT)} are")
    encoder, dim = _CONTENT[named]
    if model.get("ssl_dim", dim) != dim:
        raise BadModel(f"features of {model['ssl_dim']} numbers do not come from the content encoder {named}")
    return encoder, dim


def _sizes(model: Mapping[str, Any], data: Mapping[str, Any], dim: int) -> SoVitsConfig:
    same = (
        "inter_channels",
        "hidden_channels",
        "filter_channels",
        "n_heads",
        "n_layers",
        "kernel_size",
        "upsample_initial_channel",
        "gin_channels",
        "resblock_kernel_sizes",
        "resblock_dilation_sizes",
        "upsample_rates",
        "upsample_kernel_sizes",
    )
    return SoVitsConfig.from_dict(
        {name: model[name] for name in same}
        | {
            "sample_rate": data["sampling_rate"],
            "frame_hop": data["hop_length"],
            "phone_dim": dim,
            "spk_embed_dim": model["n_speakers"],
            "flow_layers": model.get("n_flow_layer", 4),
            "volume": bool(model.get("vol_embedding", False)),
            "predicts_f0": bool(model.get("use_automatic_f0_prediction", True)),
        }
    )


def _speakers(content: Mapping[str, Any]) -> dict[str, int]:
    speakers = content.get("spk", {})
    if not isinstance(speakers, dict) or not all(
        isinstance(name, str) and isinstance(number, int) and not isinstance(number, bool)
        for name, number in speakers.items()
    ):
        raise BadModel("its speakers are not a table of names and numbers")
    return dict(speakers)


def _plain(value: Any) -> Any:
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    if len(value) > 8:
        raise BadModel("the model's config holds a list of more than 8 sizes")
    frozen = tuple(_frozen(entry) for entry in value)
    if not all(isinstance(entry, tuple) or (isinstance(entry, int) and 1 <= entry <= 512) for entry in frozen):
        raise BadModel("the model's config holds a list of something else than sizes")
    return frozen


_LIMITS: Mapping[str, tuple[int, int]] = {
    "sample_rate": (8000, 192000),
    "frame_hop": (16, 4096),
    "phone_dim": (2, 8192),
    "inter_channels": (2, 1024),
    "hidden_channels": (2, 1024),
    "filter_channels": (1, 8192),
    "n_heads": (1, 64),
    "n_layers": (1, 64),
    "kernel_size": (1, 31),
    "flow_layers": (1, 32),
    "upsample_initial_channel": (32, 4096),
    "gin_channels": (1, 4096),
    "spk_embed_dim": (1, 100_000),
}
