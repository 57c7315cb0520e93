from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadRequest, MissingWeights
from infer.content import CONTENT_ENCODERS, load_encoder

RATE = 16000


def chatter(seconds: float, seed: int = 0) -> np.ndarray:
    """Bursts of filtered noise with pauses: something with frames that differ."""
    draws = np.random.default_rng(seed)
    audio = 0.1 * draws.standard_normal(int(seconds * RATE))
    steps = np.repeat(draws.choice([0.001, 0.3, 1.0], int(seconds * 5) + 1), RATE // 5)[: len(audio)]
    return (audio * steps).astype(np.float32)


@pytest.mark.parametrize("samples", [400, 719, 720, 16000, 31999])
def test_there_are_as_many_features_as_hubert_would_give(samples: int, tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    assert encoder.encode(chatter(2)[:samples]).shape == ((samples - 400) // 320 + 1, encoder.dim)


def test_a_part_with_the_loudness_of_the_whole_gives_the_features_of_the_whole(tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    audio = np.concatenate([0.02 * chatter(3), chatter(3, seed=1)])
    statistics = encoder.measure(audio)
    assert statistics is not None
    whole = encoder.encode(audio, statistics)
    assert np.allclose(encoder.encode(audio), whole, atol=1e-4)
    part = encoder.encode(audio[: 320 * 140 + 80], statistics)
    assert np.allclose(part[:100], whole[:100], atol=1e-4)
    own = encoder.encode(audio[: 320 * 140 + 80])
    assert np.abs(own[:100] - whole[:100]).max() > 1e-2


def test_features_are_not_normalised_by_recording(tmp_path: Path) -> None:
    """A mean and a spread of its own would tell one recording from another."""
    encoder = load_encoder("phone", tmp_path)
    one, other = chatter(3), chatter(3, seed=1)
    both = np.concatenate([one, other])
    loudness = encoder.measure(both)
    assert np.allclose(encoder.encode(one, loudness)[:100], encoder.encode(both, loudness)[:100], atol=1e-4)
    assert np.abs(encoder.encode(one).mean(0) - encoder.encode(other).mean(0)).max() > 0.01


def test_gain_does_not_change_what_is_said(tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    audio = chatter(3)
    assert np.allclose(encoder.encode(audio), encoder.encode(audio * 0.25), atol=1e-2)


def test_silence_encodes_to_numbers(tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    assert np.isfinite(encoder.encode(np.zeros(RATE, np.float32))).all()


def test_an_unknown_encoder_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="did you mean contentvec"):
        load_encoder("contentvek", tmp_path)


def test_an_encoder_without_its_weights_says_what_to_pull(tmp_path: Path) -> None:
    assert CONTENT_ENCODERS["phone"].missing(tmp_path) is None
    assert "curator models pull contentvec" in str(CONTENT_ENCODERS["contentvec-256"].missing(tmp_path))
    with pytest.raises(MissingWeights, match="curator models pull contentvec"):
        load_encoder("contentvec", tmp_path)
