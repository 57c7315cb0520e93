"""A training on a GPU, followed without one: tensors that know their shape, kind and device, and hold no numbers.

An operation on tensors of two devices fails with them as it would on the GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from infer import excitation, mel
from tests.trainer.test_loop import toy_training
from trainer import stepper
from trainer.config import TrainRequest
from trainer.dataset import Position, TrainClip
from trainer.evaluate import speak
from trainer.state import TrainState
from trainer.stepper import Stepper
from trainer.training import Training

GPU = torch.device("cuda", 0)


class Undrawn:
    """In place of a generator, of which a GPU has its own kind: all numbers are the same where there are none."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def manual_seed(self, seed: int) -> None:
        """No generator."""


def reached(tensors: Sequence[Tensor], gradients: Sequence[Tensor | None] | None = None) -> None:
    """In place of the backward pass, which asks the driver for the GPU: zeros for all that it would reach."""
    for tensor, gradient in zip(tensors, gradients or [None] * len(tensors), strict=True):
        assert gradient is None or (gradient.device, gradient.shape) == (tensor.device, tensor.shape)
    seen: set[Any] = set()
    ahead = [tensor.grad_fn for tensor in tensors]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable") and node.variable.grad is None:
            node.variable.grad = torch.zeros_like(node.variable)
        ahead += [following for following, _ in node.next_functions]


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A GPU with bfloat16 and all the memory that is asked for."""
    monkeypatch.setattr(torch.autograd, "backward", reached)
    monkeypatch.setattr(torch, "Generator", Undrawn)
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: self)
    # networks are made on the device at once: moving one exchanges tensors for others, which these cannot be
    monkeypatch.setattr(nn.Module, "to", lambda self, device: self)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 40, 1 << 40))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    forget()
    with FakeTensorMode():
        yield monkeypatch
    forget()


def forget() -> None:
    """Lets go of the tensors that are kept for the next call: those without numbers are for no other test."""
    for kept in [*vars(mel).values(), *vars(excitation).values()]:
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()


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
def test_a_step_keeps_to_its_gpu(training: Training, resident: bool, on_a_gpu: pytest.MonkeyPatch) -> None:
    on_a_gpu.setattr(stepper, "fits", lambda clips, device: resident)
    state = started(training)
    made = Stepper(training, state)
    assert (made.resident is not None) is resident
    losses = made.step(next(training.batches(Position()))[0])
    assert {part.device for part in vars(losses).values()} == {GPU}
    learnt = list(state.generator.parameters())
    assert all(part.grad is not None and part.grad.device == GPU for part in learnt)


@pytest.mark.parametrize("training", ["32k"], indirect=True)
def test_the_networks_of_a_step_compute_in_bfloat16_and_its_losses_in_float32(
    training: Training, on_a_gpu: pytest.MonkeyPatch
) -> None:
    losses: Any = Stepper(training, started(training)).step(next(training.batches(Position()))[0])
    assert losses.wave.dtype == torch.bfloat16
    assert {losses.disc.dtype, losses.gen.dtype, losses.fm.dtype, losses.mel.dtype, losses.kl.dtype} == {torch.float32}


def test_what_was_left_on_the_processor_is_noticed(training: Training, on_a_gpu: pytest.MonkeyPatch) -> None:
    state = started(training)
    state.generator.emb_g.weight = nn.Parameter(torch.zeros(state.generator.emb_g.weight.shape))
    with pytest.raises(RuntimeError, match="devices"):
        Stepper(training, state).step(next(training.batches(Position()))[0])


def test_a_held_out_clip_is_said_on_the_gpu_and_heard_on_the_processor(
    training: Training, on_a_gpu: pytest.MonkeyPatch
) -> None:
    made, real = speak(started(training).generator.eval(), training.held_out[0], seconds=1.0)
    assert made.device == real.device == torch.device("cpu")
    assert made.shape == real.shape
