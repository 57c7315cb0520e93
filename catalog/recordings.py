"""Recordings in the catalogue: taken in whole with their clips and scores, found again, forgotten.

Separate from the store, which owns the file; these functions only speak to an open cursor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.atomic import plain
from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.presence import PRESENT_SLICING, present
from catalog.records import SCORE_NAMES, Activity, Analysis, Clip, LeftOut, Recording, Scoring

_CURRENT = """
SELECT r.id, r.sha256, l.path, r.speaker, r.sample_rate, r.channels, r.samples, r.format, r.bytes, r.parent,
    r.derivation
FROM recording r JOIN (SELECT recording, arg_max(path, seq) AS path FROM location GROUP BY recording) l
ON l.recording = r.id"""
_FACTS = tuple(each.name for each in fields(Recording))
_CLIP_COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("recording", pa.string()),
        ("start_sample", pa.int64()),
        ("end_sample", pa.int64()),
        ("short", pa.bool_()),
        ("slicer", pa.string()),
        ("supersedes", pa.string()),
    ]
)
_SCORE_COLUMNS = pa.schema(
    [
        ("clip", pa.string()),
        ("versions", pa.string()),
        ("places", pa.string()),
        *((name, pa.string() if name == "duplicate_of" else pa.float64()) for name in SCORE_NAMES),
    ]
)


@dataclass(frozen=True)
class TakenIn:
    """How many recordings and clips were new."""

    recordings: int
    clips: int


@dataclass(frozen=True)
class Forgotten:
    """What `forget` removed, and the sets whose frozen audio still holds clips of the recording."""

    recording: str
    path: str
    clips: int
    sets: tuple[str, ...]


def now() -> datetime:
    """The present as the catalogue keeps it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def next_seq(cursor: Cursor, table: str) -> int:
    """The number after the highest `seq` of a table; safe because one process writes at a time, one thread in it."""
    return int(rows_of(cursor, f"SELECT coalesce(max(seq), 0) + 1 FROM {table}")[0][0])


def take_in(cursor: Cursor, analysis: Analysis) -> TakenIn:
    """Append whatever of this analysis is not known yet."""
    recording = analysis.recording
    new = _add_recording(cursor, recording)
    seen_at(cursor, recording.id, recording.path)
    if analysis.activity:
        add_activity(cursor, recording.id, analysis.activity)
    clips = add_clips(cursor, analysis.clips, analysis.slicer)
    _add_slicing(cursor, recording.id, analysis)
    add_scorings(cursor, analysis.scorings, only_new=True)
    return TakenIn(int(new), clips)


def seen_at(cursor: Cursor, recording: str, path: str) -> bool:
    """Remember where a recording's file lies; False when that was known.

    A place that was known before counts again only when the present one is gone, so that two copies of the same bytes
    do not take turns.
    """
    places = rows_of(cursor, "SELECT path FROM location WHERE recording = ? ORDER BY seq", [recording])
    known = [place for (place,) in places]
    if known and (known[-1] == path or (path in known and Path(known[-1]).exists())):
        return False
    cursor.execute("INSERT INTO location VALUES (?, ?, ?, ?)", [next_seq(cursor, "location"), recording, path, now()])
    return True


def _add_recording(cursor: Cursor, recording: Recording) -> bool:
    known = rows_of(cursor, "SELECT sha256 FROM recording WHERE id = ?", [recording.id])
    if known:
        if known[0][0] != recording.sha256:
            raise BadRequest(f"{recording.path} has the id of another recording, {recording.id}; it was not added.")
        return False
    derivation = json.dumps(dict(recording.derivation), sort_keys=True, default=plain)
    values = [
        *(recording.id, recording.sha256, recording.speaker, recording.sample_rate, recording.channels),
        *(recording.samples, recording.format, recording.bytes, recording.parent, derivation, now()),
    ]
    cursor.execute("INSERT INTO recording VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return True


def add_activity(cursor: Cursor, recording: str, activity: Activity) -> None:
    """Append how a recording was heard, unless the same version of the code heard it before."""
    same = "SELECT 1 FROM activity WHERE recording = ? AND version = ? LIMIT 1"
    if not rows_of(cursor, same, [recording, activity.version]):
        cursor.execute(
            "INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(next_seq(cursor, "activity"), recording, activity.version, activity.vad_hop_s, activity.vad),
                *(activity.energy_hop_s, activity.energy, activity.voicing_hop_s, activity.voicing),
            ],
        )


