"""Holding the catalogue's file only while there is work, and waiting for it in turn with other processes.

Separate from the store so that the waiting, the letting go and the counting of users can be read on one page. DuckDB
lets one process hold a file, even against readers; a process that waits leaves a note, and a holder that sees the note
lets go as soon as its work at hand is done.
"""

from __future__ import annotations

import atexit
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
PATIENCE_AT_EXIT_S = 2.0


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
        self._forsaken = False
        self._turning = False
        """Whether a thread is opening or closing the file now, which it does without holding the lock."""
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
                with contextlib.suppress(Exception):
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def close(self, patience_s: float | None = None) -> None:
        """Let the file go once the present users are done, or after `patience_s` whether they are or not."""
        with self._changed:
            self._changed.wait_for(lambda: self._users == 0 and not self._turning, patience_s)
            self._let_go()

    def generation(self) -> int:
        """A number that grows when another process may have changed the file.

        Looks at the file and never opens it nor waits for anybody, so that a screen may ask.
        """
        with self._changed:
            if self._connection is None and not self._turning:
                self._notice(_stamp(self._path))
            return self._generation

    def forsake(self) -> None:
        """Open the file anew for the next work, since this connection can do no more."""
        with self._changed:
            self._forsaken = True
            if self._users == 0 and not self._turning:
                self._let_go()

    @property
    def held(self) -> bool:
        """Whether this process holds the file now."""
        return self._connection is not None

    def _enter(self) -> Connection:
        deadline = time.monotonic() + self._wait_s
        with self._changed:
            while self._connection is None and self._turning:
                self._changed.wait()
            if self._connection is not None:
                self._users += 1
                return self._connection
            self._turning = True
        connection = None
        try:
            connection = self._open(deadline)
            # DuckDB complains on the terminal about connections that are open when Python ends.
            atexit.register(self.close, PATIENCE_AT_EXIT_S)
        finally:
            with self._changed:
                self._turning = False
                self._connection = connection
                self._users += connection is not None
                if connection is not None and not self._watched:
                    self._watched = True
                    threading.Thread(target=self._watch, name="catalogue idle", daemon=True).start()
                self._changed.notify_all()
        return connection

    def _leave(self) -> None:
        with self._changed:
            self._users -= 1
            if self._users == 0:
                self._idle_since = time.monotonic()
                if _is_fresh(self._note):
                    self._let_go()
                    self._gave_way_at = time.monotonic()
                elif self._forsaken:
                    self._let_go()
            self._changed.notify_all()

    def _watch(self) -> None:
        """Close the file when it has been idle long enough; lives as long as the file is open."""
        with self._changed:
            while self._connection is not None:
                left = self._idle_since + self._idle_s - time.monotonic()
                if self._users:
                    self._changed.wait()
                elif left > 0:
                    self._changed.wait(left)
                else:
                    self._let_go()
            self._watched = False

    def _let_go(self) -> None:
        """Close the file; the lock is held by the caller and given up meanwhile, for closing writes to the disk."""
        connection, self._connection = self._connection, None
        self._forsaken = False
        if connection is None:
            return
        atexit.unregister(self.close)
        self._turning = True
        self._changed.release()
        try:
            connection.close()
            stamp = _stamp(self._path)
        finally:
            self._changed.acquire()
            self._turning = False
            self._changed.notify_all()
        self._left_as = stamp

    def _open(self, deadline: float) -> Connection:
        """Connect, waiting for other processes until the deadline; tries at least once."""
        self._give_way()
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
                    with self._changed:
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
