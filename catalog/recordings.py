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

from catalog.atomic import plain
from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.presence import PRESENT_SLICING, present
from catalog.records import Activity, Analysis, Clip, LeftOut, Recording

_CURRENT = """
SELECT r.id, r.sha256, l.path, r.speaker, r.sample_rate, r.channels, r.samples, r.format, r.bytes, r.parent,
    r.derivation
FROM recording r JOIN (SELECT recording, arg_max(path, seq) AS path FROM location GROUP BY recording) l
ON l.recording = r.id"""
_FACTS = tuple(each.name for each in fields(Recording))


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
    stems: tuple[str, ...] = ()
    """Files that were derived from the recording."""


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
            "INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(next_seq(cursor, "activity"), recording, activity.version, activity.vad_hop_s, activity.vad),
                *(activity.energy_hop_s, activity.energy, activity.voicing_hop_s, activity.voicing),
                activity.highs,
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
    columns = [(name, pa.string()) for name in ("id", "recording", "slicer", "supersedes")]
    columns += [("start_sample", pa.int64()), ("end_sample", pa.int64()), ("short", pa.bool_())]
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=pa.schema(columns)))
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
        "SELECT version, vad_hop_s, vad, energy_hop_s, energy, coalesce(voicing_hop_s, 0), coalesce(voicing, ''::BLOB),"
        " coalesce(highs, ''::BLOB) FROM activity WHERE recording = ?"
        " ORDER BY seq DESC LIMIT 1",
        [recording],
    )
    if not rows:
        return None
    version, vad_hop_s, vad, energy_hop_s, energy, voicing_hop_s, voicing, highs = rows[0]
    return Activity(
        version, vad_hop_s, bytes(vad), energy_hop_s, bytes(energy), voicing_hop_s, bytes(voicing), bytes(highs)
    )


def forget(cursor: Cursor, recording: str) -> Forgotten:
    """Remove a recording and everything derived from it from the catalogue: the only deletion there is."""
    found = find(cursor, recording)
    stems = rows_of(cursor, f"SELECT id, path FROM ({_CURRENT}) WHERE parent = ? ORDER BY path", [found.id])
    ids = [found.id, *(stem for stem, _ in stems)]
    wanted = f"({', '.join('?' * len(ids))})"
    sets = rows_of(cursor, f"SELECT DISTINCT set_name FROM set_clip WHERE recording IN {wanted} ORDER BY 1", ids)
    clips = int(rows_of(cursor, f"SELECT count(*) FROM clip WHERE recording IN {wanted}", ids)[0][0])
    for table in ("blame", "decision", "feature", "presence", "remark", "scoring"):
        cursor.execute(f"DELETE FROM {table} WHERE clip IN (SELECT id FROM clip WHERE recording IN {wanted})", ids)
    for table in ("clip", "left_out", "slicing", "activity", "location"):
        cursor.execute(f"DELETE FROM {table} WHERE recording IN {wanted}", ids)
    cursor.execute(f"DELETE FROM recording WHERE id IN {wanted}", ids)
    names = tuple(name for (name,) in sets)
    return Forgotten(found.id, found.path, clips, names, tuple(path for _, path in stems))


def _recording(row: Sequence[Any]) -> Recording:
    facts = dict(zip(_FACTS, row, strict=True))
    return Recording(**{**facts, "derivation": json.loads(facts["derivation"])})
