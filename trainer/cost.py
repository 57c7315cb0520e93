"""What a training would cost on this machine, measured: a few of its steps on made crops, before anything is prepared.

Separate from the presets' own words, which name another machine's figures and are there before torch is loaded.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from infer.content import CONTENT_ENCODERS
from trainer.config import TrainConfig, TrainRequest
from trainer.dataset import TrainClip
from trainer.device import choose_device, memory_in_words, peak_memory
from trainer.evaluate import MOST_CLIP_S, MOST_S, Yardstick
from trainer.loop import Training
from trainer.run import sizes
from trainer.samples import CLIPS, MOST_SAVES
from trainer.state import TrainState
from trainer.stepper import Stepper

TIMED = 2
"""Steps that are timed after a first one, which allocates and chooses algorithms."""
SPOKEN_S = 2.0


@dataclass(frozen=True)
class Cost:
    """One training in seconds and bytes."""

    device: str
    steps: int
    step_s: float
    saves: int
    save_s: float
    """Measuring and rendering at a save, without writing it."""
    memory_bytes: int | None
    """Most that this process held: of the GPU's memory where it trains there."""
    checkpoint_bytes: int
    """A whole state to go on from."""
    disk_bytes: int
    """Most that lies in the run's folder while it trains."""
    left_bytes: int
    """Most that stays there once the model is published."""

    @property
    def seconds(self) -> float:
        """All steps and saves."""
        return self.steps * self.step_s + self.saves * self.save_s

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"seconds": self.seconds}


def measured(request: TrainRequest, set_seconds: float) -> Cost:
    """Train a few steps of what is asked for, on noise, and count what a set of so many seconds would take.

    Raises BadRequest when the device is not there, CuratorError in words when memory runs out.
    """
    config = request.config()
    device = choose_device(request.device, config.threads)
    dim = CONTENT_ENCODERS[request.encoder].dim
    network = sizes(config, dim, 1)
    clips = tuple(made_clip(f"made {number}", config, dim) for number in range(config.batch_size))
    training = Training(config, network, request.seed, device, clips, (), "", Path())
    with memory_in_words(config, device):
        state = TrainState.build(config, network, request.seed, device)
        step_s = timed_steps(training, state)
        spoken_s = timed_measure(training, state)
    held_s = min(config.held_out * set_seconds, config.held_out_max_s)
    steps = config.steps or max(1, math.ceil(config.epochs * (set_seconds - held_s) * 100 / step_frames(config)))
    bytes_of = disk(state, config)
    return Cost(
        device=device.type,
        steps=steps,
        step_s=step_s,
        saves=-(-steps // config.save_every),
        save_s=spoken_s * (min(held_s, MOST_S) + CLIPS * MOST_CLIP_S),
        memory_bytes=peak_memory(device),
        **bytes_of,
    )


def step_frames(config: TrainConfig) -> int:
    """Frames that one step compares."""
    return config.segment_frames * config.batch_size


def made_clip(name: str, config: TrainConfig, dim: int) -> TrainClip:
    """Noise as long as two contexts, with a pitch."""
    frames = 2 * config.context_frames
    chance = np.random.default_rng(0)
    return TrainClip(
        clip=name,
        recording=name,
        speaker=0,
        frames=frames,
        audio=chance.normal(0, 0.05, frames * config.hop).astype(np.float32),
        gain=1.0,
        content=chance.normal(0, 1, (frames // 2, dim)).astype(np.float16),
        f0=np.full(frames, 150.0, np.float32),
    )


def timed_steps(training: Training, state: TrainState) -> float:
    """Seconds a step, the fastest of some after the first."""
    stepper = Stepper(training, state)
    stream = training.batches(state.position)
    spent = []
    for _ in range(1 + TIMED):
        crops, _ = next(stream)
        began = time.perf_counter()
        stepper.values(stepper.step(crops))
        state.step += 1
        spent.append(time.perf_counter() - began)
    return min(spent[1:])


def timed_measure(training: Training, state: TrainState) -> float:
    """Seconds that measuring takes for a second of a held-out clip."""
    frames = int(SPOKEN_S * 100)
    clip = training.train[0]
    times = -(-frames // clip.frames)
    long = replace(
        clip,
        frames=times * clip.frames,
        audio=np.tile(clip.audio, times),
        content=np.tile(clip.content, (times, 1)),
        f0=np.tile(clip.f0, times),
    )
    yardstick = Yardstick([long], training.train[:1], training.mel)
    yardstick.measure(state.generator)
    began = time.perf_counter()
    yardstick.measure(state.generator)
    return (time.perf_counter() - began) / min(long.seconds, MOST_CLIP_S)


def disk(state: TrainState, config: TrainConfig) -> dict[str, int]:
    """`checkpoint_bytes`, `disk_bytes` and `left_bytes` of a run, apart from its events."""
    networks = [part for part in state.learners.values() if isinstance(part, nn.Module)]
    weights = [sum(tensor.numel() for tensor in network.state_dict().values()) for network in networks]
    whole = 3 * 4 * sum(weights)  # weights and the two moments of Adam, in single precision
    best = 2 * weights[0] + (2 * sum(weights) if len(weights) > 1 else 0)  # in half precision
    samples = int((MOST_SAVES + 2) * CLIPS * MOST_CLIP_S * config.sample_rate * 2)
    return {
        "checkpoint_bytes": whole,
        "disk_bytes": (config.keep_last + 1) * whole + 2 * best + samples,
        "left_bytes": best + samples,
    }


def words(cost: Cost) -> str:
    """A cost in one line."""
    memory = "" if cost.memory_bytes is None else f", {cost.memory_bytes / 1e9:.1f} GB of memory"
    return (
        f"{cost.step_s:.2f} s a step on this machine's {'GPU' if cost.device == 'cuda' else 'processor'}: "
        f"{cost.steps} steps and {cost.saves} saves in {length(cost.seconds)}{memory}, "
        f"{cost.disk_bytes / 1e9:.2f} GB of disk at most, {cost.left_bytes / 1e9:.2f} GB afterwards"
    )


def length(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for size, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} seconds"