def add_clips(cursor: Cursor, clips: Sequence[Clip], slicer: str) -> int:
    """Append the clips that are not known, as made by `slicer`; returns how many."""
    rows = [
        {
            "id": clip.id,
            "recording": clip.recording,
            "start_sample": clip.start,
            "end_sample": clip.end,
            "short": clip.short,
            "slicer": slicer,
            "supersedes": clip.supersedes,
        }
        for clip in {clip.id: clip for clip in clips}.values()
    ]
    if not rows:
        return 0
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=_CLIP_COLUMNS))
    try:
        unknown = "FROM incoming ANTI JOIN clip USING (id)"
        count = int(rows_of(cursor, f"SELECT count(*) {unknown}")[0][0])
        cursor.execute(f"INSERT INTO clip BY NAME SELECT incoming.*, ?::TIMESTAMP AS added_at {unknown}", [now()])
    finally:
        cursor.unregister("incoming")
    return count


def _add_slicing(cursor: Cursor, recording: str, analysis: Analysis) -> None:
    last = "SELECT slicer FROM slicing WHERE recording = ? ORDER BY seq DESC LIMIT 1"
    if rows_of(cursor, last, [recording]) == [(analysis.slicer,)]:
        return
    seq = next_seq(cursor, "slicing")
    cursor.execute(
        "INSERT INTO slicing (seq, recording, slicer, sliced_at, heard) VALUES (?, ?, ?, ?, ?)",
        [seq, recording, analysis.slicer, now(), analysis.activity.version if analysis.activity else None],
    )
    if analysis.left_out:
        rows = [
            {"slicing": seq, "recording": recording, "start_sample": o.start, "end_sample": o.end, "reason": o.reason}
            for o in analysis.left_out
        ]
        cursor.register("incoming", pa.Table.from_pylist(rows))
        try:
            cursor.execute("INSERT INTO left_out BY NAME SELECT * FROM incoming")
        finally:
            cursor.unregister("incoming")


def add_scorings(cursor: Cursor, scorings: Sequence[Scoring], *, only_new: bool) -> int:
    """Append scorings; a score that a later scoring does not mention keeps its last value. Returns how many were added.

    With `only_new`, a clip that was scored with the same versions is passed over.
    """
    if not scorings:
        return 0
    known = _last_scores(cursor, [scoring.clip for scoring in scorings])
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
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=_SCORE_COLUMNS))
    try:
        first = next_seq(cursor, "scoring")
        cursor.execute(
            "INSERT INTO scoring BY NAME SELECT ? + row_number() OVER () - 1 AS seq, ?::TIMESTAMP AS scored_at, *"
            " FROM incoming",
            [first, now()],
        )
    finally:
        cursor.unregister("incoming")
    return len(rows)


def _last_scores(cursor: Cursor, clips: Sequence[str]) -> dict[str, dict[str, Any]]:
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
        raise BadRequest(f"There is no score named {sorted(unknown)[0]}.")
    values: dict[str, float | str | None] = {}
    for name, value in scoring.values.items():
        if value is None or name == "duplicate_of":
            values[name] = None if value is None else str(value)
        else:
            number = float(value)
            values[name] = number if abs(number) < float("inf") else None
    return values


def recordings(cursor: Cursor) -> list[Recording]:
    """All recordings with their present place, by speaker and path."""
    return [_recording(row) for row in rows_of(cursor, f"{_CURRENT} ORDER BY r.speaker, l.path")]


def known(cursor: Cursor, sha256s: Sequence[str]) -> dict[str, Recording]:
    """Those of these hashes that are recordings of the library."""
    if not sha256s:
        return {}
    cursor.register("wanted", pa.table({"sha256": pa.array(sorted(set(sha256s)), pa.string())}))
    try:
        rows = rows_of(cursor, f"SELECT * FROM ({_CURRENT}) SEMI JOIN wanted USING (sha256)")
    finally:
        cursor.unregister("wanted")
    # USING moves nothing in a semi join: the columns stay in the order of _CURRENT.
    return {recording.sha256: recording for recording in map(_recording, rows)}


