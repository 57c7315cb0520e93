from __future__ import annotations

import numpy as np
import pytest

from curator import boundaries
from curator.recipes import boundaries as recipe


def buzz(random: np.random.Generator) -> np.ndarray:
    """A made word: a vowel-like buzz of 0.2 to 0.4 s that swells and fades."""
    time = np.arange(int(recipe.RATE * random.uniform(0.2, 0.4))) / recipe.RATE
    wave = sum(np.sin(2 * np.pi * k * random.uniform(100, 200) * time) / k for k in range(1, 20))
    return np.asarray(wave * np.hanning(len(time)), np.float32)


def test_a_cut_is_inside_a_word_from_15_ms_on() -> None:
    cuts = np.array([0.99, 1.01, 1.016, 1.2, 1.284, 1.29, 1.4, 1.52, 2.0])
    found = recipe.inside(cuts, [(1.0, 1.3), (1.5, 1.8)])
    assert found.tolist() == [False, False, True, True, True, False, False, True, False]


def test_joined_words_sound_where_their_times_say() -> None:
    random = np.random.default_rng(1)
    wave, times = recipe.joined(random, [buzz(random) for _ in range(5)])
    assert len(times) >= 35
    silent = np.ones(len(wave), bool)
    for start, end in times:
        word = wave[round(start * recipe.RATE) : round(end * recipe.RATE)]
        assert np.abs(word).max() > 0
        silent[round(start * recipe.RATE) : round(end * recipe.RATE)] = False
    assert not wave[silent].any()


@pytest.mark.parametrize("seed", range(8))
def test_noise_and_rooms_of_every_kind_are_finite_and_as_long_as_asked(seed: int) -> None:
    random = np.random.default_rng(seed)
    noise = recipe.noise(random, 4000)
    assert len(noise) == 4000
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, rel=1e-3)
    wave, rate = recipe.degraded(random, np.tile(buzz(random), 3), [(0.0, 0.2)])
    assert np.isfinite(wave).all()
    assert 0 < np.abs(wave).max() <= 1.05
    assert rate in (8000, 12_000, 16_000)


def test_training_learns_to_tell_gaps_from_words_and_runs_in_numpy_as_in_torch() -> None:
    import torch

    random = np.random.default_rng(4)
    lesson = recipe.lesson(random, [buzz(random) for _ in range(5)])
    assert lesson.seen.shape == (len(lesson.inside), boundaries.INPUTS)
    weights = recipe.train([lesson], epochs=30, seed=1)
    score = boundaries.forward(lesson.seen, weights)
    assert score[lesson.inside].mean() > score[~lesson.inside].mean() + 1
    network = recipe.torch_network()
    network.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.from_numpy(lesson.seen))[:, 0].numpy(), score, atol=1e-3)
    assert "of the cuts" in recipe.judged(weights, [lesson])
