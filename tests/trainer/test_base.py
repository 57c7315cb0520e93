"""Base weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from catalog.errors import BadModel, BadRequest, MissingWeights
from infer.pull import place
from trainer.base import discriminator_of, find_base, load_base
from trainer.config import PRESETS, TrainRequest
from trainer.run import sizes
from trainer.state import TrainState


@pytest.fixture
def config(toy_request):
    return toy_request(preset="32k").config()


def state(config, *, dim: int = 4, seed: int = 1, speakers: int = 2) -> TrainState:
    return TrainState.build(config, sizes(config, dim, speakers), seed, torch.device("cpu"))


def test_published_base_weights_are_used_where_they_were_pulled(tmp_path):
    config = PRESETS["40k"].config
    assert find_base(None, config, tmp_path)[0] is None
    generator = place("rvc-v2-40k-f0-generator", tmp_path)
    generator.parent.mkdir(parents=True)
    generator.write_bytes(b"x")
    assert find_base(None, config, tmp_path) == (generator, "from the published base rvc-v2-40k-f0")
    assert find_base("none", config, tmp_path)[0] is None
    assert discriminator_of(generator) == place("rvc-v2-40k-f0-discriminator", tmp_path)


def test_a_base_asked_for_by_name_must_be_there(tmp_path):
    config = PRESETS["40k"].config
    with pytest.raises(MissingWeights, match="curator models pull rvc-v2-40k-f0-generator"):
        find_base("rvc-v2-40k-f0", config, tmp_path)
    with pytest.raises(BadRequest, match="no base weights called what"):
        find_base("what", config, tmp_path)


def test_a_training_checkpoint_of_both_networks_is_a_base(config, tmp_path):
    given, own = state(config, seed=1), state(config, seed=2)
    torch.save({"model": given.generator.state_dict(), "iteration": 3}, tmp_path / "f0G24k.pth")
    torch.save({"model": given.discriminator.state_dict()}, tmp_path / "f0D24k.pth")
    assert load_base(own, tmp_path / "f0G24k.pth") == []
    for mine, theirs in ((own.generator, given.generator), (own.discriminator, given.discriminator)):
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.state_dict().items())


def test_parts_that_depend_on_encoder_and_set_are_learned_anew_and_named(config, tmp_path):
    given, own = state(config, dim=6, speakers=5), state(config, seed=2)
    kept = {name: value for name, value in given.generator.state_dict().items() if not name.startswith("enc_q.")}
    save_file(kept, tmp_path / "small.safetensors")
    before = own.generator.enc_p.emb_phone.weight.clone()
    anew = load_base(own, tmp_path / "small.safetensors")
    assert anew == [
        "the layer that reads content features",
        "the table of speakers",
        "the posterior encoder",
        "the discriminator",
    ]
    assert torch.equal(own.generator.enc_p.emb_phone.weight, before)
    assert torch.equal(own.generator.dec.conv_post.weight, given.generator.dec.conv_post.weight)


def test_a_small_base_gives_all_but_the_layer_of_another_encoder(toy_request, tmp_path):
    config = toy_request().config()
    given, own = state(config, dim=6), state(config, seed=2)
    save_file(given.generator.state_dict(), tmp_path / "small.safetensors")
    before = own.generator.emb_phone.weight.clone()
    assert load_base(own, tmp_path / "small.safetensors") == ["the layer that reads content features"]
    assert torch.equal(own.generator.emb_phone.weight, before)
    assert torch.equal(own.generator.proj.weight, given.generator.proj.weight)


def test_a_base_of_another_method_is_refused_by_name(config, toy_request, tmp_path):
    save_file(state(config).generator.state_dict(), tmp_path / "large.safetensors")
    with pytest.raises(BadModel, match=r"large\.safetensors: the weights lack"):
        load_base(state(toy_request().config()), tmp_path / "large.safetensors")


def test_a_base_of_another_network_is_refused_by_name(config, tmp_path):
    other = state(replace(config, network={**config.network, "upsample_initial_channel": 32}))
    save_file(other.generator.state_dict(), tmp_path / "wide.safetensors")
    with pytest.raises(BadModel, match=r"wide\.safetensors: .* should be"):
        load_base(state(config), tmp_path / "wide.safetensors")


def test_a_base_that_is_cut_off_is_refused(config, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(b"\x00" * 20)
    with pytest.raises(BadModel, match=r"cut\.safetensors is cut off"):
        load_base(state(config), path)


def test_a_file_can_be_the_base(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(b"x")
    request = TrainRequest(library="l", set_name="s", model="m", base=str(path))
    found, words = find_base(request.base, request.config(), Path("nowhere"))
    assert found == path
    assert words == f"from {path}"
