from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from catalog.errors import BadRequest
from infer import live_device
from infer.live_device import Between, converse, open_device


class Half:
    """Speaks at half the level, at once."""

    block, reserve = 480, 0

    def __init__(self, blocks: int) -> None:
        self.done = threading.Event()
        self._left = blocks

    def process(self, block: Any) -> Any:
        self._left -= 1
        if not self._left:
            self.done.set()
        return block / 2


def test_what_goes_in_comes_out_in_order_after_silence() -> None:
    between = Between(4)
    given = []
    for start in range(0, 12, 3):
        given.append(between.exchange(np.arange(start, start + 3, dtype=np.float32) + 1))
        while not between.blocks.empty():
            between.say(between.blocks.get() * 10)
    assert np.concatenate(given).tolist() == [0, 0, 0, 0, 0, 0, 10, 20, 30, 40, 50, 60]
    assert between.gaps == 0


def test_a_voice_that_is_late_is_heard_as_a_gap_and_counted() -> None:
    between = Between(2)
    between.exchange(np.ones(2, np.float32))
    between.say(between.blocks.get())
    assert between.exchange(np.ones(2, np.float32)).tolist() == [1, 1]
    assert between.exchange(np.ones(2, np.float32)).tolist() == [0, 0]
    assert between.gaps == 1


def test_a_reserve_lets_a_block_be_later_than_the_first_without_a_gap() -> None:
    between = Between(4, reserve=2)
    given = [between.exchange(np.full(2, 1, np.float32)), between.exchange(np.full(2, 2, np.float32))]
    between.say(between.blocks.get())
    given += [between.exchange(np.full(2, number, np.float32)) for number in (3, 4, 5)]
    between.say(between.blocks.get())
    given.append(between.exchange(np.full(2, 6, np.float32)))
    assert np.concatenate(given).tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3]
    assert between.gaps == 0


def test_without_a_device_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    miniaudio = pytest.importorskip("miniaudio")

    def none(**_: object) -> None:
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.setattr(miniaudio, "DuplexStream", none)
    with pytest.raises(BadRequest, match="no microphone and speakers"):
        open_device()


def test_a_device_is_served_until_the_time_is_over() -> None:
    pytest.importorskip("miniaudio")
    voice = Half(5)
    converse(voice, open_device(["NULL"]), seconds=1.0)  # type: ignore[arg-type]
    assert voice.done.is_set()
    assert live_device.RATE == 48000
