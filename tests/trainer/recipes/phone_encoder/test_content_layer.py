"""The last layer: fitted in closed form, it gives of the bottleneck what the phones say, and what it claims of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from catalog.errors import BadModel
from infer.phone_encoder import CLASSES, EncoderShape, PhoneEncoder, load_phone_encoder, read_card
from trainer.recipes.phone_encoder import corpus
from trainer.recipes.phone_encoder.content_layer import fit, in_context, load_network, main
from trainer.recipes.phone_encoder.train import export

TOY = EncoderShape(width=16, blocks=1, context=1)


def material(seed: int, frames: int = 1200) -> corpus.Material:
    """Frames in which one band after another is loud."""
    chance = np.random.default_rng(seed)
    mel = 0.3 * chance.standard_normal((frames, TOY.mels))
    mel[np.arange(frames), np.repeat(chance.integers(0, TOY.mels, frames // 10), 10)] += 3.0
    return corpus.Material(mel.astype(np.float16), np.zeros(frames, np.int16), None)


def toy() -> PhoneEncoder:
    torch.manual_seed(1)
    return PhoneEncoder(TOY).eval()


def test_rows_are_seen_with_their_neighbours_and_nothing_beyond_the_ends() -> None:
    rows = torch.tensor([[1.0], [2.0], [3.0]])
    assert in_context(rows, 1).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]


def test_the_layer_gives_as_much_of_the_bottleneck_as_it_says() -> None:
    encoder, spoken = toy(), material(1)
    kept = fit(encoder, {"toy": spoken}, pieces=1)
    with torch.no_grad():
        mel = torch.from_numpy(spoken.mel.astype(np.float32))[None]
        hidden = encoder.hidden(mel)[0]
        target = (hidden - hidden.mean(0)) / (hidden.std(0) + 1e-3)
        left = (encoder.features(mel)[0] - target).square().sum() / target.square().sum()
    assert 0.2 < kept < 1
    assert 1 - float(left) == pytest.approx(kept, abs=0.01)


def test_the_same_seed_fits_the_same_layer_and_leaves_the_network_alone() -> None:
    first, second = toy(), toy()
    for encoder in (first, second):
        fit(encoder, {"toy": material(1)}, pieces=2, seed=3)
    assert torch.equal(first.content.weight, second.content.weight)
    assert torch.equal(first.classes.weight, toy().classes.weight)


def test_the_command_fits_the_layer_of_weights_that_lack_it(tmp_path: Path) -> None:
    facts = {"held_out_voices": ["awb", "rms"], "steps": 7}
    weights = export(toy(), tmp_path, facts)
    corpus.save(material(2), tmp_path / "material" / "espeak")
    options = ["--weights", str(weights), "--material", str(tmp_path / "material"), "--out", str(tmp_path / "new")]
    run = CliRunner().invoke(main, [*options, "--pieces", "1"])
    assert run.exit_code == 0, run.output
    found = load_phone_encoder(tmp_path / "new" / "phone_encoder.safetensors")
    assert found.content.weight.shape == (128, CLASSES, 3)
    card = read_card(tmp_path / "new" / "phone_encoder.safetensors")
    assert (card["steps"], card["held_out_voices"]) == (7, ["awb", "rms"])
    assert 0 < card["content_layer"]["bottleneck_kept"] < 1


def test_only_the_last_layer_may_be_missing(tmp_path: Path) -> None:
    weights = export(toy(), tmp_path, {})
    tensors = load_file(weights)
    save_file({k: v for k, v in tensors.items() if not k.startswith("content.")}, weights)
    assert load_network(weights).shape == TOY
    save_file({k: v for k, v in tensors.items() if not k.startswith("stem.")}, weights)
    with pytest.raises(BadModel, match="shape"):
        load_network(weights)
