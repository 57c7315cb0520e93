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


@pytest.mark.parametrize("name", ["phone", "phonetic"])
@pytest.mark.parametrize("samples", [0, 399, 400, 719, 720, 16000, 31999])
def test_there_are_as_many_features_as_hubert_would_give(samples: int, name: str, tmp_path: Path) -> None:
    encoder = load_encoder(name, tmp_path)
    assert encoder.encode(chatter(2)[:samples]).shape == (max(0, (samples - 400) // 320 + 1), encoder.dim)


def test_speech_frames_of_a_recording_are_brought_to_mean_zero_and_spread_one(tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    audio = chatter(4)
    statistics = encoder.measure(audio)
    assert statistics is not None
    found = encoder.encode(audio, statistics)
    assert np.abs(found).mean() < 2
    assert np.allclose(encoder.encode(audio), found, atol=1e-4)


def test_a_part_with_the_statistics_of_the_whole_gives_the_features_of_the_whole(tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    audio = chatter(6)
    statistics = encoder.measure(audio)
    whole = encoder.encode(audio, statistics)
    part = encoder.encode(audio[: 320 * 200 + 80], statistics)
    assert np.allclose(part[:150], whole[:150], atol=1e-4)
    own = encoder.encode(audio[: 320 * 200 + 80])
    assert np.abs(own[:150] - whole[:150]).max() > 1e-2


def test_gain_does_not_change_what_is_said(tmp_path: Path) -> None:
    encoder = load_encoder("phone", tmp_path)
    audio = chatter(3)
    assert np.allclose(encoder.encode(audio), encoder.encode(audio * 0.25), atol=1e-2)


@pytest.mark.parametrize("name", ["phone", "phonetic"])
def test_silence_encodes_to_numbers(name: str, tmp_path: Path) -> None:
    encoder = load_encoder(name, tmp_path)
    assert np.isfinite(encoder.encode(np.zeros(RATE, np.float32))).all()


def test_an_unknown_encoder_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="did you mean contentvec"):
        load_encoder("contentvek", tmp_path)


def test_an_encoder_without_its_weights_says_what_to_pull(tmp_path: Path) -> None:
    assert CONTENT_ENCODERS["phone"].missing(tmp_path) is None
    assert "curator models pull contentvec" in str(CONTENT_ENCODERS["contentvec-256"].missing(tmp_path))
    with pytest.raises(MissingWeights, match="curator models pull contentvec"):
        load_encoder("contentvec", tmp_path)
