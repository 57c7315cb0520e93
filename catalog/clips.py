"""The clip table: every clip with its place, verdict, suggestion and scores, as Arrow.

Separate from the store because this one query is what the review room, the commands and the sets all look through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from catalog.errors import BadRequest
from catalog.filters import FIELDS, NAMES
from catalog.holding import Cursor, rows_of
from catalog.records import SCORE_NAMES, Rule

DEFAULT_ORDER = 'speaker, path, "start", "end"'


def clip_table(
    cursor: Cursor,
    *,
    where: Sequence[str],
    sort: str | None,
    limit: int | None,
    rules: Sequence[Rule],
    only: str | None = None,
) -> pa.Table:
    """The clips as Arrow, columns as `filters.NAMES`; `where` and `sort` have been checked by the caller."""
    query = f"SELECT {', '.join(map(quoted, NAMES))} FROM ({_select(rules, only)}) AS clips"
    if where:
        query += " WHERE " + " AND ".join(f"(\n{condition}\n)" for condition in where)
    query += f" ORDER BY {sort}\n, {DEFAULT_ORDER}" if sort else f" ORDER BY {DEFAULT_ORDER}"
    if limit is not None:
        query += f" LIMIT {max(0, int(limit))}"
    return cursor.sql(query).to_arrow_table()


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The clips of a table as the commands list them: scores under `scores`, plus `start`, `end`, `sample_rate`."""
    scores = set(SCORE_NAMES)
    return [
        {
            **{name: value for name, value in row.items() if name not in scores},
            "scores": {name: row[name] for name in SCORE_NAMES},
        }
        for row in table.to_pylist()
    ]


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


def _select(rules: Sequence[Rule], only: str | None) -> str:
    """Every clip that no other supersedes, with all columns."""
    reasons = _reasons(rules)
    chosen = f"AND c.id = {literal(only)}" if only else ""
    of_clip = f"WHERE clip = {literal(only)}" if only else ""
    scores = ", ".join(f"s.{name}" for name in SCORE_NAMES)
    return f"""
        SELECT *, {_suggestion(rules)} AS suggestion
        FROM (
            SELECT c.id, c.recording, l.path, r.speaker,
                c.start_sample / r.sample_rate AS start_s, c.end_sample / r.sample_rate AS end_s,
                (c.end_sample - c.start_sample) / r.sample_rate AS duration_s,
                c.start_sample AS "start", c.end_sample AS "end", r.sample_rate, c.short,
                coalesce(d.verdict, 'undecided') AS verdict, coalesce(d.reasons, []::VARCHAR[]) AS reasons,
                {reasons} AS suggestion_reasons, {scores}
            FROM clip c
            JOIN recording r ON r.id = c.recording
            JOIN (SELECT recording, arg_max(path, seq) AS path FROM location GROUP BY recording) l
                ON l.recording = c.recording
            LEFT JOIN (
                SELECT clip, arg_max(verdict, action) AS verdict, arg_max(reasons, action) AS reasons
                FROM decision {of_clip} GROUP BY clip
            ) d ON d.clip = c.id
            LEFT JOIN (
                SELECT scoring.* FROM scoring
                SEMI JOIN (SELECT max(seq) AS seq FROM scoring {of_clip} GROUP BY clip) latest USING (seq)
            ) s ON s.clip = c.id
            WHERE c.id NOT IN (SELECT supersedes FROM clip WHERE supersedes IS NOT NULL) {chosen}
        )"""


def _reasons(rules: Sequence[Rule]) -> str:
    parts = [
        f"CASE WHEN s.{_score(rule)} {rule.op} {float(rule.limit)!r} THEN [{literal(rule.reason)}]"
        " ELSE []::VARCHAR[] END"
        for rule in rules
    ]
    text = "[]::VARCHAR[]"
    for part in parts:
        text = f"list_concat({text}, {part})"
    return text


def _suggestion(rules: Sequence[Rule]) -> str:
    """Reject when a rule speaks against the clip, accept when none does and at least one could be asked."""
    if not rules:
        return "NULL::VARCHAR"
    asked = " OR ".join(f"{name} IS NOT NULL" for name in dict.fromkeys(_score(rule) for rule in rules))
    return f"CASE WHEN len(suggestion_reasons) > 0 THEN 'reject' WHEN {asked} THEN 'accept' END"


def _score(rule: Rule) -> str:
    if rule.score not in SCORE_NAMES or rule.op not in ("<", ">"):
        raise BadRequest(f"A rule cannot ask {rule.score} {rule.op} {rule.limit}.")
    return rule.score
