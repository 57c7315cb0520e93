"""The clip table: every clip with its place, verdict, suggestion and scores, as Arrow.

Separate from the store because this is what the review room, the commands and the sets all look through. What is
known of a clip apart from its verdict, note and tags changes seldom and is kept as a sheet in memory; those are put
beside it at every look.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

from catalog import blames, judgement, suggestions
from catalog.errors import BadRequest
from catalog.filters import FIELDS, NAMES
from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.presence import PRESENT_SLICING, present
from catalog.records import SCORE_NAMES, Place

_PLACE = "place in the default order"


class Sheet:
    """All present clips without their verdicts and remarks, in order, kept until something about them changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mark: object = None
        self._judged_mark: object = None
        self._unjudged: pa.Table | None = None
        self._table: pa.Table | None = None

    def table(self, cursor: Cursor, mark: object, judged_mark: object) -> pa.Table:
        """The sheet; it is read again when `mark` is not the one of the last look, and judged again for either."""
        with self._lock:
            if self._unjudged is None or self._mark != mark:
                self._unjudged, self._table = read(cursor), None
            if self._table is None or self._judged_mark != judged_mark:
                self._table = judgement.beside(self._unjudged, judgement.latest(cursor))
            self._mark, self._judged_mark = mark, judged_mark
            return self._table


def clip_table(
    cursor: Cursor,
    sheet: pa.Table,
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
    limit: int | None = None,
    suggested: pa.Table | None = None,
) -> pa.Table:
    """The clips of a sheet, columns as `filters.NAMES`; `where` and `sort` have been checked by the caller.

    `suggested` holds what the policy says of each (`suggestions.COLUMNS`). DuckDB only says which rows in which order;
    Arrow then picks them, which is faster than handing all columns through.
    """
    table = _with_remarks(cursor, _with_verdicts(cursor, sheet))
    suggested = suggestions.none(table.num_rows) if suggested is None else suggested
    for name in suggestions.COLUMNS:
        table = table.append_column(name, suggested[name])
    if not (where or sort):
        table = table.select(NAMES)
        return table if limit is None else table.slice(0, max(0, int(limit)))
    query = f"SELECT {quoted(_PLACE)} FROM sheet AS clips"
    if where:
        query += " WHERE " + " AND ".join(f"(\n{condition}\n)" for condition in where)
    if sort:
        query += f" ORDER BY {sort}\n, {quoted(_PLACE)}"
    if limit is not None:
        query += f" LIMIT {max(0, int(limit))}"
    cursor.register("sheet", table)
    try:
        chosen = cursor.sql(query).to_arrow_table()
    finally:
        cursor.unregister("sheet")
    return table.select(NAMES).take(chosen[_PLACE])


def read(cursor: Cursor, only: str | None = None) -> pa.Table:
    """The sheet, or its row of one clip, by speaker, path and start."""
    chosen = f"AND c.id = {literal(only)}" if only else ""
    of_clip = f"WHERE clip = {literal(only)}" if only else ""
    scores = ", ".join(f"s.{name}" for name in SCORE_NAMES)
    table = cursor.sql(f"""
        SELECT c.id, c.recording, l.path, r.speaker,
            c.start_sample / r.sample_rate AS start_s, c.end_sample / r.sample_rate AS end_s,
            (c.end_sample - c.start_sample) / r.sample_rate AS duration_s,
            c.start_sample AS "start", c.end_sample AS "end", r.sample_rate,
            coalesce(c.end_sample - c.start_sample < cut.shortest, c.short) AS short, {scores},
            {blames.PLACES} AS places,
            b.strangeness AS blame, b.reason AS blame_reason, b.decided AS {quoted(blames.DECIDED)},
            coalesce(s.duplicate_of, CASE WHEN c.id IN (
                SELECT duplicate_of FROM scoring WHERE duplicate_of IS NOT NULL
            ) THEN c.id END) AS duplicate_group
        FROM clip c
        JOIN recording r ON r.id = c.recording
        JOIN (SELECT recording, arg_max(path, seq) AS path FROM location GROUP BY recording) l
            ON l.recording = c.recording
        LEFT JOIN {PRESENT_SLICING} cut ON cut.recording = c.recording
        LEFT JOIN (
            SELECT scoring.* FROM scoring
            SEMI JOIN (SELECT max(seq) AS seq FROM scoring {of_clip} GROUP BY clip) latest USING (seq)
        ) s ON s.clip = c.id
        LEFT JOIN {blames.LATEST} b ON b.clip = c.id
        WHERE {present("c.id")} {chosen}
        ORDER BY r.speaker, l.path, c.start_sample, c.end_sample""").to_arrow_table()
    return table.append_column(_PLACE, pa.array(range(table.num_rows), pa.int32()))


