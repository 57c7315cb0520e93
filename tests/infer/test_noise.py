from __future__ import annotations

import numpy as np
import pytest

from infer.noise import in_order, placed


@pytest.mark.parametrize(
    ("channels", "first", "steps"), [(1, 0, 50_000), (1, 16_383, 2), (192, 84, 300), (20_000, 3, 2)]
)
def test_a_place_has_the_same_noise_however_it_is_asked_for(channels: int, first: int, steps: int) -> None:
    whole = placed(3)(channels, first + steps + 10, 0)
    assert whole.shape == (channels, first + steps + 10)
    assert np.array_equal(placed(3)(channels, steps, first), whole[:, first : first + steps])


def test_seeds_and_channels_are_noises_of_their_own() -> None:
    assert not np.array_equal(placed(0)(1, 100, 0), placed(1)(1, 100, 0))
    assert not np.array_equal(placed(0)(2, 100, 0)[:1], placed(0)(1, 100, 0))


def test_it_is_of_unit_variance_and_a_place_says_nothing_of_the_next() -> None:
    noise = placed(0)(1, 200_000, 0)[0]
    assert np.std(noise) == pytest.approx(1, abs=0.01)
    assert abs(np.mean(noise)) < 0.01
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.01


def test_noise_in_order_goes_on_wherever_it_is_asked_for() -> None:
    asked: list[tuple[int, ...]] = []

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        asked.append(shape)
        return np.full(shape, len(asked), np.float32)

    noise = in_order(draw)
    assert noise(2, 3, 70)[0, 0] == 1
    assert noise(1, 4, 0)[0, 0] == 2
    assert asked == [(2, 3), (1, 4)]
