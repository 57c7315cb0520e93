"""The state of a training before its first step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infer.synthesizer import SynthesizerConfig
from trainer.state import TrainState


def harmonics(state: TrainState, f0: float = 200.0) -> np.ndarray:
    """Level in dB of the first six harmonics of the source, relative to the first."""
    source = state.generator.dec.m_source
    assert source is not None
    wave = source(torch.full((1, 100), f0), torch.zeros(1, 24000, 1)).detach().numpy()[0, 0]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(24000)))
    return 20 * np.log10(spectrum[[int(f0 * k) for k in range(1, 7)]] / spectrum[int(f0)])


@pytest.fixture
def build(toy_request):
    def make(**changes) -> TrainState:
        config = replace(toy_request().config(), **changes)
        sizes = {**config.network, "sample_rate": 24000, "spec_channels": 513, "phone_dim": 4}
        return TrainState.build(config, SynthesizerConfig.from_dict(sizes), 3, torch.device("cpu"))

    return make


def test_a_source_gain_makes_the_source_rich_in_harmonics(build):
    assert harmonics(build(source_gain=30.0)).min() > -30
    assert harmonics(build(source_gain=None))[2:].max() < -40


def test_networks_are_a_function_of_the_seed(build):
    one, two = build(), build()
    for name, value in one.generator.state_dict().items():
        assert torch.equal(value, two.generator.state_dict()[name])
