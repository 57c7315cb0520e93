"""Training by command: what is refused, and what it would cost."""

from __future__ import annotations

import json

import pytest

from catalog.errors import BadRequest
from catalog.jobs import Job
from catalog.library import Library
from trainer.config import TrainRequest

TOY = {"width": 8, "layers": 1, "kernel_size": 3, "expansion": 1, "bands": 8, "spk_embed_dim": 1, "gin_channels": 2}


@pytest.fixture(scope="module")
def trainable(filled):
    """A library with a set called settings."""
    filled("verdict", "accept", "--where", "true")
    filled("set", "create", "voice-1")
    return filled


def test_a_gpu_that_is_not_there_is_refused_in_a_line_before_there_is_a_run(trainable, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    ended = trainable("train", "voice-1", "--name", "voice", "--preset", "40k", "--device", "cuda")
    assert ended.code == 2
    assert "no usable CUDA GPU" in ended.err
    assert ended.err.count("\n") == 1
    assert trainable("runs", "list", "--json").json == []


@pytest.mark.parametrize("patience", ["never", "0", "-1", "2.5"])
def test_a_patience_that_is_no_number_of_saves_is_refused(trainable, patience) -> None:
    ended = trainable("train", "voice-1", "--name", "voice", "--patience", patience)
    assert ended.code == 2
    assert "auto nor off" in ended.err


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ("pich", "did you mean pitch"),
        ("pitch=99", "is a number from 0.1 to 12, not 99"),
        ("gain=loud", "loud is not a number"),
    ],
)
def test_an_alteration_that_cannot_be_meant_is_refused(trainable, kinds, said) -> None:
    ended = trainable("train", "voice-1", "--name", "voice", "--augment", kinds)
    assert ended.code == 2
    assert said in ended.err


def test_altered_copies_and_compiling_are_settings_of_the_run_and_its_cost_is_named_before(
    trainable, monkeypatch
) -> None:
    asked = []

    def start(library: Library, request: TrainRequest, *, run_id: str | None) -> Job:
        asked.append(request)
        raise BadRequest("not today")

    monkeypatch.setattr("curator.launch.start_train", start)
    ended = trainable("train", "voice-1", "--name", "voice", "--augment", "pitch, noise=30", "--compile")
    assert asked[0].settings == {"augment": {"pitch": 3.0, "noise": 30.0}, "compile": True}
    assert "preset small: what it costs here is measured as it begins" in ended.err
    trainable("train", "voice-1", "--name", "voice")
    assert asked[1].settings == {}, "off unless asked for"


def test_what_a_training_would_cost_is_measured_and_nothing_is_started(trainable) -> None:
    network = f"network={json.dumps(TOY)}"
    command = ("train", "voice-1", "--name", "voice", "--steps", "500", "--set", network, "--dry-run")
    found = trainable(*command, "--json").json
    assert (found["steps"], found["saves"], found["device"]) == (500, 5, "cpu")
    assert found["seconds"] > 500 * found["step_s"] > 0
    assert found["left_bytes"] < found["disk_bytes"] < 1e8
    assert "500 steps and 5 saves in" in trainable(*command).out
    assert trainable("runs", "list", "--json").json == []
