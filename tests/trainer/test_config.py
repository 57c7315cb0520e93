"""Presets and requests."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from catalog.errors import BadRequest
from trainer.config import PRESETS, TrainConfig, TrainRequest
from trainer.run import sizes

ASKED = {"library": "lib", "set_name": "s", "model": "m"}


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_runs_at_100_frames_a_second_and_names_its_cost(name):
    config = PRESETS[name].config
    assert sizes(config, 128, 1).hop == config.hop == config.sample_rate // 100
    assert PRESETS[name].summary


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_config_survives_json(name):
    config = PRESETS[name].config
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_request_survives_json_and_keeps_its_settings():
    request = TrainRequest(**ASKED, epochs=3, settings={"batch_size": 2, "loss": {"mel": 10.0}})
    again = TrainRequest.from_dict(json.loads(json.dumps(request.to_dict())))
    assert again == request
    assert again.config().batch_size == 2
    assert again.config().loss.mel == 10.0
    assert again.config().loss.kl == PRESETS["small"].config.loss.kl


def test_steps_win_over_epochs_and_epochs_over_the_preset():
    assert TrainRequest(**ASKED, steps=5).config().steps == 5
    assert TrainRequest(**ASKED, epochs=7).config().steps is None
    assert TrainRequest(**ASKED, epochs=7, steps=5).config().steps == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "smal"}, "did you mean small"),
        ({"device": "gpu"}, "device called gpu"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"settings": {"batchsize": 3}}, "did you mean batch_size"),
        ({"settings": {"loss": {"mels": 3}}}, "did you mean mel"),
        ({"settings": {"batch_size": 0}}, "batch_size must be at least 1"),
        ({"settings": {"hop": 100}}, "not 100 frames a second"),
    ],
)
def test_what_cannot_be_is_refused_in_words(changes, words):
    with pytest.raises(BadRequest, match=words):
        TrainRequest(**ASKED, **changes)


def test_an_unknown_key_of_a_request_is_refused_with_the_nearest_name():
    with pytest.raises(BadRequest, match="did you mean preset"):
        TrainRequest.from_dict({**ASKED, "presett": "small"})


def test_presets_can_be_read_without_torch():
    code = "import sys, trainer.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
