"""`blame.json` in a run's folder: what the run says of every clip of its set, the strangest first.

Separate from finding it, which needs torch: whoever takes a run into the catalogue or shows it reads this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from catalog import atomic
from catalog.records import Blame

NAME = "blame.json"
VERSION = 1
WORST = 10
"""So many clips are told where all would be too many."""


def write(folder: Path, blames: Iterable[Blame]) -> None:
    """Write the file into a run's folder, whole or not at all."""
    rows = [as_row(blame) for blame in sorted(blames, key=lambda blame: -blame.strangeness)]
    atomic.write_json(folder / NAME, {"version": VERSION, "clips": rows})


def read(folder: Path) -> list[Blame]:
    """What lies in a run's folder, the strangest first; nothing where there is no file or it cannot be read."""
    try:
        document = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            return []
        return [_blame(row) for row in document["clips"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def worst(blames: Sequence[Blame]) -> list[dict[str, Any]]:
    """The strangest clips with a reason, at most `WORST`, as JSON types."""
    return [as_row(blame) for blame in blames if blame.reason][:WORST]


def as_row(blame: Blame) -> dict[str, Any]:
    """A clip as JSON types: `start_s` and `end_s` are null where no place is known."""
    start_s, end_s = (None, None) if blame.place is None else blame.place
    return {
        "clip": blame.clip,
        "strangeness": round(blame.strangeness, 3),
        "reason": blame.reason,
        "start_s": start_s,
        "end_s": end_s,
    }


def _blame(row: dict[str, Any]) -> Blame:
    place = None if row["start_s"] is None else (float(row["start_s"]), float(row["end_s"]))
    return Blame(str(row["clip"]), float(row["strangeness"]), str(row["reason"]), place)
