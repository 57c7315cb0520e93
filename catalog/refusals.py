"""What DuckDB says when it cannot open a file, keep something or run an expression, in words for people.

Separate from the store so that DuckDB's wording, which may change with its version, is known in one place. Everything
here goes by the text of an error; nothing needs the database.
"""

from __future__ import annotations

import re
from pathlib import Path

from catalog.errors import BadRequest, LibraryTooNew
from catalog.holding import Busy

_HOLDER = re.compile(r"Conflicting lock is held in (.+?) \(PID (\d+)\)")
_FULL = ("no space left", "disk full", "file too large")
_TAKEN = ("could not set lock", "conflicting lock", "being used by another process", "cannot access the file")


def of_opening(database: Path, text: str, version: str) -> Exception:
    """Why a catalogue could not be opened by DuckDB `version`: Busy, LibraryTooNew or BadRequest."""
    holder = _HOLDER.search(text)
    if holder:
        return Busy(f"process {holder[2]} ({holder[1]})")
    lowered = text.lower()
    if any(sign in lowered for sign in _TAKEN):
        return Busy("another process")
    if "version number" in lowered:
        return LibraryTooNew(
            f"The catalogue {database} was written by a later DuckDB than {version}. Nothing was"
            " changed; update the program to open it."
        )
    if any(sign in lowered for sign in _FULL):
        return BadRequest(f"The disk is full: the catalogue {database} could not be opened.")
    if "permission denied" in lowered or "read-only" in lowered:
        return BadRequest(f"No permission to open the catalogue {database} for writing.")
    if "not a valid duckdb" in lowered or "corrupt" in lowered or "checksum" in lowered:
        return BadRequest(
            f"{database} is damaged or not a catalogue. A copy from before the last change of schema may lie in"
            f" {database.parent / 'backups'}."
        )
    return BadRequest(f"The catalogue {database} cannot be opened: {text.splitlines()[0]}")


def of_storing(database: Path, text: str, *, of_file: bool) -> BadRequest | None:
    """Why work on an open catalogue failed; `of_file`: the error is one of the file. None: it is one of a statement."""
    if any(sign in text.lower() for sign in _FULL):
        return BadRequest(f"The disk is full: the catalogue {database} was not changed.")
    if of_file:
        return BadRequest(f"The catalogue {database} failed: {text.splitlines()[0]}")
    return None


def of_expression(expression: str, text: str) -> BadRequest:
    """What is wrong with an expression of a person, by DuckDB's first line about it."""
    reason = text.splitlines()[0].removeprefix("Binder Error: ").removeprefix("Conversion Error: ")
    return BadRequest(f"This expression does not work: {' '.join(expression.split())[:80]} ({reason}).")
