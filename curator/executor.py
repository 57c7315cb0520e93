"""Running one function over many items: the seam between the work and where it runs.

Separate so that processes on this machine can be replaced by another engine (`curator.ray_executor`). A worker holds
one item at a time, so when one dies it is known which item it held.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, Protocol, TypeVar

from catalog.errors import CuratorError
from catalog.shortage import memory_out

Item = TypeVar("Item")
Value = TypeVar("Value")

_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in _LIBRARIES} | {"VECLIB_MAXIMUM_THREADS": "1"}
ATTEMPTS = 2
GIVEN_UP = f"the process that worked on it died {ATTEMPTS} times (killed, or out of memory)"
_START = threading.Lock()


@dataclass(frozen=True)
class Done(Generic[Item, Value]):
    """One item that is over: its value, or the line that says why there is none."""

    item: Item
    value: Value | None
    error: str | None = None


class Executor(Protocol):
    """Something that runs a function over items, in any order."""

    def map_unordered(
        self,
        function: Callable[[Item], Value],
        items: Sequence[Item],
        *,
        cost: Callable[[Item], float],
        stop: Callable[[], bool],
    ) -> Iterator[Done[Item, Value]]:
        """Yield each item as it is over, the costliest started first; ends early, without the rest, on `stop`."""


class LocalExecutor:
    """Worker processes on this machine, one thread each.

    A worker that dies (killed, out of memory) is replaced and its item done once more; when that worker dies too, the
    item is over with an error and the rest goes on. On `stop`, work in hand is given up.
    """

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)

    def map_unordered(
        self,
        function: Callable[[Item], Value],
        items: Sequence[Item],
        *,
        cost: Callable[[Item], float],
        stop: Callable[[], bool],
    ) -> Iterator[Done[Item, Value]]:
        """As `Executor.map_unordered`; `function` must be importable by name and items and values picklable."""
        todo: deque[Item] = deque(sorted(items, key=cost, reverse=True))
        over: queue.Queue[Done[Item, Value]] = queue.Queue()
        stopping = threading.Event()
        seats = [_Seat(function, todo, over, stopping) for _ in range(min(self.workers, len(todo)))]
        try:
            for seat in seats:
                seat.start()
            for _ in items:
                done = _next(over, seats, stop)
                if done is None:
                    return
                yield done
        finally:
            stopping.set()
            for seat in seats:
                seat.dismiss()


def _next(
    over: queue.Queue[Done[Item, Value]], seats: Sequence[_Seat], stop: Callable[[], bool]
) -> Done[Any, Any] | None:
    """The next item that is over; None when the work is to stop."""
    while True:
        if stop():
            return None
        try:
            return over.get(timeout=0.1)
        except queue.Empty:
            if not any(seat.is_alive() for seat in seats) and over.empty():
                raise RuntimeError("the worker threads ended before the work did") from None


class _Seat(threading.Thread):
    """A place for one worker process at a time: gives it items, replaces it when it dies."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        todo: deque[Any],
        over: queue.Queue[Done[Any, Any]],
        stopping: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self.function = function
        self.todo = todo
        self.over = over
        self.stopping = stopping
        self.lock = threading.Lock()
        self.process: Any = None
        self.link: Connection | None = None

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                item = self.todo.popleft()
            except IndexError:
                break
            self.over.put(self._done(item))
        self._let_go()

    def _done(self, item: Any) -> Done[Any, Any]:
        for _ in range(ATTEMPTS):
            try:
                if self.link is None:
                    self._hire()
                assert self.link is not None
                self.link.send(item)
                value, error = self.link.recv()
                return Done(item, value, error)
            except (EOFError, OSError):
                self._let_go()
                if self.stopping.is_set():
                    break
        return Done(item, None, GIVEN_UP)

    def _hire(self) -> None:
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_work, args=(self.function, there), daemon=True)
        with self.lock:
            if self.stopping.is_set():
                raise EOFError
            with _START, _environment(ONE_THREAD):
                process.start()
            self.process = process
        there.close()
        self.link = here

    def _let_go(self) -> None:
        """End the worker; only its own thread does this."""
        self._end()
        if self.process is not None:
            self.process.join(timeout=5)
        if self.link is not None:
            self.link.close()
        self.process = self.link = None

    def _end(self) -> None:
        with self.lock:
            if self.process is not None and self.process.is_alive():
                self.process.terminate()

    def dismiss(self) -> None:
        """End the worker from outside, whatever it is doing; the thread then ends by itself."""
        self._end()
        if self.ident is not None:
            self.join(timeout=10)


def _work(function: Callable[[Any], Any], link: Connection) -> None:
    """The life of a worker: an item in, a value or an error line out, until the link closes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            item = link.recv()
        except EOFError:
            return
        try:
            link.send(attempt(function, item))
        except OSError:
            return


def attempt(function: Callable[[Item], Value], item: Item) -> tuple[Value | None, str | None]:
    """The value of a function, or the line that says why there is none; what is unforeseen goes to the log in full."""
    try:
        return function(item), None
    except CuratorError as error:
        return None, str(error)
    except Exception as error:
        if memory_out(error):
            return None, "there is not enough memory to work on it"
        import traceback

        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0]
        return None, f"something unforeseen went wrong ({type(error).__name__}: {first})"


class _environment:
    """Environment variables that hold inside a `with`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.values}
        os.environ.update(self.values)

    def __exit__(self, *exception: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
