"""Scores in the catalogue: appended pass by pass, a score that a pass does not mention keeping its last value.

Separate from the recordings because scores come again and again to clips that are known, and with them what is kept
for comparing clips with each other: the features of a clip, bytes that only the family of scores that made them reads.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.clips import literal
from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.names import nearest
from catalog.presence import present
from catalog.recordings import next_seq, now
from catalog.records import SCORE_NAMES, Scoring

_TEXTS = ("clip", "versions", "places", "duplicate_of")


def add(cursor: Cursor, scorings: Sequence[Scoring], *, only_new: bool) -> int:
    """Append scorings; a score that a later scoring does not mention keeps its last value. Returns how many were added.

    With `only_new`, a clip that was scored with the same versions is passed over.
    """
    if not scorings:
        return 0
    known = last(cursor, [scoring.clip for scoring in scorings])
    rows = []
    for scoring in scorings:
        before = known.get(scoring.clip, {})
        versions = {**json.loads(before.get("versions", "{}")), **scoring.versions}
        row = {
            **before,
            **_checked(scoring),
            "clip": scoring.clip,
            "versions": json.dumps(versions, sort_keys=True),
            "places": _places(scoring, before.get("places")),
        }
        if not (only_new and before and before["versions"] == row["versions"]):
            rows.append(row)
    if not rows:
        return 0
    names = dict.fromkeys([*_TEXTS, *SCORE_NAMES])
    schema = pa.schema([(name, pa.string() if name in _TEXTS else pa.float64()) for name in names])
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=schema))
    try:
        first = next_seq(cursor, "scoring")
        cursor.execute(
            "INSERT INTO scoring BY NAME SELECT ? + row_number() OVER () - 1 AS seq, ?::TIMESTAMP AS scored_at, *"
            " FROM incoming",
            [first, now()],
        )
    finally:
        cursor.unregister("incoming")
    appended = {row["clip"] for row in rows}
    _add_features(cursor, [scoring for scoring in scorings if scoring.clip in appended])
    return len(rows)


def features(cursor: Cursor, name: str, version: int, speaker: str | None = None) -> pa.Table:
    """What a family of scores kept of every present clip: `clip`, `speaker`, `seq` (rising as it was kept), `data`.

    Only of this version, the latest of each clip, by path and start; of one speaker or of all.
    """
    of_speaker = "" if speaker is None else f"AND r.speaker = {literal(speaker)}"
    return cursor.sql(f"""
        SELECT f.clip, r.speaker, f.seq, f.data {_of_present(name, version)} {of_speaker}
        ORDER BY l.path, c.start_sample, c.end_sample, f.clip""").to_arrow_table()


def feature_marks(cursor: Cursor, name: str, version: int) -> dict[str, str]:
    """For each speaker a mark that changes when what `features` gives of him does; the features are not read."""
    rows = rows_of(
        cursor,
        f"SELECT r.speaker, count(*), max(f.seq), bit_xor(hash(f.clip, f.seq)) {_of_present(name, version)}"
        " GROUP BY r.speaker ORDER BY r.speaker",
    )
    return {speaker: f"{int(version)}:{count}:{seq}:{mixed}" for speaker, count, seq, mixed in rows}


def _of_present(name: str, version: int) -> str:
    return f"""
        FROM (
            SELECT * FROM feature WHERE name = {literal(name)}
            QUALIFY row_number() OVER (PARTITION BY clip ORDER BY seq DESC) = 1
        ) f
        JOIN clip c ON c.id = f.clip
        JOIN recording r ON r.id = c.recording
        JOIN (SELECT recording, arg_max(path, seq) AS path FROM location GROUP BY recording) l
            ON l.recording = c.recording
        WHERE f.version = {int(version)} AND {present("c.id")}"""


def _add_features(cursor: Cursor, scorings: Sequence[Scoring]) -> None:
    rows = [
        {"clip": scoring.clip, "name": name, "version": scoring.versions[name], "data": base64.b64decode(text)}
        for scoring in scorings
        for name, text in scoring.features.items()
    ]
    if not rows:
        return
    columns = [("clip", pa.string()), ("name", pa.string()), ("version", pa.int32()), ("data", pa.binary())]
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=pa.schema(columns)))
    try:
        first = next_seq(cursor, "feature")
        cursor.execute(
            "INSERT INTO feature BY NAME SELECT ? + row_number() OVER () - 1 AS seq, * FROM incoming", [first]
        )
    finally:
        cursor.unregister("incoming")


def compared(cursor: Cursor, name: str) -> dict[str, str]:
    """The mark with which each scope of a family was last compared."""
    return dict(
        rows_of(cursor, "SELECT scope, arg_max(mark, seq) FROM comparison WHERE name = ? GROUP BY scope", [name])
    )


def add_comparison(cursor: Cursor, name: str, marks: Mapping[str, str]) -> None:
    """Remember with which marks the scopes of a family were compared."""
    first = next_seq(cursor, "comparison")
    for number, (scope, mark) in enumerate(marks.items()):
        cursor.execute("INSERT INTO comparison VALUES (?, ?, ?, ?, ?)", [first + number, name, scope, mark, now()])


def last(cursor: Cursor, clips: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The latest scores of those of these clips that have some, with `versions` and `places` as JSON text."""
    names = ("clip", "versions", "places", *SCORE_NAMES)
    cursor.register("wanted", pa.table({"clip": pa.array(sorted(set(clips)), pa.string())}))
    try:
        rows = rows_of(
            cursor,
            f"SELECT {', '.join(names)} FROM scoring SEMI JOIN wanted USING (clip)"
            " QUALIFY row_number() OVER (PARTITION BY clip ORDER BY seq DESC) = 1",
        )
    finally:
        cursor.unregister("wanted")
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def _places(scoring: Scoring, before: str | None) -> str | None:
    """The places of a clip's scores as they are kept; those of scores that were not computed again stay."""
    wrong = [name for name, (start, end) in scoring.places.items() if not 0 <= start < end or name not in SCORE_NAMES]
    if wrong:
        raise BadRequest(f"The place {scoring.places[wrong[0]]} of the score {wrong[0]} is no range inside a clip.")
    kept = {name: place for name, place in json.loads(before or "{}").items() if name not in scoring.values}
    new = {name: [round(start, 3), round(end, 3)] for name, (start, end) in scoring.places.items()}
    return json.dumps(kept | new, sort_keys=True) if kept or new else None


def _checked(scoring: Scoring) -> dict[str, float | str | None]:
    unknown = set(scoring.values) - set(SCORE_NAMES)
    if unknown:
        raise BadRequest(f"There is no score named {sorted(unknown)[0]}{nearest(sorted(unknown)[0], SCORE_NAMES)}.")
    values: dict[str, float | str | None] = {}
    for name, value in scoring.values.items():
        if value is None or name == "duplicate_of":
            values[name] = None if value is None else str(value)
        else:
            number = float(value)
            values[name] = number if abs(number) < float("inf") else None
    return values
