"""What a training costs, before and after."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from catalog.errors import BadRequest, CuratorError
from tests.trainer.test_loop import Told, toy_training
from trainer.config import PRESETS
from trainer.cost import disk, measured
from trainer.estimate import words
from trainer.loop import train
from trainer.run import sizes
from trainer.samples import CLIPS, MOST_CLIP_S, MOST_SAVES
from trainer.state import TrainState


@pytest.mark.parametrize("preset", ["32k", "40k", "48k"])
def test_a_hundred_epochs_of_a_large_preset_leave_less_than_a_gigabyte(preset):
    config = PRESETS[preset].config
    with torch.device("meta"):
        state = TrainState.build(config, sizes(config, 768, 1), 1, torch.device("meta"))
    found = disk(state, config)
    assert 1.2e9 < found["checkpoint_bytes"] < 1.4e9
    assert found["left_bytes"] < 0.4e9


@pytest.mark.parametrize("preset", ["small", "32k"])
def test_the_disk_foretold_is_the_disk_taken(toy_request, hummed, tmp_path, preset):
    wide = {"width": 128} if preset == "small" else {"upsample_initial_channel": 64}
    request = toy_request(preset=preset, steps=6)
    config = request.config()
    training = toy_training(replace(config, network={**config.network, **wide}), hummed, tmp_path / "run")
    state, checkpoints = train(training, Told())
    found = disk(state, training.config)
    newest = checkpoints.newest()
    assert newest is not None
    assert newest.stat().st_size == pytest.approx(found["checkpoint_bytes"], rel=0.15)
    checkpoints.settle(state)
    kept = sum(path.stat().st_size for path in checkpoints.folder.iterdir())
    samples = int((MOST_SAVES + 2) * CLIPS * MOST_CLIP_S * config.sample_rate * 2)
    assert kept == pytest.approx(found["left_bytes"] - samples, rel=0.3)


def test_a_cost_is_measured_on_this_machine_without_leaving_anything(toy_request, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    request = replace(toy_request(), encoder="phone")
    cost = measured(request, set_seconds=60.0)
    assert (cost.device, cost.steps, cost.saves) == ("cpu", 8, 2)
    assert 0 < cost.step_s < 10
    assert cost.seconds == pytest.approx(8 * cost.step_s + 2 * cost.save_s)
    assert cost.memory_bytes is None or cost.memory_bytes > 1e7
    assert "s a step on this machine's processor: 8 steps and 2 saves in" in words(cost)
    assert list(here.iterdir()) == []


def test_a_refiner_is_tried_as_well_and_counted_beside_the_voice(toy_request):
    small = {"steps": 50, "layers": 1, "width": 8, "hidden": 4, "batch_size": 2, "frames": 24}
    asked = replace(toy_request(settings={"refiner": small}), encoder="phone")
    plain, cost = measured(asked, 60.0), measured(replace(asked, refiner=True), 60.0)
    assert (plain.refiner_steps, cost.refiner_steps) == (0, 50)
    assert cost.refiner_step_s > 0
    assert cost.seconds == pytest.approx(cost.voice_s + 50 * cost.refiner_step_s)
    assert cost.disk_bytes > plain.disk_bytes
    assert cost.left_bytes == plain.left_bytes


def test_epochs_are_counted_over_what_is_not_held_out(toy_request):
    request = replace(toy_request(), steps=None, epochs=4)
    cost = measured(request, set_seconds=100.0)
    config = request.config()
    assert cost.steps == -(-4 * 94 * 100 // (config.segment_frames * config.batch_size))


def test_a_gpu_that_is_not_there_is_refused_in_a_line(toy_request, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadRequest, match="no usable CUDA GPU here: train with --device cpu"):
        measured(replace(toy_request(), device="cuda"), 60.0)


def test_of_several_processes_the_share_of_one_is_tried(toy_request, monkeypatch):
    tried = []
    monkeypatch.setattr(
        "trainer.cost.timed_steps", lambda training, state: tried.append(training.config.batch_size) or 1.0
    )
    monkeypatch.setattr("trainer.cost.timed_measure", lambda training, state: 0.5)
    request = replace(toy_request(settings={"batch_size": 4}), processes=2)
    cost = measured(request, 60.0)
    assert (tried, cost.steps, cost.step_s) == ([2], 8, 1.0)


def test_a_refiner_without_memory_is_told_with_the_setting_that_helps(toy_request, monkeypatch):
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("trainer.cost.trial", full)
    monkeypatch.setattr("trainer.cost.timed_steps", lambda *_: 1.0)
    monkeypatch.setattr("trainer.cost.timed_measure", lambda *_: 1.0)
    smaller = """ran out with --set 'refiner={"batch_size": 8}': train with --set 'refiner={"batch_size": 4}'"""
    with pytest.raises(CuratorError, match=re.escape(smaller)):
        measured(replace(toy_request(), refiner=True), 60.0)
