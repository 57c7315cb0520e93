"""A training on a GPU, followed without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from toy_gpu import GPU, toy_gpu

from tests.trainer.test_loop import toy_training
from trainer import stepper
from trainer.config import TrainRequest
from trainer.dataset import Position, TrainClip
from trainer.evaluate import speak
from trainer.state import TrainState
from trainer.stepper import Stepper
from trainer.training import Training


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    with toy_gpu(monkeypatch):
        yield monkeypatch


@pytest.fixture(params=["small", "32k"])
def training(
    request: pytest.FixtureRequest,
    toy_request: Callable[..., TrainRequest],
    hummed: tuple[TrainClip, ...],
    tmp_path: Path,
) -> Training:
    return replace(toy_training(toy_request(preset=request.param).config(), hummed, tmp_path), device=GPU)


def started(training: Training) -> TrainState:
    with GPU:
        return TrainState.build(training.config, training.network, 1, GPU)


@pytest.mark.parametrize("resident", [True, False])
def test_a_step_keeps_to_its_gpu(training: Training, resident: bool, gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(stepper, "fits", lambda clips, device: resident)
    state = started(training)
    made = Stepper(training, state)
    assert (made.resident is not None) is resident
    losses = made.step(next(training.batches(Position()))[0])
    assert {part.device for part in vars(losses).values()} == {GPU}
    learnt = list(state.generator.parameters())
    assert all(part.grad is not None and part.grad.device == GPU for part in learnt)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("training", ["32k"], indirect=True)
def test_the_networks_of_a_step_compute_in_bfloat16_and_its_losses_in_float32(training: Training) -> None:
    losses: Any = Stepper(training, started(training)).step(next(training.batches(Position()))[0])
    assert losses.wave.dtype == torch.bfloat16
    assert {losses.disc.dtype, losses.gen.dtype, losses.fm.dtype, losses.mel.dtype, losses.kl.dtype} == {torch.float32}


@pytest.mark.usefixtures("gpu")
def test_what_was_left_on_the_processor_is_noticed(training: Training) -> None:
    state = started(training)
    state.generator.emb_g.weight = nn.Parameter(torch.zeros(state.generator.emb_g.weight.shape))
    with pytest.raises(RuntimeError, match="devices"):
        Stepper(training, state).step(next(training.batches(Position()))[0])


@pytest.mark.usefixtures("gpu")
def test_a_held_out_clip_is_said_on_the_gpu_and_heard_on_the_processor(training: Training) -> None:
    made, real = speak(started(training).generator.eval(), training.held_out[0], seconds=1.0)
    assert made.device == real.device == torch.device("cpu")
    assert made.shape == real.shape
