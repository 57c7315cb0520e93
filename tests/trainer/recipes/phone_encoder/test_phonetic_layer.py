"""The layer of `phonetic`: fitted in closed form, it gives as much of the bottleneck as it claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from infer.phone_encoder import CLASSES, EncoderShape, PhoneEncoder, read_card
from infer.phonetic import Phonetic, PhoneticShape, load_phonetic
from trainer.recipes.phone_encoder import corpus, train
from trainer.recipes.phone_encoder.phonetic_layer import fit, in_context, main

TOY = EncoderShape(width=16, blocks=1)


def material(seed: int, frames: int = 1200) -> corpus.Material:
    """Frames in which one band after another is loud."""
    chance = np.random.default_rng(seed)
    mel = 0.3 * chance.standard_normal((frames, TOY.mels))
    mel[np.arange(frames), np.repeat(chance.integers(0, TOY.mels, frames // 10), 10)] += 3.0
    return corpus.Material(mel.astype(np.float16), np.zeros(frames, np.int16), None)


def toy() -> Phonetic:
    torch.manual_seed(1)
    return Phonetic(PhoneEncoder(TOY), PhoneticShape(context=1)).eval()


def test_rows_are_seen_with_their_neighbours_and_nothing_beyond_the_ends() -> None:
    rows = torch.tensor([[1.0], [2.0], [3.0]])
    assert in_context(rows, 1).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]


def test_the_layer_gives_as_much_of_the_bottleneck_as_it_says() -> None:
    phonetic, spoken = toy(), material(1)
    kept = fit(phonetic, {"toy": spoken}, pieces=1)
    with torch.no_grad():
        bottleneck = phonetic.network.features(torch.from_numpy(spoken.mel.astype(np.float32))[None])
        target = (bottleneck[0] - bottleneck[0].mean(0)) / (bottleneck[0].std(0) + 1e-3)
        left = (phonetic.features(bottleneck)[0] - target).square().sum() / target.square().sum()
    assert 0.2 < kept < 1
    assert 1 - float(left) == pytest.approx(kept, abs=0.01)


def test_the_same_seed_fits_the_same_layer_and_leaves_the_network_alone() -> None:
    first, second = toy(), toy()
    for phonetic in (first, second):
        fit(phonetic, {"toy": material(1)}, pieces=2, seed=3)
    assert torch.equal(first.layer.weight, second.layer.weight)
    assert torch.equal(first.network.classes.weight, toy().network.classes.weight)


def test_the_command_fits_a_layer_that_loads_beside_its_network(tmp_path: Path) -> None:
    torch.manual_seed(1)
    weights = train.export(PhoneEncoder(TOY), tmp_path, {"held_out_voices": ["awb", "rms"]})
    corpus.save(material(2), tmp_path / "material" / "espeak")
    options = ["--weights", str(weights), "--material", str(tmp_path / "material"), "--pieces", "1"]
    run = CliRunner().invoke(main, options)
    assert run.exit_code == 0, run.output
    found = load_phonetic(tmp_path / "phonetic.safetensors")
    assert found.layer.weight.shape == (128, CLASSES, 2 * found.shape.context + 1)
    card = read_card(tmp_path / "phonetic.safetensors")
    assert card["fitted_to"] == found.network.version
    assert 0 < card["bottleneck_kept"] < 1
    empty = CliRunner().invoke(main, ["--weights", str(weights), "--material", str(tmp_path)])
    assert empty.exit_code == 1
    assert "holds none of espeak" in empty.output
