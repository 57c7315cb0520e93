"""The sizes of a synthesizer, and the list of 18 that RVC files carry them in.

Separate from the network, and free of torch, so that presets, cards and listings can be read without loading it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from catalog.errors import BadModel

LIST_LENGTH = 18
_LITERAL_SEGMENT = 32
_MOST_STAGES = 8


@dataclass(frozen=True)
class SynthesizerConfig:
    """Every size that decides the shape of a synthesizer; the defaults are those all published v2 models share."""

    sample_rate: int
    spec_channels: int
    """Bins of the linear spectrogram: n_fft / 2 + 1."""
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    inter_channels: int = 192
    hidden_channels: int = 192
    filter_channels: int = 768
    n_heads: int = 2
    n_layers: int = 6
    kernel_size: int = 3
    p_dropout: float = 0.0
    resblock: str = "1"
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    upsample_initial_channel: int = 512
    spk_embed_dim: int = 109
    gin_channels: int = 256
    phone_dim: int = 768
    """Size of a content feature: 768 in v2, 256 in v1, 128 for the embedded encoder."""
    f0: bool = True
    posterior_layers: int = 16
    """Layers of the posterior encoder, which only training uses; 16 in every published model."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def hop(self) -> int:
        """Samples of output per frame."""
        return math.prod(self.upsample_rates)

    @property
    def n_fft(self) -> int:
        """FFT and window length of the linear spectrogram, in samples."""
        return 2 * (self.spec_channels - 1)

    @property
    def frame_rate(self) -> float:
        """Frames a second; 100 in every published model."""
        return self.sample_rate / self.hop

    def to_list(self) -> list[Any]:
        """RVC's list of 18; the second entry is the literal 32 that every published file has there."""
        return [
            self.spec_channels,
            _LITERAL_SEGMENT,
            self.inter_channels,
            self.hidden_channels,
            self.filter_channels,
            self.n_heads,
            self.n_layers,
            self.kernel_size,
            self.p_dropout if self.p_dropout else 0,
            self.resblock,
            list(self.resblock_kernel_sizes),
            [list(sizes) for sizes in self.resblock_dilation_sizes],
            list(self.upsample_rates),
            self.upsample_initial_channel,
            list(self.upsample_kernel_sizes),
            self.spk_embed_dim,
            self.gin_channels,
            self.sample_rate,
        ]

    @staticmethod
    def from_list(
        values: Sequence[Any], *, phone_dim: int = 768, f0: bool = True, speakers: int | None = None
    ) -> SynthesizerConfig:
        """Read RVC's list of 18; `speakers` (rows of emb_g) overrules its third entry from the end, which files
        often have wrong. Raises BadModel when it is not such a list."""
        if not isinstance(values, list | tuple) or len(values) != LIST_LENGTH:
            raise BadModel(f"the model's config is not RVC's list of {LIST_LENGTH}")
        try:
            return SynthesizerConfig(
                sample_rate=_whole(values[17]),
                spec_channels=_whole(values[0]),
                inter_channels=_whole(values[2]),
                hidden_channels=_whole(values[3]),
                filter_channels=_whole(values[4]),
                n_heads=_whole(values[5]),
                n_layers=_whole(values[6]),
                kernel_size=_whole(values[7]),
                p_dropout=float(values[8]),
                resblock=str(values[9]),
                resblock_kernel_sizes=_wholes(values[10]),
                resblock_dilation_sizes=tuple(_wholes(sizes) for sizes in values[11]),
                upsample_rates=_wholes(values[12]),
                upsample_initial_channel=_whole(values[13]),
                upsample_kernel_sizes=_wholes(values[14]),
                spk_embed_dim=_whole(values[15]) if speakers is None else speakers,
                gin_channels=_whole(values[16]),
                phone_dim=phone_dim,
                f0=f0,
            )
        except (TypeError, ValueError) as error:
            raise BadModel("the model's config holds something else than sizes") from error

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict of all fields, for model cards."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> SynthesizerConfig:
        """The reverse of `to_dict`; raises BadModel for unknown or missing fields."""
        known = {field.name for field in fields(SynthesizerConfig)}
        if unknown := sorted(set(values) - known):
            raise BadModel(f"the model's config has unknown fields: {', '.join(unknown)}")
        try:
            return SynthesizerConfig(**{name: _frozen(value) for name, value in values.items()})
        except TypeError as error:
            raise BadModel(f"the model's config is incomplete: {error}") from error


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def _wholes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or len(values) > _MOST_STAGES:
        raise TypeError("not a short list")
    return tuple(_whole(value) for value in values)


