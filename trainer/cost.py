"""What a training would cost on this machine, measured: a few of its steps on made crops, before anything is prepared.

Separate from the presets' own words, which name another machine's figures and are there before torch is loaded.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from infer.content import CONTENT_ENCODERS
from trainer.config import TrainConfig, TrainRequest
from trainer.dataset import TrainClip
from trainer.device import choose_device, memory_in_words, peak_memory
from trainer.estimate import Cost, held_seconds, machine, steps_of
from trainer.evaluate import MOST_CLIP_S, MOST_S, Yardstick
from trainer.refiner import Learned, RefinerTraining, trial
from trainer.samples import CLIPS, MOST_SAVES
from trainer.state import TrainState, sizes
from trainer.stepper import Stepper
from trainer.training import Training

TIMED = 2
"""Steps that are timed after a first one, which allocates and chooses algorithms."""
SPOKEN_S = 2.0


def measured(request: TrainRequest, set_seconds: float) -> Cost:
    """Train a few steps of what is asked for, on noise, and count what a set of so many seconds would take.

    Of several processes it is the share of one that is tried. Raises BadRequest when the device is not there,
    CuratorError in words when memory runs out.
    """
    config = request.config()
    device = choose_device(request.device, config.threads)
    dim = CONTENT_ENCODERS[request.encoder].dim
    network = sizes(config, dim, 1)
    share = replace(config, batch_size=max(1, config.batch_size // request.processes))
    clips = tuple(made_clip(f"made {number}", config, dim) for number in range(share.batch_size))
    training = Training(share, network, request.seed, device, clips, (), "", Path())
    with memory_in_words(share.batch_size, device):
        state = TrainState.build(share, network, request.seed, device)
        step_s = timed_steps(training, state)
        spoken_s = timed_measure(training, state)
    refiner = None
    if request.refiner:
        settings = RefinerTraining.from_settings(config.refiner)
        with memory_in_words(settings.batch_size, device, settings.rows_given):
            refiner = trial(clips, config, dim, request.seed, device)
    steps = steps_of(config, set_seconds)
    return Cost(
        device=device.type,
        steps=steps,
        step_s=step_s,
        saves=-(-steps // config.save_every),
        save_s=spoken_s * (min(held_seconds(config, set_seconds), MOST_S) + CLIPS * MOST_CLIP_S),
        memory_bytes=peak_memory(device),
        **disk(state, config, refiner),
        **refining(refiner),
    )


def taken(training: Training, state: TrainState, refiner: Learned | None = None) -> dict[str, Any] | None:
    """What a training that has ended took, as a later one reads it (`trainer.estimate`); None after too few steps."""
    pace = training.pace
    if pace.step_s is None or not pace.settled:
        return None
    cost = Cost(
        device=training.device.type,
        steps=state.step,
        step_s=round(pace.step_s, 6),
        saves=-(-state.step // training.config.save_every),
        save_s=round(pace.save_s, 6),
        memory_bytes=peak_memory(training.device),
        **disk(state, training.config, refiner),
        **refining(refiner),
    )
    return cost.to_dict() | {"machine": machine()}


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


def refining(refiner: Learned | None) -> dict[str, Any]:
    """`refiner_steps` and `refiner_step_s` of a refiner whose steps were timed; nothing without one."""
    if refiner is None or refiner.pace.step_s is None:
        return {}
    return {"refiner_steps": refiner.steps, "refiner_step_s": round(refiner.pace.step_s, 6)}


def disk(state: TrainState, config: TrainConfig, refiner: Learned | None = None) -> dict[str, int]:
    """`checkpoint_bytes`, `disk_bytes` and `left_bytes` of a run, apart from its events."""
    networks = [part for part in state.learners.values() if isinstance(part, nn.Module)]
    weights = [sum(tensor.numel() for tensor in network.state_dict().values()) for network in networks]
    whole = 3 * 4 * sum(weights)  # weights and the two moments of Adam, in single precision
    best = 2 * weights[0] + (2 * sum(weights) if len(weights) > 1 else 0)  # in half precision
    # the refiner's weights, their best state and the two moments; gone when the model is published
    refined = 0 if refiner is None else 4 * 4 * sum(value.numel() for value in refiner.refiner.state_dict().values())
    samples = int((MOST_SAVES + 2) * CLIPS * MOST_CLIP_S * config.sample_rate * 2)
    return {
        "checkpoint_bytes": whole,
        "disk_bytes": (config.keep_last + 1) * whole + 2 * best + samples + refined,
        "left_bytes": best + samples,
    }