def _with_verdicts(cursor: Cursor, sheet: pa.Table) -> pa.Table:
    """The sheet with the columns `verdict` and `reasons` as they are now."""
    of_clip = f"WHERE clip = {literal(sheet['id'][0].as_py())}" if sheet.num_rows == 1 else ""
    state = cursor.sql(
        "SELECT clip, arg_max(verdict, action) AS verdict, arg_max(reasons, action) AS reasons,"
        f" max(action) AS decided FROM decision {of_clip} GROUP BY clip"
    ).to_arrow_table()
    found = _rows_in(sheet, state)
    verdicts = _and_one(state["verdict"], pa.array(["undecided"], pa.string()))
    texts = pa.list_(pa.string())
    reasons = _and_one(state["reasons"].cast(texts), pa.array([[]], texts))
    if sheet["blame_reason"].null_count < sheet.num_rows:
        decided = _and_one(state["decided"], pa.array([None], pa.int64()))
        sheet = blames.unsettled(sheet, decided.take(found))
    return sheet.append_column("verdict", verdicts.take(found)).append_column("reasons", reasons.take(found))


def _with_remarks(cursor: Cursor, sheet: pa.Table) -> pa.Table:
    """The sheet with the columns `note` and `tags` as they are now."""
    state = cursor.sql(
        "SELECT clip, arg_max(note, action) AS note, arg_max(tags, action) AS tags FROM remark GROUP BY clip"
    ).to_arrow_table()
    if not state.num_rows:
        notes = pa.repeat(pa.scalar("", pa.string()), sheet.num_rows)
        return sheet.append_column("note", notes).append_column("tags", _no_texts(sheet.num_rows))
    found = _rows_in(sheet, state)
    notes = _and_one(state["note"], pa.array([""], pa.string()))
    texts = pa.list_(pa.string())
    tags = _and_one(state["tags"].cast(texts), pa.array([[]], texts))
    return sheet.append_column("note", notes.take(found)).append_column("tags", tags.take(found))


def _rows_in(sheet: pa.Table, state: pa.Table) -> pa.ChunkedArray:
    """For each clip of the sheet its row in `state`, or the row after the last where it has none."""
    # Half as dear to import as all of pyarrow, and the first screen of the app needs none of it.
    import pyarrow.compute as pc

    return pc.fill_null(pc.index_in(sheet["id"], value_set=state["clip"].combine_chunks()), state.num_rows)


def _no_texts(rows: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0] * (rows + 1), pa.int32()), pa.array([], pa.string()))


def _and_one(column: pa.ChunkedArray, more: pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array([*column.chunks, more], type=more.type)


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The clips of a table as the commands list them: scores under `scores`, plus `start`, `end`, `sample_rate`."""
    scores = set(SCORE_NAMES)
    return [
        {
            **{name: value for name, value in row.items() if name not in scores},
            "scores": {name: row[name] for name in SCORE_NAMES},
            "places": places(row["places"]),
        }
        for row in table.to_pylist()
    ]


def places(text: str | None) -> dict[str, Place]:
    """The column `places` of a clip: for each score that can say so the seconds of the clip where it is worst.

    Under `blame` the place that a training points at.
    """
    return {name: (start, end) for name, (start, end) in json.loads(text or "{}").items()}


def find(cursor: Cursor, clip: str) -> str:
    """The full id of the clip with this id or unique beginning of one; raises BadRequest."""
    found = rows_of(cursor, "SELECT id FROM clip WHERE starts_with(id, ?) LIMIT 2", [clip]) if clip else []
    if len(found) != 1:
        raise BadRequest(f"There is {'more than one' if found else 'no'} clip with the id {clip or '(empty)'}.")
    return str(found[0][0])


def quoted(name: str) -> str:
    """A name as SQL reads it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL reads it."""
    return "'" + text.replace("'", "''") + "'"


def empty_table() -> str:
    """The statement that makes a table `clips` with the clip table's columns, to bind expressions against."""
    return f"CREATE TABLE clips ({', '.join(f'{quoted(name)} {kind}' for name, kind in FIELDS)})"
