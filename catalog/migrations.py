"""The catalogue's schema, brought up to date by numbered SQL files.

Separate so that what makes a library "newer" or "older" is in one place. Each file runs in one transaction together
with its record, followed by a checkpoint.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TypeVar

from catalog.atomic import in_words, sweep
from catalog.errors import BadRequest, LibraryTooNew
from catalog.holding import Connection, Cursor, rows_of
from catalog.library import Library

Result = TypeVar("Result")
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL
)"""


@dataclass(frozen=True)
class Migration:
    """One numbered file of the schema."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of the SQL text with plain line ends."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


def known_migrations() -> tuple[Migration, ...]:
    """All migrations of this program, in order."""
    found = []
    for file in resources.files("catalog").joinpath("schema").iterdir():
        match = re.fullmatch(r"(\d{4})_\w+\.sql", file.name)
        if match:
            found.append(Migration(int(match[1]), file.name, file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.version))


def connect(library: Library, known: tuple[Migration, ...], open_file: Callable[[Path], Connection]) -> Connection:
    """The library's catalogue, opened and brought up to date: made where there is none, copied aside before a change.

    Raises what `pending` and `open_file` do.
    """
    if not library.exists:
        _make(library, known, open_file)
    connection = open_file(library.database)
    try:
        version, missing = _with_cursor(connection, lambda cursor: pending(cursor, library.root, known))
        if missing and version:
            connection.close()
            back_up(library.database, library.backups, version)
            connection = open_file(library.database)
            version, missing = _with_cursor(connection, lambda cursor: pending(cursor, library.root, known))
        if missing:
            _with_cursor(connection, lambda cursor: apply(cursor, missing))
    except BaseException:
        connection.close()
        raise
    return connection


def _make(library: Library, known: tuple[Migration, ...], open_file: Callable[[Path], Connection]) -> None:
    """Make an empty catalogue beside its place and link it there, so that it is never found half made."""
    library.create()
    sweep(library.root)
    part = library.root / f".catalog.{os.getpid()}.{threading.get_ident()}.part.duckdb"
    try:
        with contextlib.closing(open_file(part)) as connection:
            _with_cursor(connection, lambda cursor: apply(cursor, list(known)))
        try:
            os.link(part, library.database)
        except FileExistsError:
            pass
        except OSError:
            if not library.exists:
                os.rename(part, library.database)
    finally:
        part.unlink(missing_ok=True)


def pending(cursor: Cursor, library: Path, known: tuple[Migration, ...]) -> tuple[int, list[Migration]]:
    """The version of the open catalogue (0: empty) and the migrations it still needs.

    Raises LibraryTooNew for a version this program does not know, BadRequest for a database that is no catalogue.
    """
    tables = {name for (name,) in rows_of(cursor, "SELECT table_name FROM duckdb_tables() WHERE NOT internal")}
    if "schema_migration" not in tables:
        if tables:
            raise BadRequest(f"{library / 'catalog.duckdb'} is a database, but not a catalogue of this program.")
        return 0, list(known)
    version = int(rows_of(cursor, "SELECT coalesce(max(version), 0) FROM schema_migration")[0][0])
    if version > known[-1].version:
        raise LibraryTooNew(
            f"The library {library} was written by a later version of this program (schema {version}, this one knows"
            f" {known[-1].version}). Nothing was changed; update the program to open it."
        )
    return version, [migration for migration in known if migration.version > version]


def apply(cursor: Cursor, migrations: list[Migration]) -> None:
    """Apply migrations in order, each whole or not at all."""
    for migration in migrations:
        cursor.execute("BEGIN TRANSACTION")
        try:
            cursor.execute(_RECORD)
            cursor.execute(migration.sql)
            now = datetime.now(UTC).replace(tzinfo=None)
            cursor.execute(
                "INSERT INTO schema_migration VALUES (?, ?, ?, ?)",
                [migration.version, migration.name, migration.sha256, now],
            )
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        cursor.execute("CHECKPOINT")


def back_up(database: Path, backups: Path, version: int) -> Path:
    """Copy the closed catalogue and its write-ahead log aside before its schema changes."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    copy = backups / f"catalog-schema{version}-{stamp}.duckdb"
    with in_words(f"the backup {copy}"):
        backups.mkdir(parents=True, exist_ok=True)
        shutil.copy2(database, copy)
        log = database.with_name(database.name + ".wal")
        if log.exists():
            shutil.copy2(log, copy.with_name(copy.name + ".wal"))
    return copy


def _with_cursor(connection: Connection, work: Callable[[Cursor], Result]) -> Result:
    cursor = connection.cursor()
    try:
        return work(cursor)
    finally:
        cursor.close()
