"""Hands edited clips to the scoring process, one request at a time, and gives back their scores.

Separate from the room because it owns a process: started with the first edit, ended with the app.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from catalog.errors import BadRequest, CuratorError
from catalog.records import Clip, Scoring
from catalog.store import Store
from curator.executor import ONE_THREAD
from curator.rescoring import READY, read_answer, request_line


class ScoringDesk:
    """Scores clips in the order in which they are handed in; clips that gave way meanwhile are passed over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring desk")
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._dropped: set[str] = set()
        self._closed = False

    def submit(self, clips: Sequence[str]) -> Any:
        """Ask for the scores of some clips of one recording; the future gives them (or CuratorError)."""
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
            process.kill()
            process.wait()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _score(self, ids: tuple[str, ...]) -> list[Scoring]:
        wanted = [identity for identity in ids if identity not in self._dropped]
        rows = []
        for identity in wanted:
            try:
                rows.append(self._store.clip(identity))
            except BadRequest:
                continue
        if not rows or self._closed:
            return []
        recording = self._store.recording(rows[0]["recording"])
        clips = [Clip(row["id"], recording.id, row["start"], row["end"], bool(row["short"])) for row in rows]
        line = request_line(recording, self._store.activity(recording.id), clips)
        return read_answer(self._ask(line))

    def _ask(self, line: str) -> str:
        """One request; a process that died is started again once."""
        for attempt in (1, 2):
            process = self._started()
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(line + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except (OSError, ValueError):
                answer = ""
            if answer or self._closed:
                return answer or '{"scorings": []}'
            with self._lock:
                self._process = None
            process.kill()
            process.wait()
            assert attempt
        raise CuratorError("The edited clip could not be scored: the scoring process ended twice. Its verdict stands.")

    def _started(self) -> subprocess.Popen[str]:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = _start()
            return self._process


def _start() -> subprocess.Popen[str]:
    import os

    process = subprocess.Popen(
        [sys.executable, "-m", "curator.rescoring"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ONE_THREAD},
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != READY:
        process.kill()
        process.wait()
        raise CuratorError("The edited clip could not be scored: the scoring process did not start.")
    return process
