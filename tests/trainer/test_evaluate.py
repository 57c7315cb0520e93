"""Measuring on held-out clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infer.mel import MelSettings
from trainer.dataset import TrainClip
from trainer.evaluate import MOST_CLIP_S, Yardstick, fixed, speak
from trainer.run import sizes
from trainer.state import TrainState

MEL = MelSettings(24000, 1024, 240, 80)


@pytest.fixture(params=["small", "32k"])
def network(request, toy_request):
    config = toy_request(preset=request.param).config()
    return TrainState.build(config, sizes(config, 4, 1), 1, torch.device("cpu")).generator


def yardstick(clips: tuple[TrainClip, ...]) -> Yardstick:
    return Yardstick(clips, clips, MEL)


def saying(monkeypatch: pytest.MonkeyPatch, change) -> None:
    """Have every network say a changed copy of the recording."""

    def speak(_, clip, seconds):
        real = torch.tensor(clip.audio)
        return change(real), real

    monkeypatch.setattr("trainer.evaluate.speak", speak)


def test_a_perfect_copy_measures_zero_and_a_quieter_one_its_loudness(network, hummed, monkeypatch):
    for factor, decibels in ((1.0, 0.0), (0.5, -6.02)):
        saying(monkeypatch, lambda real, factor=factor: factor * real)
        found = yardstick(hummed).measure(network)
        assert found is not None
        assert found.loudness_db == pytest.approx(decibels, abs=0.01)
        assert found.clips == 3
        assert (found.mel == 0) == (factor == 1.0)
        assert found.phones == 1


def test_a_voice_at_another_pitch_measures_how_far_off_it_is(network, hummed, monkeypatch):
    saying(monkeypatch, lambda real: real)
    right = yardstick(hummed[:1]).measure(network)
    lower = replace(hummed[0], f0=hummed[0].f0 / 2 ** (3 / 12))
    wrong = yardstick((lower,)).measure(network)
    assert right is not None
    assert wrong is not None
    assert right.f0_cents == pytest.approx(0, abs=40)
    assert wrong.f0_cents == pytest.approx(300, abs=40)
    assert "held_out/f0_cents" in right.to_dict()


def test_another_voice_is_less_like_the_speaker_and_its_sounds_are_other_sounds(network, hummed, monkeypatch):
    rule = yardstick(hummed)
    saying(monkeypatch, lambda real: real)
    same = rule.measure(network)
    saying(monkeypatch, lambda real: 0.05 * torch.randn(real.shape, generator=torch.Generator().manual_seed(1)))
    noise = rule.measure(network)
    assert same is not None
    assert noise is not None
    assert same.speaker == pytest.approx(rule.recorded_speaker, abs=1e-6)
    assert noise.speaker < same.speaker - 0.2
    assert noise.phones < 0.5 < same.phones


def test_the_speaker_s_middle_is_of_trained_clips_and_of_that_speaker_alone(hummed):
    other = replace(hummed[2], speaker=1, audio=np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32))
    alone = Yardstick(hummed[:1], hummed[1:2], MEL).recorded_speaker
    assert Yardstick(hummed[:1], (*hummed[1:2], other), MEL).recorded_speaker == alone
    assert Yardstick(hummed[:1], (), MEL).recorded_speaker is None


def test_measuring_changes_neither_the_weights_nor_the_random_numbers_to_come(network, hummed):
    network.train()
    rule = yardstick(hummed)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    first = rule.measure(network)
    assert torch.equal(torch.rand(4), expected)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert rule.measure(network) == first


def test_without_clips_nothing_is_measured(network):
    assert yardstick(()).measure(network) is None


def test_every_recording_is_heard_before_any_is_heard_twice(make_clip):
    clips = [replace(make_clip(f"{take}{part}", 1000), recording=take) for take in "ab" for part in range(5)]
    assert [clip.clip for clip in fixed(clips, seconds=18)] == ["a0", "b0", "a1"]


def test_a_clip_is_spoken_sample_for_sample(network, hummed):
    made, real = speak(network.eval(), hummed[0], seconds=MOST_CLIP_S)
    assert len(made) == len(real) == len(hummed[0].audio)
    assert torch.equal(real, torch.tensor(hummed[0].audio))
