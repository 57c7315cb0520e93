"""The recipe of the small base, with two short voices and a toy network."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from catalog import audio
from trainer import config as presets
from trainer.base import PACKAGED, find_base, load_base
from trainer.config import TrainConfig
from trainer.recipes.small_base import __main__ as recipe
from trainer.recipes.small_base.voices import SPEEDS, real_voices
from trainer.run import sizes
from trainer.state import TrainState


@pytest.fixture
def real(tmp_path):
    """Two recordings of one speaker with their table."""
    folder = tmp_path / "real"
    folder.mkdir()
    time = np.arange(48000) / 24000
    for number in range(2):
        tone = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 9))
        audio.write_wav(folder / f"{number}.wav", (0.2 * tone).astype(np.float32), 24000)
    with (folder / "speech.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("path", "speaker"), ("0.wav", "eva"), ("1.wav", "eva")])
    return folder


def toy_state(config: TrainConfig) -> TrainState:
    """New toy networks for the packaged content encoder."""
    return TrainState.build(config, sizes(config, 128, 1), 1, torch.device("cpu"))


def test_a_recording_at_another_speed_moves_its_pitch_and_length_together(real):
    voices = list(real_voices(real))
    assert [voice.name for voice in voices] == [f"eva-{speed:.2f}" for speed in SPEEDS]
    for voice, speed in zip(voices, SPEEDS, strict=True):
        wave = voice.pieces[0]
        assert len(wave) / 24000 == pytest.approx(2 / speed, abs=0.01)
        peak = np.argmax(np.abs(np.fft.rfft(wave))) * 24000 / len(wave)
        assert peak == pytest.approx(150 * speed, abs=1.5)


def test_the_recipe_makes_a_base_that_the_small_preset_can_start_from(real, tmp_path, toy_request, monkeypatch):
    monkeypatch.setattr(recipe, "made_voices", lambda *_: iter(()))
    monkeypatch.setattr("infer.f0.extract", lambda wave, *_, **__: np.full(len(wave) // 160, 150.0))
    small = presets.PRESETS["small"]
    monkeypatch.setitem(presets.PRESETS, "small", replace(small, config=toy_request().config()))
    out = tmp_path / "out"
    arguments = ["--out", str(out), "--real", str(real), "--steps", "2", "--real-licence", "made in a test"]
    first = CliRunner().invoke(recipe.main, arguments, catch_exceptions=False)
    assert first.exit_code == 0, first.output
    assert "10 clips" in first.output or "5 voices" in first.output
    card = json.loads((out / "small.json").read_text())
    assert card["steps"] == 2
    assert card["voices"] == sorted(f"eva-{speed:.2f}" for speed in SPEEDS)
    assert card["licences"]["real"] == "made in a test"
    generator = load_file(out / "small-generator.safetensors")
    assert generator["emb_g.weight"].dtype is torch.float16
    assert torch.equal(generator["emb_g.weight"][0], generator["emb_g.weight"][1])
    assert (out / "small-generator.safetensors").stat().st_size <= 5_000_000
    state = toy_state(toy_request().config())
    assert load_base(state, out / "small-generator.safetensors") == []
    assert torch.equal(state.generator.emb_g.weight[0], generator["emb_g.weight"][0].float())


def test_the_packaged_base_is_small_whole_and_fits_the_preset(tmp_path):
    config = presets.PRESETS["small"].config
    path, words = find_base(None, config, tmp_path)
    assert words == "from the packaged base small"
    assert path is not None
    assert path.stat().st_size <= 5_000_000
    card = json.loads((PACKAGED / "small.json").read_text())
    assert card["files"][path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card["encoder"]["name"] == "phone"
    state = toy_state(config)
    assert load_base(state, path) == []
