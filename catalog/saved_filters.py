"""Filters and orders that a person keeps under a name; appended like everything, the latest of a name counts."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.names import nearest
from catalog.recordings import next_seq, now

LONGEST_NAME = 60


@dataclass(frozen=True)
class SavedFilter:
    """A name for what `--where` and `--sort` say; either may be empty."""

    name: str
    where: str
    sort: str


def save(cursor: Cursor, saved: SavedFilter) -> None:
    """Keep a filter, in place of an earlier one of its name; raises BadRequest for a name that is none."""
    name = " ".join(saved.name.split())
    if not name or len(name) > LONGEST_NAME:
        raise BadRequest(f"A saved filter needs a name of 1 to {LONGEST_NAME} characters.")
    if not (saved.where.strip() or saved.sort.strip()):
        raise BadRequest("There is no filter and no order to save.")
    _append(cursor, SavedFilter(name, saved.where.strip(), saved.sort.strip()), removed=False)


def remove(cursor: Cursor, name: str) -> None:
    """Keep a filter no longer; raises BadRequest when there is none of that name."""
    names = [each.name for each in saved_filters(cursor)]
    if name not in names:
        raise BadRequest(f"There is no saved filter called {name}{nearest(name, names)}.")
    _append(cursor, SavedFilter(name, "", ""), removed=True)


def saved_filters(cursor: Cursor) -> list[SavedFilter]:
    """All saved filters, by name."""
    rows = rows_of(
        cursor,
        """
        SELECT name, filter, sort FROM (
            SELECT name, arg_max(filter, seq) AS filter, arg_max(sort, seq) AS sort, arg_max(removed, seq) AS removed
            FROM saved_filter GROUP BY name
        ) WHERE NOT removed ORDER BY lower(name), name
        """,
    )
    return [SavedFilter(*row) for row in rows]


def _append(cursor: Cursor, saved: SavedFilter, *, removed: bool) -> None:
    row = [next_seq(cursor, "saved_filter"), saved.name, saved.where, saved.sort, removed, now()]
    cursor.execute("INSERT INTO saved_filter VALUES (?, ?, ?, ?, ?, ?)", row)
