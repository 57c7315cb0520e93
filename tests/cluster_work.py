"""Functions that the nodes of a cluster import by name."""

from __future__ import annotations

import os
import signal
import time
import uuid
from pathlib import Path

from catalog.errors import BadAudio


def doubled(number: int) -> int:
    """Takes so many seconds."""
    time.sleep(number)
    return 2 * number


def fails(number: int) -> int:
    """For one in words, for two as a bug."""
    if number == 1:
        raise BadAudio("one.wav is not audio.")
    if number == 2:
        raise KeyError("a bug")
    return number


def dies(task: tuple[str, str]) -> str:
    """Kills its own process every time, or only the first time (a mark in the folder), or not at all."""
    folder, how = task
    mark = Path(folder) / how
    if how == "always" or (how == "once" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return how


def marks(task: tuple[str, int]) -> int:
    """Leaves a mark each time it is begun."""
    folder, number = task
    (Path(folder) / f"{number}-{uuid.uuid4().hex}").touch()
    time.sleep(1.5)
    return number
