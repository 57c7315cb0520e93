"""What a training run is asked for: the presets, their settings, and the request of one run.

Separate and free of torch, so that the command line and the app can offer presets, name their cost and check a
request before anything heavy is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from catalog.errors import BadRequest
from catalog.names import nearest

Device = Literal["auto", "cpu", "cuda"]
PITCH, FORMANT, GAIN, NOISE = "pitch", "formant", "gain", "noise"
STRENGTHS: dict[str, tuple[float, float, float, str]] = {
    PITCH: (3.0, 0.1, 12.0, "the voice up to so many semitones higher and lower"),
    FORMANT: (2.0, 0.1, 6.0, "heard through a throat shorter or longer by up to so many semitones"),
    GAIN: (6.0, 0.1, 20.0, "up to so many dB louder and softer"),
    NOISE: (25.0, 5.0, 60.0, "heard in noise that is so many dB softer, or up to 10 dB softer still"),
}
"""How altered copies of the clips can differ: the usual strength, the least, the most, and what it means."""


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts in the generator's loss; 0 leaves a term out."""

    mel: float = 45.0
    """L1 between log-mel spectrograms of the segment."""
    kl: float = 1.0
    """Divergence of the posterior from the flow's prior (VITS, Kim et al. 2021)."""
    adversarial: float = 1.0
    """Least-squares GAN (Mao et al. 2017)."""
    feature: float = 2.0
    """Feature matching over the discriminator's activations (HiFi-GAN, Kong et al. 2020)."""
    stft: float = 0.0
    """Distance of STFT magnitudes (spectral method)."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that shapes the training of one model; two runs with equal configs and seeds are equal."""

    network: Mapping[str, Any]
    """Fields of the network's config (`infer.synthesizer_config`, or `infer.source_filter_config` for the spectral
    method), except those that follow from this config or the encoder."""
    sample_rate: int
    n_fft: int
    """Window of the linear spectrogram that the posterior encoder reads and the measurement looks at, in samples."""
    hop: int
    """Samples a frame; always sample_rate / 100, because f0 and content come at 100 frames a second."""
    mels: int
    segment_frames: int
    """Frames compared a step; the published method decodes no more than these."""
    context_frames: int
    """Frames around the segment that the network sees."""
    batch_size: int
    learning_rate: float = 1e-4
    lr_decay: float = 0.999875
    """Factor on the learning rate an epoch."""
    lr_final: float = 1.0
    """Share of the learning rate left at the last step, approached along a cosine; 1 keeps it."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises from zero."""
    betas: tuple[float, float] = (0.8, 0.99)
    eps: float = 1e-9
    weight_decay: float = 0.01
    method: Literal["published", "spectral"] = "published"
    """published: RVC v2's network and step, with posterior encoder and discriminator. spectral: a source-filter
    network and spectral losses alone, which reaches an intelligible voice in minutes."""
    discriminator: Literal["v1", "v2", "small"] = "v2"
    """Of the published method; small is for trying things out on a processor."""
    loss: LossWeights = field(default_factory=LossWeights)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: on a GPU bf16 where it computes that natively, else fp16; on a CPU fp32. Losses are always fp32."""
    rows_at_once: int = 0
    """Rows of a batch that pass the networks together, the gradients of all being added up, for small memories; 0: all
    on a CPU, and on a GPU as many as fit. Of the published method."""
    checkpointing: bool = False
    """Whether the decoder's activations are computed again for the backward pass instead of being kept."""
    compile: bool = False
    """Whether the networks' passes are compiled for the step's shapes (`trainer.compiling`)."""
    epochs: int = 100
    """Passes over the set when neither epochs nor steps are asked for; an epoch hears every trained second once."""
    steps: int | None = None
    """Steps when neither is asked for; wins over `epochs`."""
    held_out: float = 0.06
    """Share of the set's seconds that is measured on and never trained on; 0 trains on all."""
    held_out_max_s: float = 40.0
    save_every: int = 500
    """Steps between checkpoints, each with a measurement and a sample."""
    patience: int = 10
    """Saves without a better held-out measurement after which the training ends and the best is published; 0: never."""
    log_every: int = 10
    keep_last: int = 2
    threads: int = 0
    """CPU threads; 0 takes as many as there are cores."""
    augment: Mapping[str, float] = field(default_factory=dict)
    """In what altered copies of the clips differ (`STRENGTHS`) and how much; none are made where it is empty."""
    refiner: Mapping[str, Any] = field(default_factory=dict)
    """What differs from `trainer.refiner.RefinerTraining`, where a refiner is asked for."""
    base: str | None = None
    """Base weights to start from: a name of `infer.pull` without "-generator", or a file packaged with the trainer."""

    def __post_init__(self) -> None:
        if self.hop * 100 != self.sample_rate:
            raise BadRequest(f"hop {self.hop} at {self.sample_rate} Hz is not 100 frames a second")
        if self.segment_frames > self.context_frames:
            raise BadRequest(
                f"segment_frames {self.segment_frames} is longer than context_frames {self.context_frames}"
            )
        for name in ("batch_size", "segment_frames", "epochs", "save_every", "log_every", "keep_last"):
            if getattr(self, name) < 1:
                raise BadRequest(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.patience < 0:
            raise BadRequest(
                f"patience is a number of saves, or 0 for no end before the last step, not {self.patience}"
            )
        for name, strength in self.augment.items():
            check_strength(name, strength)
        if not 0 <= self.held_out < 1:
            raise BadRequest(f"held_out is a share: at least 0 and below 1, not {self.held_out}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"network": dict(self.network), "refiner": dict(self.refiner), "betas": list(self.betas)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`."""
        return TrainConfig(**{**values, "betas": tuple(values["betas"]), "loss": LossWeights(**values["loss"])})


def check_strength(name: str, strength: object) -> None:
    """Raise BadRequest unless copies can be altered so."""
    if name not in STRENGTHS:
        raise BadRequest(_unknown("augmentation", name, list(STRENGTHS)))
    _, least, most, meaning = STRENGTHS[name]
    if not isinstance(strength, int | float) or not least <= strength <= most:
        raise BadRequest(f"augment {name} ({meaning}) is a number from {least:g} to {most:g}, not {strength}")


@dataclass(frozen=True)
class Preset:
    """A named training; what it costs depends on the machine (`trainer.estimate`, `trainer.cost`)."""

    name: str
    summary: str
    config: TrainConfig


def _network(**changes: Any) -> dict[str, Any]:
    """Sizes of the RVC v2 graph that its 32k, 40k and 48k models share."""
    common: dict[str, Any] = {
        "inter_channels": 192,
        "hidden_channels": 192,
        "filter_channels": 768,
        "n_heads": 2,
        "n_layers": 6,
        "kernel_size": 3,
        "p_dropout": 0.0,
        "resblock": "1",
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        "upsample_initial_channel": 512,
        "spk_embed_dim": 109,
        "gin_channels": 256,
    }
    return common | changes


_SMALL = TrainConfig(
    network={
        "width": 192,
        "layers": 6,
        "kernel_size": 7,
        "expansion": 2,
        "bands": 64,
        "spk_embed_dim": 16,
        "gin_channels": 64,
    },
    sample_rate=24000,
    n_fft=1024,
    hop=240,
    mels=80,
    segment_frames=64,
    context_frames=96,
    batch_size=4,
    learning_rate=1.5e-3,
    lr_decay=1.0,
    lr_final=0.05,
    betas=(0.9, 0.99),
    warmup_steps=30,
    method="spectral",
    threads=1,
    base="small",
    loss=LossWeights(mel=1.0, kl=0.0, adversarial=0.0, feature=0.0, stft=1.0),
    steps=1200,
    save_every=100,
    patience=4,
)
_32K = TrainConfig(
    network=_network(upsample_rates=[10, 8, 2, 2], upsample_kernel_sizes=[20, 16, 4, 4]),
    sample_rate=32000,
    n_fft=1024,
    hop=320,
    mels=80,
    segment_frames=40,
    context_frames=300,
    batch_size=8,
    base="rvc-v2-32k-f0",
)
_40K = replace(
    _32K,
    network=_network(upsample_rates=[10, 10, 2, 2], upsample_kernel_sizes=[16, 16, 4, 4]),
    sample_rate=40000,
    n_fft=2048,
    hop=400,
    mels=125,
    segment_frames=32,
    base="rvc-v2-40k-f0",
)
_48K = replace(
    _32K,
    network=_network(upsample_rates=[12, 10, 2, 2], upsample_kernel_sizes=[24, 20, 4, 4]),
    sample_rate=48000,
    n_fft=2048,
    hop=480,
    mels=128,
    segment_frames=36,
    base="rvc-v2-48k-f0",
)

PRESETS: dict[str, Preset] = {
    "small": Preset(
        "small",
        "a small 24 kHz voice any computer can train",
        _SMALL,
    ),
    "32k": Preset("32k", "RVC v2 at 32 kHz, for a GPU", _32K),
    "40k": Preset("40k", "RVC v2 at 40 kHz, as most shared voices, for a GPU", _40K),
    "48k": Preset("48k", "RVC v2 at 48 kHz, for a GPU", _48K),
}


@dataclass(frozen=True)
class TrainRequest:
    """What one run is asked for, as its request.json keeps it."""

    library: str
    set_name: str
    model: str
    """Name of the model in the registry."""
    preset: str = "small"
    epochs: int | None = None
    steps: int | None = None
    seed: int = 1234
    device: Device = "auto"
    encoder: str = "phone"
    """Content encoder of `infer.content`."""
    f0_method: str = "auto"
    """f0 method of `infer.f0`; auto takes its default."""
    base: str | None = None
    """None: the preset's base weights if they are there; "none": from scratch; else a name or a file."""
    patience: int | None = None
    """Saves without a better held-out measurement that end the training; None: as the preset says, 0: never."""
    replace: bool = False
    """Whether the model may take the place of one with the same name."""
    refiner: bool = False
    """Whether a refiner is trained as well, once the voice is."""
    processes: int = 1
    """Processes on this machine that share every batch; on GPUs one for each."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `TrainConfig` that differ from the preset's."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise BadRequest(_unknown("preset", self.preset, list(PRESETS)))
        if self.device not in ("auto", "cpu", "cuda"):
            raise BadRequest(_unknown("device", self.device, ["auto", "cpu", "cuda"]))
        for name in ("epochs", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadRequest(f"--{name} must be at least 1, not {value}")
        if self.processes < 1:
            raise BadRequest(f"--processes must be at least 1, not {self.processes}")
        self.config()

    def config(self) -> TrainConfig:
        """The preset with this request's settings; raises BadRequest for a setting that does not exist."""
        config = PRESETS[self.preset].config
        known = [item.name for item in fields(TrainConfig)]
        for name in self.settings:
            if name not in known:
                raise BadRequest(_unknown("training setting", name, known))
        changes = dict(self.settings)
        if "loss" in changes:
            changes["loss"] = _loss_weights(config.loss, changes["loss"])
        if "network" in changes:
            changes["network"] = {**config.network, **changes["network"]}
        if "refiner" in changes and not isinstance(changes["refiner"], Mapping):
            raise BadRequest(f'refiner {changes["refiner"]}: give its settings, such as {{"steps": 500}}')
        if "betas" in changes:
            changes["betas"] = tuple(changes["betas"])
        if self.epochs is not None:
            changes |= {"epochs": self.epochs, "steps": None}
        if self.steps is not None:
            changes["steps"] = self.steps
        if self.patience is not None:
            changes["patience"] = self.patience
        return replace(config, **changes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, for request.json."""
        return asdict(self) | {"settings": dict(self.settings)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> TrainRequest:
        """The inverse of `to_dict`; raises BadRequest for an unknown or missing key."""
        known = [item.name for item in fields(TrainRequest)]
        for name in values:
            if name not in known:
                raise BadRequest(_unknown("training option", name, known))
        missing = [name for name in ("library", "set_name", "model") if name not in values]
        if missing:
            raise BadRequest(f"The training request lacks {missing[0]}")
        return TrainRequest(**values)


def _loss_weights(weights: LossWeights, changes: Mapping[str, float]) -> LossWeights:
    known = [item.name for item in fields(LossWeights)]
    for name in changes:
        if name not in known:
            raise BadRequest(_unknown("loss", name, known))
    return replace(weights, **changes)


def _unknown(what: str, name: str, known: list[str]) -> str:
    return f"There is no {what} called {name}{nearest(name, known)}"
