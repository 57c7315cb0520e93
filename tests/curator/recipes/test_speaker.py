from __future__ import annotations

import numpy as np
import pytest

from curator.recipes import speaker as recipe
from infer import speaker_network as network


@pytest.fixture
def voices() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    lines = random.uniform(-3, 0, (6, network.BANDS))
    return [(10 ** (line + 0.2 * random.normal(size=(260, network.BANDS)))).astype(np.float32) for line in lines]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "CHANNELS", 16)
    monkeypatch.setattr(recipe, "BATCH", 8)


def test_the_pupil_learns_where_the_teacher_puts_each_voice(voices, small) -> None:
    wanted = recipe.targets(np.random.default_rng(1).uniform(0, 1, (6, 256)).astype(np.float32))
    wanted = np.pad(wanted, ((0, 0), (0, network.SIZE - wanted.shape[1])))
    weights = recipe.train(voices, wanted.astype(np.float32), voices[:1], 30, seed=1)
    read = {name: value.astype(np.float32) for name, value in weights.items()}
    found = np.stack([network.pooled(network.frames_of(network.levels(voice), read), read) for voice in voices])
    assert (found @ wanted.T).argmax(axis=1).tolist() == list(range(6))
    assert sum(value.nbytes for value in weights.values()) < 100_000


def test_the_network_in_numpy_is_the_one_that_was_trained(voices, small) -> None:
    import torch

    torch.manual_seed(3)
    pupil = recipe._pupil().eval()
    levels = network.levels(voices[0])
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(pupil(torch.from_numpy(levels[None])), dim=1)[0].numpy()
    read = {name: value.astype(np.float32) for name, value in recipe._folded(pupil).items()}
    np.testing.assert_allclose(network.pooled(network.frames_of(levels, read), read), expected, atol=2e-3)


def test_wear_keeps_the_shape_and_makes_no_nonsense(voices) -> None:
    random = np.random.default_rng(2)
    for _ in range(50):
        worn = recipe.worn(random, recipe.passage(random, voices[0], 128), voices[1:])
        assert worn.shape == (128, network.BANDS)
        assert np.isfinite(worn).all()
        assert (worn >= 0).all()
