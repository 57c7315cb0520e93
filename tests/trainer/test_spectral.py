"""The step of a source-filter voice and the distance it goes down."""

from __future__ import annotations

import pytest
import torch

from infer.excitation import pulse_train
from infer.source_filter import SourceFilter
from trainer.dataset import Crop, collate
from trainer.run import sizes
from trainer.spectral import energy_distance, spectral_step, spoken
from trainer.step import make_optimizer

RATE = 24000


def distance(real: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> float:
    stft, mel = energy_distance(real, one, other, sample_rate=RATE)
    return float(stft + mel)


@pytest.fixture
def noises() -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(4, 16000, generator=chance) for _ in range(3)]


def test_equal_waves_are_no_distance_apart(noises):
    assert distance(noises[0], noises[0], noises[0]) == 0


def test_a_steady_sound_does_not_pass_for_noise(noises):
    real, one, other = noises
    pulses = 0.1 * pulse_train(torch.full((4, 67), 100.0), 240, RATE)[:, :16000]
    as_noise, as_pulses = distance(real, one, other), distance(real, pulses, pulses)
    assert as_noise < 0.8 * as_pulses


def test_noise_of_another_level_is_further_away_on_both_sides(noises):
    real, one, other = noises
    right = distance(real, one, other)
    for factor in (0.7, 1.4):
        assert distance(real, factor * one, factor * other) > right + 0.05


def test_a_crop_comes_with_the_loudness_of_its_frames(hummed):
    crops = collate(hummed[:1], [Crop(0, 0, 20)], context=50, hop=240)
    said = spoken(crops, RATE, "cpu")
    assert (said.phone.shape, said.f0.shape, said.loudness.shape) == ((1, 50, 4), (1, 50), (1, 50))
    assert torch.equal(said.wave[0], torch.from_numpy(hummed[0].audio[20 * 240 : 70 * 240]))
    level = 10 * torch.log10(said.wave.reshape(50, 240).square().mean(1)) + 23
    assert torch.corrcoef(torch.stack([said.loudness[0], level]))[0, 1] > 0.95
    assert float((said.loudness[0] - level).median().abs()) < 1.5


def test_steps_bring_the_voice_closer_to_what_was_said(hummed, toy_request):
    config = toy_request().config()
    torch.manual_seed(0)
    network = SourceFilter(sizes(config, 4, 1))
    optimizer = make_optimizer(network, learning_rate=1e-2)
    crops = collate(hummed[:2], [Crop(0, 10, 0), Crop(1, 20, 10)], context=60, hop=240)
    said, starts = spoken(crops, RATE, "cpu"), torch.from_numpy(crops.starts)
    totals = [spectral_step(network, optimizer, said, starts, 40, config.loss).values()["g/total"] for _ in range(25)]
    assert totals[-1] < 0.6 * totals[0]
