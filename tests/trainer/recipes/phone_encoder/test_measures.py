"""The figures on content features, on features whose answer is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from trainer.recipes.phone_encoder.measures import (
    Spoken,
    converted_distance,
    distortion,
    mel_cepstra,
    nearest,
    normalised,
    path_cost,
    phone_agreement,
    sentence_contrast,
    warp,
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


def test_normalising_brings_the_speech_of_a_voice_to_mean_0_and_spread_1() -> None:
    voice = [said([1, 5, 9, 20], offset=3.0), said([3, 7, 1, 9], offset=3.0, seed=1)]
    masks = [np.arange(20) < 15, np.ones(20, bool)]
    heard = np.concatenate([s.features[m] for s, m in zip(normalised(voice, masks), masks, strict=True)])
    np.testing.assert_allclose(heard.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(heard.std(0), 1, atol=1e-3)


def test_nearest_uses_direction_not_length() -> None:
    pool = np.eye(3, dtype=np.float32)
    assert nearest(np.array([[0.0, 9.0, 1.0]], np.float32), pool, 2).tolist() == [[1, 2]]


def test_a_slower_copy_costs_nothing_and_its_path_is_monotone() -> None:
    first = said([1, 5, 9, 20], noise=0.0).features
    cost, path = path_cost(first, np.repeat(first, 2, axis=0))
    assert cost == pytest.approx(0.0, abs=1e-5)
    assert all(b[0] >= a[0] and b[1] >= a[1] for a, b in pairwise(path))


def test_the_cheapest_path_through_costs_is_found() -> None:
    cost, path = warp(np.array([[0.0, 5.0, 5.0], [5.0, 0.0, 1.0], [5.0, 5.0, 0.0]]))
    assert (cost, path) == (0.0, [(0, 0), (1, 1), (2, 2)])
    assert warp(np.array([[1.0, 3.0]])) == (2.0, [(0, 0), (0, 1)])


def test_distortion_is_in_decibels_and_free_of_pace() -> None:
    own = np.random.default_rng(0).standard_normal((12, 24)).astype(np.float32) * 3
    spoken = np.ones(12, bool)
    assert distortion(np.repeat(own, 2, axis=0), own, spoken) == pytest.approx(0.0, abs=1e-4)
    louder = own.copy()
    louder[:, 3] += 0.1
    assert distortion(louder, own, spoken) == pytest.approx(0.1 * 10 * np.sqrt(2) / np.log(10), rel=1e-3)
    far = own.copy()
    far[5] += 100
    spoken[5] = False
    assert distortion(far, own, spoken) < 1


def test_speech_assembled_from_the_same_sounds_lies_closer_than_from_others() -> None:
    cut = np.random.default_rng(1).standard_normal((40, 24)).astype(np.float32)
    query, own, pool = said([1, 5, 9]), said([1, 5, 9], seed=2), [said([9, 1, 5, 9, 5], seed=3)]

    def apart(pool: list[Spoken]) -> float:
        return converted_distance(query, pool, [cut[s.phones] for s in pool], own, cut[own.phones])

    assert apart(pool) == pytest.approx(0, abs=1e-4)
    assert apart([said([30, 12, 7], seed=3)]) > 5


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
