"""The one way in which the app writes to the catalogue: a queue with a single thread behind it.

Separate because order is correctness here: an undo that overtakes the verdict it takes back would undo another one,
and a pool of threads does overtake.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Writer:
    """Runs pieces of work one after the other, in the order they were handed in."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue writer")
        self._count = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many pieces are handed in and not yet done."""
        return self._count

    def submit(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Hand in a piece of work from the event loop; the future gives its result or its error."""
        return asyncio.wrap_future(self.hand_in(work))

    def hand_in(self, work: Callable[[], Result]) -> Future[Result]:
        """Hand in a piece of work from any thread, which may wait for the future."""
        with self._lock:
            self._count += 1
        future = self._thread.submit(work)
        future.add_done_callback(lambda _: self._finished())
        return future

    def _finished(self) -> None:
        with self._lock:
            self._count -= 1

    def close(self) -> None:
        """Finish what was handed in and end the thread."""
        self._thread.shutdown(wait=True)
