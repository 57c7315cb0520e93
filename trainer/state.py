"""The state of a training: everything that resuming needs.

Separate from the loop so that "exactly resumable" is a property of one dataclass that a test can hold. Random draws
are no state: every step seeds them from (seed, step), and the data is a function of (seed, position).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.amp import GradScaler
from torch.optim import Optimizer

from infer.network import Network, NetworkConfig, new_network
from infer.source_filter_config import SourceFilterConfig
from infer.synthesizer_config import SynthesizerConfig
from trainer.config import TrainConfig
from trainer.dataset import Position
from trainer.device import autocast_type
from trainer.discriminator import V1, V2, DiscriminatorConfig, MultiPeriodDiscriminator
from trainer.step import make_optimizer
from trainer.stopping import Point

DISCRIMINATORS = {"v1": V1, "v2": V2, "small": DiscriminatorConfig((2, 3, 5, 7, 11), 16)}


def sizes(config: TrainConfig, phone_dim: int, speakers: int) -> NetworkConfig:
    """The network that a method trains, for features of `phone_dim` numbers and at least so many speakers."""
    fields = {
        **config.network,
        "sample_rate": config.sample_rate,
        "phone_dim": phone_dim,
        "spk_embed_dim": max(int(config.network["spk_embed_dim"]), speakers),
    }
    if config.method == "spectral":
        return SourceFilterConfig.from_dict(fields)
    return SynthesizerConfig.from_dict({**fields, "spec_channels": config.n_fft // 2 + 1})


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
    curve: list[Point] = field(default_factory=list)
    """What was measured at every save."""
    scaler: GradScaler | None = None
    """Of the losses, where the networks compute in float16 (Micikevicius et al. 2018)."""

    @staticmethod
    def build(config: TrainConfig, network: NetworkConfig, seed: int, device: torch.device) -> TrainState:
        """New networks, drawn from `seed`."""
        torch.manual_seed(seed)
        generator = new_network(network).to(device)
        if config.method == "spectral":
            return TrainState.around(config, generator, None)
        discriminator = MultiPeriodDiscriminator(DISCRIMINATORS[config.discriminator])
        state = TrainState.around(config, generator, discriminator.to(device))
        if autocast_type(config, device) is torch.float16:
            state.scaler = GradScaler(device.type)
        return state

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
    def learners(self) -> dict[str, Network | MultiPeriodDiscriminator | Optimizer | GradScaler]:
        """All that has a state of its own, by the name it has in a checkpoint."""
        names = ("generator", "discriminator", "optimizer_g", "optimizer_d", "scaler")
        parts = {name: getattr(self, name) for name in names}
        return {name: part for name, part in parts.items() if part is not None}
