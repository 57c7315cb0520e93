"""The state of a training before its first step."""

from __future__ import annotations

import pytest
import torch

from trainer.checkpoints import Checkpoints, Identity
from trainer.run import sizes
from trainer.state import TrainState


@pytest.fixture
def build(toy_request):
    def make(preset: str) -> TrainState:
        config = toy_request(preset=preset).config()
        return TrainState.build(config, sizes(config, 4, 1), 3, torch.device("cpu"))

    return make


@pytest.mark.parametrize("preset", ["small", "32k"])
def test_networks_are_a_function_of_the_seed(build, preset):
    one, two = build(preset), build(preset)
    for name, value in one.generator.state_dict().items():
        assert torch.equal(value, two.generator.state_dict()[name])


def test_only_the_published_method_has_a_discriminator(build):
    assert set(build("small").learners) == {"generator", "optimizer_g"}
    assert set(build("32k").learners) == {"generator", "discriminator", "optimizer_g", "optimizer_d"}


@pytest.mark.parametrize("preset", ["small", "32k"])
def test_all_optimizers_take_the_rate_of_the_coming_step(build, preset):
    state = build(preset)
    state.set_learning_rate(0.25)
    rates = [group["lr"] for part in (state.optimizer_g, state.optimizer_d) if part for group in part.param_groups]
    assert set(rates) == {0.25}


def test_a_training_in_float16_keeps_the_scale_of_its_losses_in_its_checkpoints(toy_request, tmp_path):
    config = toy_request(preset="32k", settings={"precision": "fp16"}).config()
    network = sizes(config, 4, 1)
    state = TrainState.build(config, network, 3, torch.device("cpu"))
    assert state.scaler is not None
    state.scaler.load_state_dict({**state.scaler.state_dict(), "scale": 2.0**9, "_growth_tracker": 5})
    checkpoints = Checkpoints(tmp_path, Identity(config, network, 3, "data"), keep_last=1)
    checkpoints.save(state)
    again = TrainState.build(config, network, 3, torch.device("cpu"))
    assert checkpoints.resume(again) is None
    assert again.scaler is not None
    assert again.scaler.state_dict() == state.scaler.state_dict()
    assert again.scaler.get_scale() == 2.0**9
