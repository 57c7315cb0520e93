"""Which files a person means who names files, folders and patterns.

Separate because the command line and the app understand them alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog import audio


def recordings_of(inputs: Sequence[Path]) -> Iterator[Path]:
    """The files meant by inputs: a folder's recordings, what a pattern that no shell has expanded matches, or the path
    itself, which the conversion says is missing when it is."""
    for path in inputs:
        if path.is_dir():
            yield from audio.find_audio([path])
        elif not path.exists() and any(sign in path.name for sign in "*?["):
            yield from sorted(path.parent.glob(path.name)) or [path]
        else:
            yield path
