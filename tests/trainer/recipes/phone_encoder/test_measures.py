"""The figures on content features, on features whose answer is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from trainer.recipes.phone_encoder.measures import (
    Spoken,
    mel_cepstra,
    nearest,
    normalised,
    path_cost,
    phone_agreement,
    sentence_contrast,
    speaker_leak,
)


def said(order: list[int], offset: float = 0.0, text: str = "", seed: int = 0, noise: float = 0.05) -> Spoken:
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((40, 16))
    phones = np.repeat(np.array(order, np.int16), 5)
    features = centres[phones] + offset + noise * chance.standard_normal((len(phones), 16))
    return Spoken(features.astype(np.float32), phones, text)


def test_the_same_phones_in_another_voice_are_found() -> None:
    first, second = [said([1, 5, 9, 20])], [said([20, 9, 1, 5], seed=1)]
    assert phone_agreement(first, second) == (1.0, 1.0)


def test_noise_for_features_finds_no_more_than_chance() -> None:
    chance = np.random.default_rng(0)
    phones = chance.integers(0, 39, 2000).astype(np.int16)
    one, two = (Spoken(chance.standard_normal((2000, 16)).astype(np.float32), phones, "") for _ in range(2))
    assert phone_agreement([one], [two])[0] < 0.06


def test_normalising_removes_a_voice_that_is_an_offset() -> None:
    orders = [[1, 5, 9, 20], [3, 7, 1, 9], [5, 20, 3, 7], [9, 1, 7, 5]]
    voices = [[said(o, offset=v, seed=v * 10 + i, noise=0.5) for i, o in enumerate(orders)] for v in range(2)]
    assert speaker_leak(voices) > 0.95
    masks = [np.ones(len(s.phones), bool) for s in voices[0]]
    assert speaker_leak([normalised(v, masks) for v in voices]) < 0.7


def test_nearest_uses_direction_not_length() -> None:
    pool = np.eye(3, dtype=np.float32)
    assert nearest(np.array([[0.0, 9.0, 1.0]], np.float32), pool, 2).tolist() == [[1, 2]]


def test_a_slower_copy_costs_nothing_and_its_path_is_monotone() -> None:
    first = said([1, 5, 9, 20], noise=0.0).features
    cost, path = path_cost(first, np.repeat(first, 2, axis=0))
    assert cost == pytest.approx(0.0, abs=1e-5)
    assert all(b[0] >= a[0] and b[1] >= a[1] for a, b in pairwise(path))


def test_the_same_sentence_is_closer_than_another() -> None:
    first = [said([1, 5, 9], text="a"), said([30, 12, 7], text="b")]
    second = [said([1, 5, 9], text="a", seed=5), said([30, 12, 7], text="b", seed=6)]
    assert sentence_contrast(first, second) < 0.3
    with pytest.raises(ValueError, match="share no sentence"):
        sentence_contrast(first[:1], first[:1])


def test_cepstra_ignore_loudness() -> None:
    time = np.arange(16000) / 16000
    buzz = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 40)).astype(np.float32) * 0.1
    np.testing.assert_allclose(mel_cepstra(buzz, 40), mel_cepstra(buzz * 3, 40), atol=0.2)
