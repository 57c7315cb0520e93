"""The terminal: whether there is one, and keeping it free of what libraries written in C say on their own.

Audio and decoding libraries write warnings straight to file descriptor 2, which is also where the app draws. While the
app runs, the app draws through a copy of that descriptor and the descriptor itself leads to a log file.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

STDERR = 2


@contextlib.contextmanager
def screen_to_itself(log: Path) -> Iterator[None]:
    """Let only Python's own `sys.__stderr__` reach the terminal; everything else on descriptor 2 goes to `log`."""
    original = sys.__stderr__
    if original is None or sys.platform == "win32":
        yield
        return
    original.flush()
    terminal = os.dup(STDERR)
    try:
        elsewhere = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        elsewhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(elsewhere, STDERR)
    os.close(elsewhere)
    encoding = original.encoding or "utf-8"
    screen = os.fdopen(os.dup(terminal), "w", encoding=encoding, errors="backslashreplace", newline="")
    sys.__stderr__ = screen  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stderr__ = original  # type: ignore[misc]
        with contextlib.suppress(OSError):
            screen.close()
        os.dup2(terminal, STDERR)
        os.close(terminal)


def follow_its_size() -> None:
    """Forget a size that a shell or a test runner left in the environment: it would hold the app at it for good."""
    if not os.environ.get("TEXTUAL_DRIVER"):
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)


def on_terminal() -> bool:
    """Whether there is a terminal to read keys from and to draw on, or a browser that stands for one."""
    drawn_on = sys.__stdout__ if sys.platform == "win32" else sys.__stderr__
    if os.environ.get("TEXTUAL_DRIVER"):
        return True
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, drawn_on))