def find(cursor: Cursor, recording: str) -> Recording:
    """The recording of this id or unique beginning of one; raises BadRequest."""
    rows = rows_of(cursor, f"{_CURRENT} WHERE starts_with(r.id, ?)", [recording]) if recording else []
    if len(rows) != 1:
        many = "more than one recording" if rows else "no recording"
        raise BadRequest(f"There is {many} with the id {recording}.")
    return _recording(rows[0])


def recording_rows(cursor: Cursor) -> list[dict[str, Any]]:
    """All recordings as the commands list them, with counts of their clips."""
    rows = rows_of(
        cursor,
        f"""
        WITH state AS (SELECT clip, arg_max(verdict, action) AS verdict FROM decision GROUP BY clip),
        count_of AS (
            SELECT recording, count(*) AS clips, count_if(verdict = 'accepted') AS accepted,
                count_if(verdict = 'rejected') AS rejected, sum(end_sample - start_sample) AS samples
            FROM clip LEFT JOIN state ON state.clip = clip.id
            WHERE {present("clip.id")}
            GROUP BY recording
        )
        SELECT now.id, now.path, now.speaker, now.samples / now.sample_rate, now.sample_rate, now.channels, now.format,
            coalesce(clips, 0), coalesce(accepted, 0), coalesce(rejected, 0),
            coalesce(count_of.samples / now.sample_rate, 0)
        FROM ({_CURRENT}) now LEFT JOIN count_of ON count_of.recording = now.id ORDER BY now.speaker, now.path
        """,
    )
    names = (
        *("id", "path", "speaker", "duration_s", "sample_rate", "channels", "format"),
        *("clips", "accepted", "rejected", "seconds_clips"),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def left_out(cursor: Cursor, recording: str) -> list[LeftOut]:
    """The ranges of a recording that its slicing put in no clip, in order."""
    rows = rows_of(
        cursor,
        "SELECT start_sample, end_sample, reason FROM left_out WHERE recording = ? AND slicing ="
        f" (SELECT seq FROM {PRESENT_SLICING} cut WHERE cut.recording = ?) ORDER BY start_sample",
        [recording, recording],
    )
    return [LeftOut(*row) for row in rows]


def activity(cursor: Cursor, recording: str) -> Activity | None:
    """The latest voice-activity probabilities of a recording."""
    rows = rows_of(
        cursor,
        "SELECT version, vad_hop_s, vad, energy_hop_s, energy, coalesce(voicing_hop_s, 0), coalesce(voicing, ''::BLOB)"
        " FROM activity WHERE recording = ?"
        " ORDER BY seq DESC LIMIT 1",
        [recording],
    )
    if not rows:
        return None
    version, vad_hop_s, vad, energy_hop_s, energy, voicing_hop_s, voicing = rows[0]
    return Activity(version, vad_hop_s, bytes(vad), energy_hop_s, bytes(energy), voicing_hop_s, bytes(voicing))


def forget(cursor: Cursor, recording: str) -> Forgotten:
    """Remove a recording and everything derived from it from the catalogue: the only deletion there is."""
    found = find(cursor, recording)
    sets = rows_of(cursor, "SELECT DISTINCT set_name FROM set_clip WHERE recording = ? ORDER BY 1", [found.id])
    clips = int(rows_of(cursor, "SELECT count(*) FROM clip WHERE recording = ?", [found.id])[0][0])
    for table in ("decision", "presence", "remark", "scoring"):
        cursor.execute(f"DELETE FROM {table} WHERE clip IN (SELECT id FROM clip WHERE recording = ?)", [found.id])
    for table in ("clip", "left_out", "slicing", "activity", "location"):
        cursor.execute(f"DELETE FROM {table} WHERE recording = ?", [found.id])
    cursor.execute("DELETE FROM recording WHERE id = ?", [found.id])
    return Forgotten(found.id, found.path, clips, tuple(name for (name,) in sets))


def _recording(row: Sequence[Any]) -> Recording:
    facts = dict(zip(_FACTS, row, strict=True))
    return Recording(**{**facts, "derivation": json.loads(facts["derivation"])})