def _plain(value: Any) -> Any:
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list | tuple) else value


_LIMITS: Mapping[str, tuple[int, int]] = {
    "sample_rate": (8000, 192000),
    "spec_channels": (2, 8193),
    "inter_channels": (2, 1024),
    "hidden_channels": (2, 1024),
    "filter_channels": (1, 8192),
    "n_heads": (1, 64),
    "n_layers": (1, 64),
    "kernel_size": (1, 31),
    "upsample_initial_channel": (2, 4096),
    "spk_embed_dim": (1, 100_000),
    "gin_channels": (1, 4096),
    "phone_dim": (1, 8192),
    "posterior_layers": (1, 64),
}


def _check(config: SynthesizerConfig) -> None:
    """Refuse sizes that no network can have, before anything is allocated from them."""
    for name, (low, high) in _LIMITS.items():
        value = getattr(config, name)
        if not isinstance(value, int) or not low <= value <= high:
            raise BadModel(f"the model's config has {name} = {value!r}; from {low} to {high} is possible")
    if not 0.0 <= config.p_dropout < 1.0:
        raise BadModel(f"the model's config has p_dropout = {config.p_dropout!r}")
    if config.resblock != "1":
        raise BadModel(f"the model's config has resblock {config.resblock!r}; only kind '1' exists in RVC models")
    if config.hidden_channels % config.n_heads or config.inter_channels % 2:
        raise BadModel("the model's config has channels that its heads or its flow cannot halve")
    _check_decoder(config)


def _check_decoder(config: SynthesizerConfig) -> None:
    stages = len(config.upsample_rates)
    if not 1 <= stages <= _MOST_STAGES or len(config.upsample_kernel_sizes) != stages:
        raise BadModel("the model's config has upsampling rates and kernels that do not match")
    for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
        if not 1 <= rate <= 64 or not rate <= kernel <= 256 or (kernel - rate) % 2:
            raise BadModel(f"the model's config has an upsampling of {rate} with kernel {kernel}")
    if config.upsample_initial_channel % 2**stages:
        raise BadModel("the model's config has an initial channel count that its stages cannot halve")
    if len(config.resblock_kernel_sizes) != len(config.resblock_dilation_sizes):
        raise BadModel("the model's config has residual kernels and dilations that do not match")
    if any(not 1 <= kernel <= 63 or kernel % 2 == 0 for kernel in config.resblock_kernel_sizes):
        raise BadModel("the model's config has residual kernels that are not small odd numbers")
    if any(not 1 <= step <= 64 for sizes in config.resblock_dilation_sizes for step in sizes):
        raise BadModel("the model's config has residual dilations out of range")


_STAGES: Mapping[tuple[str, str], tuple[tuple[int, ...], tuple[int, ...]]] = {
    ("v2", "32k"): ((10, 8, 2, 2), (20, 16, 4, 4)),
    ("v2", "40k"): ((10, 10, 2, 2), (16, 16, 4, 4)),
    ("v2", "48k"): ((12, 10, 2, 2), (24, 20, 4, 4)),
    ("v1", "32k"): ((10, 4, 2, 2, 2), (16, 16, 4, 4, 4)),
    ("v1", "40k"): ((10, 10, 2, 2), (16, 16, 4, 4)),
    ("v1", "48k"): ((10, 6, 2, 2, 2), (16, 16, 4, 4, 4)),
}
_RATES: Mapping[str, tuple[int, int]] = {"32k": (32000, 513), "40k": (40000, 1025), "48k": (48000, 1025)}


def published_config(version: str, rate: str, *, f0: bool = True) -> SynthesizerConfig:
    """The sizes of the published base models; `version` "v1" or "v2", `rate` "32k", "40k" or "48k"."""
    try:
        rates, kernels = _STAGES[version, rate]
    except KeyError:
        raise BadModel(f"there is no published {version} {rate} model; v1 and v2 exist at 32k, 40k and 48k") from None
    sample_rate, spec_channels = _RATES[rate]
    return SynthesizerConfig(
        sample_rate=sample_rate,
        spec_channels=spec_channels,
        upsample_rates=rates,
        upsample_kernel_sizes=kernels,
        phone_dim=256 if version == "v1" else 768,
        f0=f0,
    )
