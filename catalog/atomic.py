"""Files and folders that appear whole or not at all: written beside their place, then renamed into it.

Separate because jobs, sets, models and audio all publish in this way and must fail in the same words.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from catalog.errors import BadRequest
from catalog.processes import start_mark
from catalog.shortage import disk_full

ABANDONED_AFTER_S = 3600.0
_PART = re.compile(r"\..*\.(\d+)\.[^.]+\.part")


@contextlib.contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn the operating system's refusals (disk full, no permission) into BadRequest naming `what`."""
    try:
        yield
    except OSError as error:
        if disk_full(error):
            raise BadRequest(f"The disk is full: {what} was not written. Free some space and try again.") from error
        if isinstance(error, PermissionError):
            raise BadRequest(f"No permission to write {what}.") from error
        raise


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on a clean exit it replaces `path`, otherwise it is removed.

    The temporary name keeps the suffix, since some writers choose their format by it.
    """
    handle, name = tempfile.mkstemp(prefix=_prefix(path.stem), suffix=f".part{path.suffix}", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        _flush(part)
        _give_usual_mode(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path, *, before: Callable[[], object] | None = None) -> Iterator[Path]:
    """Give a temporary folder beside `path`; on a clean exit it becomes `path`, otherwise it is removed.

    `before` runs just ahead of the rename, to move an earlier folder of the name out of the way.
    """
    sweep(path.parent)
    part = Path(tempfile.mkdtemp(prefix=_prefix(path.name), suffix=".part", dir=path.parent))
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        if before:
            before()
        os.replace(part, path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with new_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write one JSON document, whole or not at all; numpy numbers and paths become plain ones."""
    write_text(path, json.dumps(document, ensure_ascii=False, indent=1, default=plain) + "\n")


def plain(value: Any) -> Any:
    """What `json` cannot write itself: numpy scalars and arrays, paths, sets."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def flush_folder(path: Path) -> None:
    """Make a rename in this folder survive a power cut, where the system allows it."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what processes that died left half written in a folder, once it is an hour old."""
    for path in folder.glob(".*.part*"):
        match = _PART.match(path.name)
        if match and time.time() - path.lstat().st_mtime > ABANDONED_AFTER_S and start_mark(int(match[1])) is None:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _prefix(name: str) -> str:
    return f".{name[:40]}.{os.getpid()}."


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _give_usual_mode(path: Path) -> None:
    path.chmod(0o666 & ~_umask())
