"""The synthesizer: published names, reference waveforms, and the algebra of its parts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixture_recipe import GENERATOR_RULES, normal, parameter

from catalog.errors import BadModel
from infer.synthesizer import (
    Synthesizer,
    SynthesizerConfig,
    frame_mask,
    published_config,
    slice_starts,
    take_slices,
)
from infer.transformer import RelativeAttention, band_to_square, square_to_band
from infer.vocoder import sine_phase
from infer.weight_norm import NormedConv1d, NormedConvTranspose1d, held_weights

REFERENCE = Path(__file__).parents[1] / "reference"
PUBLISHED = json.loads((REFERENCE / "state_dicts.json").read_text())
GENERATORS = sorted(name for name in PUBLISHED if name.startswith("G_"))


def small(rate: str = "40k", version: str = "v2", f0: bool = True) -> SynthesizerConfig:
    return replace(
        published_config(version, rate, f0=f0),
        inter_channels=32,
        hidden_channels=32,
        filter_channels=64,
        n_layers=2,
        upsample_initial_channel=64,
        spk_embed_dim=4,
        gin_channels=64,
    )


def recipe_network(config: SynthesizerConfig) -> Synthesizer:
    """Weights of the recipe rounded to float16, as a distributed file holds them."""
    network = Synthesizer(config, posterior=False)
    made = {
        name: torch.from_numpy(parameter(name, tuple(value.shape), GENERATOR_RULES).astype(np.float16)).float()
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(made)
    return network.eval()


def drawn(name: str, *shape: int, gain: float = 1.0) -> torch.Tensor:
    return torch.from_numpy((normal(name, shape) * gain).astype(np.float16).astype(np.float32))


def convert(network: Synthesizer, pitch: Any, f0: Any, frames: int, sid: list[int], **options: Any) -> Any:
    config, rows = network.config, len(sid)
    decoded = options.get("return_length", frames)
    flowed = frames - max(options.get("skip_head", 24) - 24, 0)
    with torch.inference_mode():
        return network.infer(
            drawn("phone", rows, frames, config.phone_dim, gain=0.5),
            options.pop("lengths", torch.full((rows,), frames)),
            torch.from_numpy(pitch.astype(np.int64)) if config.f0 else None,
            torch.from_numpy(f0) if config.f0 else None,
            torch.tensor(sid),
            noise_z=drawn("noise_z", rows, config.inter_channels, flowed),
            noise_src=drawn("noise_src", rows, decoded * config.hop, 1),
            **options,
        ).numpy()


@pytest.fixture(scope="module")
def reference() -> Any:
    return np.load(REFERENCE / "synthesizer.npz")


@pytest.fixture(scope="module")
def network() -> Synthesizer:
    return recipe_network(small())


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_has_exactly_the_published_names_shapes_and_order(name: str) -> None:
    _, version, rate, kind = name.split("_")
    with torch.device("meta"):
        network = Synthesizer(published_config(version, rate, f0=kind == "f0"))
    lines = [f"{key} {'x'.join(map(str, value.shape))}" for key, value in network.state_dict().items()]
    order = [key for key, _ in network.named_parameters()]
    assert len(lines) == PUBLISHED[name]["tensors"]
    assert hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() == PUBLISHED[name]["sha256"]
    assert hashlib.sha256("\n".join(order).encode()).hexdigest() == PUBLISHED[name]["order_sha256"]


def test_a_distributed_generator_has_457_tensors() -> None:
    with torch.device("meta"):
        assert len(Synthesizer(published_config("v2", "40k"), posterior=False).state_dict()) == 457


@pytest.mark.parametrize(
    ("name", "version", "rate", "f0"),
    [
        ("v2_40k_f0", "v2", "40k", True),
        ("v2_32k_f0", "v2", "32k", True),
        ("v1_40k_f0", "v1", "40k", True),
        ("v2_40k_nof0", "v2", "40k", False),
    ],
)
def test_conversion_gives_the_reference_waveform(reference: Any, name: str, version: str, rate: str, f0: bool) -> None:
    network = recipe_network(small(rate, version, f0))
    wave = convert(network, reference["pitch"], reference["f0"], 60, [1])
    assert wave.shape == (1, 60 * network.config.hop)
    np.testing.assert_allclose(wave[0, ::4], reference[name], atol=5e-5)


def test_a_batch_of_two_lengths_gives_the_reference_waveforms(reference: Any, network: Synthesizer) -> None:
    wave = convert(network, reference["batch_pitch"], reference["batch_f0"], 60, [1, 2], lengths=torch.tensor([60, 43]))
    np.testing.assert_allclose(wave[:, ::4], reference["batch"], atol=5e-5)


def test_decoding_only_a_part_gives_the_reference_waveform(reference: Any, network: Synthesizer) -> None:
    wave = convert(network, reference["head_pitch"], reference["head_f0"], 80, [3], skip_head=40, return_length=30)
    assert wave.shape == (1, 30 * 400)
    np.testing.assert_allclose(wave[:, ::4], reference["head"], atol=5e-5)


def test_folding_the_weight_norm_changes_nothing_audible(reference: Any) -> None:
    network = recipe_network(small())
    before = convert(network, reference["pitch"], reference["f0"], 60, [1])
    after = convert(network.fold_weight_norm().fold_weight_norm(), reference["pitch"], reference["f0"], 60, [1])
    np.testing.assert_allclose(after, before, atol=2e-5)
    assert not any("weight_v" in key for key in network.state_dict())


def test_the_same_seed_gives_the_same_waveform_and_another_seed_another(network: Synthesizer) -> None:
    def wave(seed: int) -> torch.Tensor:
        with torch.inference_mode():
            return network.infer(
                torch.ones(1, 20, 768), torch.tensor([20]), torch.full((1, 20), 50), torch.full((1, 20), 120.0),
                torch.tensor([0]), generator=torch.Generator().manual_seed(seed),
            )  # fmt: skip

    assert torch.equal(wave(1), wave(1))
    assert not torch.equal(wave(1), wave(2))


def test_a_voice_with_f0_refuses_to_run_without_it(network: Synthesizer) -> None:
    with pytest.raises(ValueError, match="pitch"):
        network.infer(torch.ones(1, 4, 768), torch.tensor([4]), None, None, torch.tensor([0]))


def test_the_flow_is_undone_by_its_reverse() -> None:
    network = Synthesizer(small(), posterior=False)
    for name, value in network.flow.named_parameters():
        if "post" in name:
            torch.nn.init.normal_(value, std=0.3)
    x, voice = torch.randn(2, 32, 17), torch.randn(2, 64, 1)
    mask = frame_mask(torch.tensor([17, 11]), 17, torch.float32)
    with torch.inference_mode():
        there = network.flow(x * mask, mask, voice)
        back = network.flow(there, mask, voice, reverse=True)
    assert not torch.allclose(there, x * mask)
    torch.testing.assert_close(back, x * mask, atol=1e-4, rtol=0)


@pytest.mark.parametrize("steps", [3, 11, 40])
def test_relative_attention_follows_its_definition(steps: int) -> None:
    torch.manual_seed(steps)
    attend = RelativeAttention(8, 2, 0.0)
    x = torch.randn(1, 8, steps)
    with torch.no_grad():
        q, k, v = (conv(x)[0].T.reshape(steps, 2, 4) for conv in (attend.conv_q, attend.conv_k, attend.conv_v))
        out = torch.zeros(steps, 2, 4)
        for head in range(2):
            for i in range(steps):
                offsets = [j - i + 10 if abs(j - i) <= 10 else None for j in range(steps)]
                keys = [k[j, head] + (0 if o is None else attend.emb_rel_k[0, o]) for j, o in enumerate(offsets)]
                values = [v[j, head] + (0 if o is None else attend.emb_rel_v[0, o]) for j, o in enumerate(offsets)]
                weights = torch.stack([(q[i, head] @ key) / 2 for key in keys]).softmax(0)
                out[i, head] = sum(w * value for w, value in zip(weights, values, strict=True))
        expected = attend.conv_o(out.reshape(steps, 8).T[None])
        torch.testing.assert_close(attend(x, None), expected, atol=1e-5, rtol=1e-4)


def test_a_band_becomes_a_square_and_back() -> None:
    band = torch.arange(1.0, 22.0).expand(6, 21)
    square = band_to_square(band)
    assert square.shape == (6, 6)
    assert all(square[i, j] == 11 + j - i for i in range(6) for j in range(6))
    again = square_to_band(square, 10)
    inside = torch.tensor([[0 <= i + c - 10 < 6 for c in range(21)] for i in range(6)])
    assert torch.equal(again[inside], band[inside])
    assert not again[~inside].any()


def test_the_phase_stays_exact_over_ten_minutes() -> None:
    f0 = torch.full((1, 60000), 440.3)
    phase = sine_phase(f0, 400, 40000)[0].double()
    samples = torch.arange(1, 60000 * 400 + 1, dtype=torch.float64)
    exact = samples * (np.float64(np.float32(440.3)) / 40000)
    wrong = phase - exact
    assert (wrong - wrong.round()).abs().max() < 1e-4


def test_weight_norm_gives_the_weight_it_was_made_from_and_follows_the_definition() -> None:
    torch.manual_seed(0)
    for conv in (NormedConv1d(3, 5, 4), NormedConvTranspose1d(3, 5, 4)):
        torch.testing.assert_close(conv.kernel(), conv.weight_v)
        assert conv.weight_g.shape == (conv.weight_v.shape[0], 1, 1)
        with torch.no_grad():
            conv.weight_g.mul_(2)
            conv.weight_v.mul_(7)
        direction = conv.weight_v / conv.weight_v.flatten(1).norm(dim=1)[:, None, None]
        torch.testing.assert_close(conv.kernel(), conv.weight_g * direction)


def test_held_weights_are_given_back_after_use() -> None:
    conv = NormedConv1d(2, 2, 3)
    with held_weights(conv):
        held = conv.kernel()
        assert not held.requires_grad
        assert conv.kernel() is held
    assert conv.kernel().requires_grad


def test_slices_start_where_the_draw_says_and_always_fit() -> None:
    draws = torch.tensor([0.06329245, 0.5019244, 0.0, 0.99999])
    lengths = torch.tensor([62, 46, 32, 32])
    assert slice_starts(draws, lengths, 32).tolist() == [1, 7, 0, 0]
    x = torch.arange(20.0).reshape(2, 1, 10)
    assert take_slices(x, torch.tensor([0, 7]), 3).tolist() == [[[0, 1, 2]], [[17, 18, 19]]]


def test_the_config_survives_the_list_of_18_and_the_dict() -> None:
    config = published_config("v2", "48k")
    listed = config.to_list()
    assert len(listed) == 18
    assert listed[0] == 1025
    assert listed[1] == 32
    assert listed[-3:] == [109, 256, 48000]
    assert SynthesizerConfig.from_list(listed) == config
    assert SynthesizerConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.hop == 480
    assert config.frame_rate == 100


@pytest.mark.parametrize(
    ("position", "value"),
    [(2, 10**9), (3, 193), (5, True), (12, [0, 10, 2, 2]), (12, [10] * 40), (13, 2.5), (9, "3"), (17, "40k")],
)
def test_absurd_sizes_are_refused(position: int, value: Any) -> None:
    listed = published_config("v2", "40k").to_list()
    listed[position] = value
    with pytest.raises(BadModel):
        SynthesizerConfig.from_list(listed)


@pytest.mark.parametrize("size", ["32k", "40k", "48k"])
def test_decoding_in_tiles_gives_the_samples_of_the_whole(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    config = replace(
        published_config("v2", size), inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=1,
        upsample_initial_channel=16, spk_embed_dim=2, gin_channels=4,
    )  # fmt: skip
    network = recipe_network(config).fold_weight_norm()
    frames, draws = 90, torch.Generator().manual_seed(0)
    latent, vector = torch.randn(1, 8, frames, generator=draws), torch.randn(1, 4, 1, generator=draws)
    f0, noise = torch.full((1, frames), 180.0), torch.randn(1, frames * config.hop, 1, generator=draws)
    with torch.inference_mode():
        whole = network.dec(latent, f0, vector, noise)
        monkeypatch.setattr("infer.vocoder.TILE", 200)
        torch.testing.assert_close(network.dec(latent, f0, vector, noise), whole, atol=1e-5, rtol=0)
        monkeypatch.setattr(network.dec, "reaches", tuple(0 for _ in network.dec.reaches))
        assert (network.dec(latent, f0, vector, noise) - whole).abs().max() > 1e-5
