"""Measuring on held-out clips."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from catalog import audio
from infer.mel import MelSettings
from trainer.evaluate import MOST_CLIP_S, measure, speak, write_sample
from trainer.run import sizes
from trainer.state import TrainState

MEL = MelSettings(24000, 1024, 240, 80)


@pytest.fixture(params=["small", "32k"])
def network(request, toy_request):
    config = toy_request(preset=request.param).config()
    return TrainState.build(config, sizes(config, 4, 1), 1, torch.device("cpu")).generator


def test_a_perfect_copy_measures_zero_and_a_quieter_one_its_loudness(network, hummed, monkeypatch):
    import trainer.evaluate as module

    for factor, decibels in ((1.0, 0.0), (0.5, -6.02)):
        monkeypatch.setattr(
            module,
            "speak",
            lambda _, clip, seconds, factor=factor: (factor * torch.tensor(clip.audio), torch.tensor(clip.audio)),
        )
        found = measure(network, hummed, MEL)
        assert found is not None
        assert found.loudness_db == pytest.approx(decibels, abs=0.01)
        assert found.clips == 3
        assert (found.mel == 0) == (factor == 1.0)


def test_a_voice_at_another_pitch_measures_how_far_off_it_is(network, hummed, monkeypatch):
    import trainer.evaluate as module

    heard = torch.tensor(hummed[0].audio)
    monkeypatch.setattr(module, "speak", lambda _, clip, seconds: (heard, heard))
    right = measure(network, hummed[:1], MEL)
    lower = replace(hummed[0], f0=hummed[0].f0 / 2 ** (3 / 12))
    wrong = measure(network, (lower,), MEL)
    assert right is not None
    assert wrong is not None
    assert right.f0_cents == pytest.approx(0, abs=40)
    assert wrong.f0_cents == pytest.approx(300, abs=40)
    assert "held_out/f0_cents" in right.to_dict()


def test_measuring_changes_neither_the_weights_nor_the_random_numbers_to_come(network, hummed):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    first = measure(network, hummed, MEL)
    assert torch.equal(torch.rand(4), expected)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert measure(network, hummed, MEL) == first


def test_without_clips_nothing_is_measured(network):
    assert measure(network, (), MEL) is None


def test_a_clip_is_spoken_sample_for_sample(network, hummed):
    made, real = speak(network.eval(), hummed[0], seconds=MOST_CLIP_S)
    assert len(made) == len(real) == len(hummed[0].audio)
    assert torch.equal(real, torch.tensor(hummed[0].audio))


def test_a_sample_is_a_wav_file_of_the_model_s_rate(network, hummed, tmp_path):
    write_sample(network, hummed[0], tmp_path / "samples" / "one.wav")
    info = audio.probe(tmp_path / "samples" / "one.wav")
    assert (info.sample_rate, info.samples) == (24000, 24000)
