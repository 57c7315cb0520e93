"""The noise that voices are sampled with.

Separate because a join between two pieces can only be inaudible when both draw the same noise for the same moment:
here noise belongs to a place in the recording, whoever asks for it and in which order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Noise = Callable[[int, int, int], NDArray[np.float32]]
"""Channels, steps, and the place of the first step in the recording -> unit noise (channels, steps)."""
_VALUES = 1 << 14


def placed(seed: int) -> Noise:
    """Noise of one seed in which a place always has the same values, on every device; each number of channels is a
    noise of its own."""

    def block(channels: int, number: int) -> NDArray[np.float32]:
        draws = np.random.default_rng((seed, channels, number))
        return draws.standard_normal((channels, size(channels)), dtype=np.float32)

    def size(channels: int) -> int:
        return max(1, _VALUES // channels)

    def noise(channels: int, steps: int, first: int) -> NDArray[np.float32]:
        length = size(channels)
        numbers = range(first // length, (first + max(steps, 1) - 1) // length + 1)
        joined = np.concatenate([block(channels, number) for number in numbers], axis=1)
        offset = first - numbers[0] * length
        return joined[:, offset : offset + steps]

    return noise


def in_order(draw: Callable[[tuple[int, ...]], NDArray[np.float32]]) -> Noise:
    """Noise that is drawn anew each time, wherever it is for: what a stream without an end and other programs use."""
    return lambda channels, steps, first: draw((channels, steps))
