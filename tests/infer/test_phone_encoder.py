"""The embedded content encoder: frame count, blocks, loudness, its card, and what it hears."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from catalog.errors import BadModel
from infer.phone_encoder import (
    FEATURE_SIZE,
    PHONES,
    EncoderShape,
    PhoneEncoder,
    frame_count,
    frame_levels,
    level_gain,
    load_phone_encoder,
    packaged_weights,
    read_card,
    speech_frames,
)


@pytest.fixture(scope="module")
def encoder() -> PhoneEncoder:
    return load_phone_encoder()


def voiced(seconds: float, f0: float = 120.0, seed: int = 0) -> torch.Tensor:
    """A buzz with formants that move, and a little breath: enough like speech to excite every band."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(int(seconds * 16000)) / 16000
    wave = torch.zeros_like(time)
    for harmonic in range(1, 30):
        swell = 0.5 + 0.5 * torch.sin(2 * torch.pi * (0.7 + 0.13 * harmonic) * time)
        wave += swell * torch.sin(2 * torch.pi * f0 * harmonic * time) / harmonic
    return 0.1 * wave + 0.002 * torch.randn(len(time), generator=generator)


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 401, 559, 560, 719, 720, 721, 1040, 16000, 16001, 16319, 48123])
def test_frame_count_is_that_of_hubert(encoder: PhoneEncoder, samples: int) -> None:
    audio = voiced(4.0)[:samples]
    expected = (samples - 400) // 320 + 1 if samples >= 400 else 0
    assert encoder.encode(audio).shape == (1, expected, FEATURE_SIZE)
    assert encoder.posteriors(audio).shape == (1, expected, len(PHONES))
    assert speech_frames(audio).shape == (expected,)
    assert frame_count(samples) == expected


@pytest.mark.parametrize(("seconds", "block"), [(0.5, 1), (12.37, 37), (12.37, 128)])
def test_blocks_give_the_values_of_the_whole(encoder: PhoneEncoder, seconds: float, block: int) -> None:
    audio = voiced(seconds)
    whole = encoder.encode(audio, block=10_000)
    torch.testing.assert_close(encoder.encode(audio, block=block), whole, rtol=1e-4, atol=1e-4)


def test_reach_is_no_wider_than_stated(encoder: PhoneEncoder) -> None:
    audio = voiced(6.0)
    changed = audio.clone()
    middle = 150
    changed[middle * 320 : middle * 320 + 400] = 0.1 * torch.randn(400, generator=torch.Generator().manual_seed(1))
    mel, other = encoder.front(audio[None]), encoder.front(changed[None])
    moved = (encoder.features(mel) - encoder.features(other)).abs().amax((0, 2)) > 0
    touched = moved.nonzero().flatten()
    assert int(touched.min()) >= middle - encoder.shape.reach - 1
    assert int(touched.max()) <= middle + encoder.shape.reach + 1


def test_a_batch_equals_its_rows(encoder: PhoneEncoder) -> None:
    first, second = voiced(2.0), 0.3 * voiced(2.0, f0=210.0, seed=3)
    both = encoder.encode(torch.stack([first, second]))
    torch.testing.assert_close(both[0], encoder.encode(first)[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both[1], encoder.encode(second)[0], rtol=1e-4, atol=1e-4)


def test_loudness_does_not_change_the_content(encoder: PhoneEncoder) -> None:
    audio = voiced(2.0)
    torch.testing.assert_close(encoder.encode(audio * 0.1), encoder.encode(audio), rtol=1e-3, atol=1e-3)


def test_silence_gives_finite_features_and_no_speech(encoder: PhoneEncoder) -> None:
    silence = torch.zeros(16000)
    assert torch.isfinite(encoder.encode(silence)).all()
    assert not speech_frames(silence).any()
    assert encoder.posteriors(silence)[0, :, -1].mean() > 0.5


def test_frame_levels_are_the_mean_power_of_each_window() -> None:
    audio = voiced(1.0)[:15999]
    expected = audio.unfold(-1, 400, 320).square().mean(-1)
    torch.testing.assert_close(frame_levels(audio), expected)


def test_a_part_with_the_gain_of_the_whole_matches_the_whole(encoder: PhoneEncoder) -> None:
    audio = torch.cat([voiced(3.0), 0.05 * voiced(3.0, seed=4)])
    start, reach = 150, encoder.shape.reach
    part = encoder.encode(audio[start * 320 :], gain=float(level_gain(audio)))
    torch.testing.assert_close(part[:, reach:], encoder.encode(audio)[:, start + reach :], rtol=1e-3, atol=1e-3)


def test_speech_frames_find_the_loud_part() -> None:
    audio = torch.cat([torch.zeros(16000), voiced(1.0), 1e-4 * torch.randn(16000)])
    mask = speech_frames(audio)
    assert mask[52:97].all()
    assert not mask[:48].any()
    assert not mask[102:].any()


def test_posteriors_are_probabilities(encoder: PhoneEncoder) -> None:
    shares = encoder.posteriors(voiced(1.0))
    torch.testing.assert_close(shares.sum(-1), torch.ones(shares.shape[:2]))
    assert (shares >= 0).all()


def test_packaged_weights_are_small_half_precision_and_named_by_their_card() -> None:
    from safetensors import safe_open

    weights = packaged_weights()
    card = read_card(weights)
    assert weights.stat().st_size <= 5_000_000
    with safe_open(weights, framework="pt") as tensors:
        assert {tensors.get_tensor(name).dtype for name in tensors.keys()} == {torch.float16}  # noqa: SIM118
    assert card["version"] == load_phone_encoder().version
    assert {"licences", "seed", "steps", "sha256", "material_minutes", "held_out_voices"} <= card.keys()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "phone_encoder.safetensors"
    blob = bytearray(packaged_weights().read_bytes())
    blob[-1] ^= 1
    copy.write_bytes(bytes(blob))
    shutil.copy(packaged_weights().with_suffix(".json"), copy.with_suffix(".json"))
    with pytest.raises(BadModel, match="SHA-256"):
        load_phone_encoder(copy)


def test_missing_or_broken_cards_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "phone_encoder.safetensors"
    shutil.copy(packaged_weights(), copy)
    with pytest.raises(BadModel, match="card"):
        load_phone_encoder(copy)
    copy.with_suffix(".json").write_text("not json")
    with pytest.raises(BadModel, match="card"):
        load_phone_encoder(copy)


def test_a_card_of_another_shape_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "phone_encoder.safetensors"
    shutil.copy(packaged_weights(), copy)
    card = read_card(packaged_weights())
    card["shape"]["width"] += 8
    copy.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(BadModel, match="shape"):
        load_phone_encoder(copy)


def test_a_toy_encoder_needs_no_weights() -> None:
    toy = PhoneEncoder(EncoderShape(mels=16, width=8, blocks=1)).eval()
    assert toy.encode(voiced(1.0)).shape == (1, 49, FEATURE_SIZE)
    assert toy.version == "untrained"
    with pytest.raises(ValueError, match="audio must be"):
        toy.encode(torch.zeros(1, 1, 16000))
