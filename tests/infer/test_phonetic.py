"""The encoder phonetic: what its features are made of, how much passes, and which files are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from catalog.errors import BadModel
from infer.content import load_encoder
from infer.phone_encoder import PHONES, frame_count, packaged_weights, read_card
from infer.phonetic import FILE, Phonetic, PhoneticShape, load_phonetic


@pytest.fixture(scope="module")
def phonetic() -> Phonetic:
    return load_phonetic()


def speechlike(seconds: float, seed: int = 0) -> torch.Tensor:
    """A buzz whose harmonics swell and fade each in its own time."""
    time = torch.arange(int(seconds * 16000)) / 16000
    wave = 0.002 * torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    for harmonic in range(1, 30):
        swell = 0.5 + 0.5 * torch.sin(2 * torch.pi * (0.7 + 0.13 * harmonic + 0.1 * seed) * time)
        wave += 0.1 * swell * torch.sin(2 * torch.pi * 120 * harmonic * time) / harmonic
    return wave


def copied(folder: Path) -> Path:
    """The packaged file and its card in a folder."""
    weights = packaged_weights().with_name(FILE)
    for suffix in (".safetensors", ".json"):
        shutil.copy(weights.with_suffix(suffix), folder)
    return folder / FILE


@torch.no_grad()
def test_a_frame_says_nothing_but_the_phones_in_and_around_it(phonetic: Phonetic) -> None:
    """It is the sum of one vector for every phone and place, weighed by the probabilities."""
    audio = speechlike(1.0)
    shares = phonetic.shares(phonetic.network.encode(audio))[0]
    assert shares.shape[1] == len(PHONES)
    torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))
    middle, around = 20, phonetic.shape.context
    near = shares[middle - around : middle + around + 1]
    expected = phonetic.widen.weight @ torch.einsum("kc,nck->n", near, phonetic.narrow.weight)
    torch.testing.assert_close(phonetic.encode(audio)[0, middle], expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_few_numbers_pass(phonetic: Phonetic) -> None:
    features = phonetic.encode(speechlike(10.0))[0].double()
    assert int(torch.linalg.matrix_rank(features, rtol=1e-5)) == phonetic.shape.numbers < 40


def test_blocks_give_the_values_of_the_whole(phonetic: Phonetic) -> None:
    audio = speechlike(5.0)
    torch.testing.assert_close(phonetic.encode(audio, block=37), phonetic.encode(audio), rtol=1e-3, atol=1e-3)


def test_reach_is_that_of_the_network_and_the_context(phonetic: Phonetic) -> None:
    audio, changed, middle = speechlike(6.0), speechlike(6.0), 150
    changed[middle * 320 : middle * 320 + 400] = 0.1
    moved = (phonetic.encode(audio, gain=1.0) - phonetic.encode(changed, gain=1.0)).abs().amax((0, 2)) > 0
    touched = moved.nonzero().flatten()
    assert middle - phonetic.reach - 1 <= int(touched.min())
    assert int(touched.max()) <= middle + phonetic.reach + 1


def test_parts_of_a_recording_are_only_brought_to_its_loudness(tmp_path: Path) -> None:
    encoder = load_encoder("phonetic", tmp_path)
    audio = torch.cat([speechlike(3.0), 0.05 * speechlike(3.0, seed=1)]).numpy()
    loudness = encoder.measure(audio)
    whole = encoder.encode(audio, loudness)
    assert whole.shape == (frame_count(len(audio)), encoder.dim)
    assert np.allclose(encoder.encode(audio), whole, atol=1e-4)
    assert np.allclose(encoder.encode(audio[:48000], loudness)[:100], whole[:100], atol=1e-3)
    assert np.abs(encoder.encode(audio * 0.2) - whole).mean() < 0.01
    assert np.isfinite(encoder.encode(np.zeros(16000, np.float32))).all()


def test_the_packaged_file_is_small_names_its_card_and_stands_in_for_phone(phonetic: Phonetic) -> None:
    weights = packaged_weights().with_name(FILE)
    assert weights.stat().st_size + packaged_weights().stat().st_size < 8_000_000
    card = read_card(weights)
    assert card["version"] == phonetic.version
    assert card["stands_in_for"] == read_card(packaged_weights())["version"] != phonetic.version
    assert phonetic.shape == PhoneticShape(), "the recipe makes it unless it is told otherwise"


def test_a_damaged_file_or_one_of_another_shape_is_refused(tmp_path: Path) -> None:
    weights = copied(tmp_path)
    assert load_phonetic(weights).version == read_card(weights)["version"]
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(bytes(blob))
    with pytest.raises(BadModel, match="SHA-256"):
        load_phonetic(weights)
    weights = copied(tmp_path)
    card = read_card(weights)
    for changed in ({"shape": card["shape"] | {"context": 5}}, {"network": card["network"] | {"blocks": 3}}):
        weights.with_suffix(".json").write_text(json.dumps(card | changed))
        with pytest.raises(BadModel, match="shape"):
            load_phonetic(weights)
    weights.with_suffix(".json").write_text(json.dumps({k: v for k, v in card.items() if k != "network"}))
    with pytest.raises(BadModel, match="shape"):
        load_phonetic(weights)
