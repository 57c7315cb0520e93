"""The layers of `phonetic`, fitted in closed form, give as much of the bottleneck as they claim; and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from infer.phone_encoder import PHONES, EncoderShape, PhoneEncoder, load_phone_encoder, read_card
from infer.phonetic import Phonetic, PhoneticShape, load_phonetic
from trainer.recipes.phone_encoder import corpus, train
from trainer.recipes.phone_encoder.phonetic import main
from trainer.recipes.phone_encoder.phonetic_layer import fit, in_context

TOY = EncoderShape(width=16, blocks=1)


def material(seed: int, frames: int = 1200) -> corpus.Material:
    """Frames in which one band after another is loud."""
    chance = np.random.default_rng(seed)
    mel = 0.3 * chance.standard_normal((frames, TOY.mels))
    mel[np.arange(frames), np.repeat(chance.integers(0, TOY.mels, frames // 10), 10)] += 3.0
    return corpus.Material(mel.astype(np.float16), np.zeros(frames, np.int16), None)


def toy(numbers: int = 12) -> Phonetic:
    torch.manual_seed(1)
    return Phonetic(PhoneEncoder(TOY), PhoneticShape(context=1, numbers=numbers)).eval()


def test_rows_are_seen_with_their_neighbours_and_nothing_beyond_the_ends() -> None:
    rows = torch.tensor([[1.0], [2.0], [3.0]])
    assert in_context(rows, 1).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]


def test_the_layers_give_as_much_of_the_bottleneck_as_they_say() -> None:
    phonetic, spoken = toy(), material(1)
    kept = fit(phonetic, phonetic.network, {"toy": spoken}, pieces=1)
    with torch.no_grad():
        bottleneck = phonetic.network.features(torch.from_numpy(spoken.mel.astype(np.float32))[None])
        target = (bottleneck[0] - bottleneck[0].mean(0)) / (bottleneck[0].std(0) + 1e-3)
        left = (phonetic.features(bottleneck)[0] - target).square().sum() / target.square().sum()
    assert 0.2 < kept < 1
    assert 1 - float(left) == pytest.approx(kept, abs=0.01)


def test_fewer_numbers_keep_less_and_the_features_lie_in_so_many_directions() -> None:
    kept = []
    for numbers in (2, 6, 12):
        phonetic = toy(numbers)
        kept.append(fit(phonetic, phonetic.network, {"toy": material(1)}, pieces=1))
        with torch.no_grad():
            features = phonetic.features(phonetic.network.features(torch.from_numpy(material(2).mel)[None].float()))
        assert int(torch.linalg.matrix_rank(features[0].double(), rtol=1e-6)) == numbers
    assert kept == sorted(kept)


def test_the_same_seed_fits_the_same_layers_and_leaves_the_network_alone() -> None:
    first, second = toy(), toy()
    for phonetic in (first, second):
        fit(phonetic, phonetic.network, {"toy": material(1)}, pieces=2, seed=3)
    assert torch.equal(first.narrow.weight, second.narrow.weight)
    assert torch.equal(first.network.classes.weight, toy().network.classes.weight)


@pytest.mark.parametrize("steps", [0, 2])
def test_the_command_makes_an_encoder_that_loads(tmp_path: Path, steps: int) -> None:
    torch.manual_seed(1)
    weights = train.export(
        PhoneEncoder(TOY), tmp_path, {"held_out_voices": ["awb", "rms"], "licences": {"toy": "none"}}
    )
    corpus.save(material(2), tmp_path / "material" / "espeak")
    options = ["--weights", str(weights), "--material", str(tmp_path / "material"), "--steps", str(steps)]
    run = CliRunner().invoke(main, [*options, "--numbers", "5", "--crowd-licence", "CC0"])
    assert run.exit_code == 0, run.output
    found = load_phonetic(tmp_path / "phonetic.safetensors")
    assert found.narrow.weight.shape == (5, len(PHONES), 2 * found.shape.context + 1)
    card = read_card(tmp_path / "phonetic.safetensors")
    assert card["stands_in_for"] == read_card(weights)["version"]
    assert card["licences"] == {"toy": "none", "crowd": "CC0"}
    assert 0 < card["bottleneck_kept"] < 1
    same = torch.equal(found.network.classes.weight, load_phone_encoder(weights).classes.weight)
    assert same == (steps == 0)


def test_the_command_says_when_there_is_no_material(tmp_path: Path) -> None:
    weights = train.export(PhoneEncoder(TOY), tmp_path, {"held_out_voices": ["awb", "rms"]})
    empty = CliRunner().invoke(main, ["--weights", str(weights), "--material", str(tmp_path)])
    assert empty.exit_code == 1
    assert "holds none of espeak" in empty.output
