"""Hands edited clips to the scoring process, one order at a time, and gives back their scores.

Separate from the room because it owns a process: started with the first edit, ended with the app.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from catalog.errors import CuratorError
from catalog.records import Scoring
from catalog.store import Store
from curator.executor import ONE_THREAD
from curator.rescoring import READY, Order, order_for

TWICE_DEAD = "The edited clip could not be scored: the scoring process ended twice. `curator rescore` tries again."


class ScoringDesk:
    """Scores clips in the order in which they are handed in; clips that gave way meanwhile are passed over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring desk")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._dropped: set[str] = set()
        self._closed = False

    def submit(self, clips: Sequence[str]) -> Future[list[Scoring]]:
        """Ask for the scores of some clips of one recording; the future gives them, or CuratorError."""
        self._dropped.difference_update(clips)
        return self._thread.submit(partial(self._score, tuple(clips)))

    def drop(self, clips: Sequence[str]) -> None:
        """Do not score these after all."""
        self._dropped.update(clips)

    def close(self) -> None:
        """End the process; what it had in hand is scored when the library is opened again."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            _end(process)
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _score(self, ids: tuple[str, ...]) -> list[Scoring]:
        if self._closed:
            return []
        order = order_for(self._store, [identity for identity in ids if identity not in self._dropped])
        return self._ask(order) if order is not None else []

    def _ask(self, order: Order) -> list[Scoring]:
        """One order; a process that died is started again once."""
        for _ in range(2):
            process = self._started()
            if process is None:
                return []
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                pickle.dump(order, process.stdin)
                process.stdin.flush()
                answer: list[Scoring] | str = pickle.load(process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError):
                with self._lock:
                    self._process = None
                _end(process)
                continue
            if isinstance(answer, str):
                raise CuratorError(answer)
            return answer
        if self._closed:
            return []
        raise CuratorError(TWICE_DEAD)

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._closed:
                return None
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "curator.rescoring"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, **ONE_THREAD},
                    start_new_session=True,
                )
                assert self._process.stdout is not None
                # A process that could not start closes its pipe, which the order then meets.
                self._process.stdout.read(len(READY))
            return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue
