"""Holding the catalogue's file only while there is work, and waiting for it in turn with other processes.

Separate from the store so that the waiting, the letting go and the counting of users can be read on one page. DuckDB
lets one process hold a file, even against readers; a process that waits leaves a note, and a holder that sees the note
lets go as soon as its work at hand is done.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from catalog.errors import LibraryLocked

NOTE_FRESH_S = 2.0
GIVE_WAY_S = 0.3
RETRY_S = 0.02


class Cursor(Protocol):
    """The part of a database cursor that the catalogue uses."""

    def execute(self, query: str, parameters: Any = ..., /) -> Any:
        """Run one statement."""

    def fetchall(self) -> list[Any]:
        """All rows of the last statement."""

    def register(self, view_name: str, python_object: Any, /) -> Any:
        """Make an Arrow table known under a name."""

    def unregister(self, view_name: str, /) -> Any:
        """Forget that name."""

    def sql(self, query: str, /) -> Any:
        """A relation, for results as Arrow."""

    def close(self) -> None:
        """Let the cursor go."""


class Connection(Protocol):
    """An open database."""

    def cursor(self) -> Any:
        """A new cursor."""

    def close(self) -> None:
        """Let the file go."""


class Busy(Exception):
    """Another process holds the file now; the argument says which, for people."""


class Hold:
    """One process's hold on the file: opened by the first user, let go when the last has been gone for `idle_s`."""

    def __init__(self, path: Path, connect: Callable[[], Connection], *, wait_s: float, idle_s: float) -> None:
        self._path = path
        self._connect = connect
        self._wait_s = wait_s
        self._idle_s = idle_s
        self._note = path.with_suffix(".wanted")
        self._changed = threading.Condition()
        self._connection: Connection | None = None
        self._users = 0
        self._idle_since = 0.0
        self._gave_way_at = -1e9
        self._left_as: tuple[int, ...] | None = None
        self._generation = 0
        self._watched = False
        self._writing = threading.RLock()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Cursor]:
        """A cursor of its own for one piece of reading."""
        connection = self._enter()
        try:
            cursor = connection.cursor()
            try:
                yield cursor
            finally:
                cursor.close()
        finally:
            self._leave()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Cursor]:
        """A cursor inside one transaction: committed on a clean exit, rolled back otherwise. One writer at a time."""
        with self._writing, self.reading() as cursor:
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def close(self, patience_s: float | None = None) -> None:
        """Let the file go once the present users are done, or after `patience_s` whether they are or not."""
        with self._changed:
            self._changed.wait_for(lambda: self._users == 0, patience_s)
            self._let_go()
            self._changed.notify_all()

    def generation(self) -> int:
        """A number that grows when another process may have changed the file; looks at the file, never opens it."""
        with self._changed:
            if self._connection is None:
                self._notice(_stamp(self._path))
            return self._generation

    @property
    def held(self) -> bool:
        """Whether this process holds the file now."""
        return self._connection is not None

    def _enter(self) -> Connection:
        with self._changed:
            if self._connection is None:
                self._connection = self._open()
                if not self._watched:
                    self._watched = True
                    threading.Thread(target=self._watch, name="catalogue idle", daemon=True).start()
            self._users += 1
            return self._connection

    def _leave(self) -> None:
        with self._changed:
            self._users -= 1
            if self._users == 0:
                self._idle_since = time.monotonic()
                if _is_fresh(self._note):
                    self._let_go()
                    self._gave_way_at = time.monotonic()
            self._changed.notify_all()

    def _watch(self) -> None:
        """Close the file when it has been idle long enough; lives as long as the file is open."""
        with self._changed:
            while self._connection is not None:
                if self._users:
                    self._changed.wait()
                    continue
                left = self._idle_since + self._idle_s - time.monotonic()
                if left <= 0:
                    self._let_go()
                else:
                    self._changed.wait(left)
            self._watched = False

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._left_as = _stamp(self._path)

    def _open(self) -> Connection:
        """Connect, waiting for other processes for at most `wait_s`."""
        self._give_way()
        deadline = time.monotonic() + self._wait_s
        waited = False
        try:
            while True:
                before = _stamp(self._path)
                try:
                    connection = self._connect()
                except Busy as busy:
                    if time.monotonic() >= deadline:
                        raise LibraryLocked(self._locked(str(busy))) from busy
                    waited = True
                    _leave_note(self._note)
                    time.sleep(RETRY_S * (1 + random.random()))
                else:
                    self._notice(before)
                    self._notice(_stamp(self._path))
                    return connection
        finally:
            if waited:
                with contextlib.suppress(OSError):
                    self._note.unlink(missing_ok=True)

    def _give_way(self) -> None:
        """After letting go for somebody who waits, let them in before asking again."""
        until = self._gave_way_at + GIVE_WAY_S
        while time.monotonic() < until and _is_fresh(self._note):
            time.sleep(RETRY_S)

    def _locked(self, holder: str) -> str:
        return (
            f"The library {self._path.parent} is in use by {holder}, which did not let it go within"
            f" {self._wait_s:g} s. Close that program or try again."
        )

    def _notice(self, stamp: tuple[int, ...]) -> None:
        if stamp != self._left_as:
            if self._left_as is not None:
                self._generation += 1
            self._left_as = stamp


def _stamp(path: Path) -> tuple[int, ...]:
    """What shows from outside that the file or its write-ahead log has changed."""
    marks: list[int] = []
    for file in (path, path.with_name(path.name + ".wal")):
        try:
            stat = file.stat()
            marks += [stat.st_mtime_ns, stat.st_size, stat.st_ino]
        except OSError:
            marks += [0, 0, 0]
    return tuple(marks)


def _is_fresh(note: Path) -> bool:
    try:
        return time.time() - note.stat().st_mtime < NOTE_FRESH_S
    except OSError:
        return False


def _leave_note(note: Path) -> None:
    with contextlib.suppress(OSError):
        note.touch()


def rows_of(cursor: Cursor, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement and fetch everything, so that no result stays open."""
    return list(cursor.execute(query, list(parameters)).fetchall())
