"""The one writer keeps the order of what it is handed."""

from __future__ import annotations

import random
import time

import pytest

from curator.tui.writer import Writer


async def test_work_is_done_in_the_order_it_was_handed_in() -> None:
    writer, done = Writer(), []
    rng = random.Random(1)

    def work(number: int) -> int:
        time.sleep(rng.random() / 2000)
        done.append(number)
        return number

    futures = [writer.submit(lambda n=n: work(n)) for n in range(150)]
    assert [await future for future in futures] == list(range(150))
    assert done == list(range(150))
    assert writer.waiting == 0
    writer.close()


async def test_an_error_reaches_the_one_who_asked_and_the_rest_goes_on() -> None:
    writer = Writer()

    def fail() -> None:
        raise ValueError("no")

    failed, fine = writer.submit(fail), writer.submit(lambda: 7)
    with pytest.raises(ValueError, match="no"):
        await failed
    assert await fine == 7
    writer.close()


async def test_closing_finishes_what_was_handed_in() -> None:
    writer, done = Writer(), []
    for n in range(20):
        writer.submit(lambda n=n: done.append(n))
    writer.close()
    assert done == list(range(20))
