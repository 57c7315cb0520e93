"""What one training is made of, and what follows from that: its length, its order of crops, what its checkpoints need.

Separate from the loop because the steps read it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from infer.mel import MelSettings
from infer.network import Network, NetworkConfig
from trainer.base import FROM_SCRATCH, Start
from trainer.checkpoints import Identity
from trainer.config import TrainConfig
from trainer.dataset import Crop, Position, TrainClip, batches, crops_per_epoch, pool
from trainer.pace import Pace
from trainer.state import TrainState
from trainer.stopping import settled
from trainer.team import ALONE, Team


@dataclass(frozen=True)
class Training:
    """What one training is made of."""

    config: TrainConfig
    network: NetworkConfig
    seed: int
    device: torch.device
    train: tuple[TrainClip, ...]
    held_out: tuple[TrainClip, ...]
    data: str
    """Digest of the clips and their features."""
    folder: Path
    """The run's folder."""
    start: Start = FROM_SCRATCH
    """Where the networks come from."""
    team: Team = ALONE
    """The processes that share every batch."""
    pace: Pace = field(default_factory=Pace, compare=False)
    """Counts the time left, by the clock that it was given."""
    onlooker: Callable[[Network, int], object] | None = field(default=None, compare=False)
    """Is shown the generator, and told the step, whenever it has been measured."""

    @property
    def steps(self) -> int:
        """The last step: as asked for, or as many as the epochs take."""
        if self.config.steps is not None:
            return self.config.steps
        crops = self.config.epochs * crops_per_epoch(self.train, self.config.segment_frames)
        return max(1, math.ceil(crops / self.config.batch_size))

    def ended(self, state: TrainState) -> bool:
        """Whether there is nothing left to do: the last step is done, or nothing got better for too long."""
        return state.step >= self.steps or settled(state.curve, self.config.patience)

    @property
    def mel(self) -> MelSettings:
        """The mel spectrogram of loss and measurement."""
        config = self.config
        return MelSettings(config.sample_rate, config.n_fft, config.hop, config.mels)

    @cached_property
    def pool(self) -> tuple[TrainClip, ...]:
        """What the crops of a batch are cut from."""
        return pool(self.train)

    def batches(self, start: Position) -> Iterator[tuple[list[Crop], Position]]:
        """The batches from a position on, each with the position after it."""
        return batches(
            self.train,
            seed=self.seed,
            segment=self.config.segment_frames,
            context=self.config.context_frames,
            batch_size=self.config.batch_size,
            start=start,
        )

    def identity(self) -> Identity:
        """What its checkpoints are bound to."""
        return Identity(self.config, self.network, self.seed, self.data)
