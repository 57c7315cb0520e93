"""Sets, runs, models and conversions as the catalogue remembers them: what came from what.

Separate from recordings and clips because these rows point at folders that other parts of the program make.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from catalog.atomic import plain
from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.recordings import next_seq, now
from catalog.records import SetClip, SetInfo

_NUMBERS = ("start_sample", "end_sample", "sample_rate")
_TEXTS = ("set_name", "clip", "recording", "recording_sha256", "speaker", "file", "sha256")


def add_set(cursor: Cursor, info: SetInfo, clips: Sequence[SetClip]) -> bool:
    """Remember a frozen set and its clips; False when it was known. BadRequest for another set of the same name."""
    known = rows_of(cursor, "SELECT id FROM frozen_set WHERE name = ?", [info.name])
    if known:
        if known[0][0] != info.id:
            raise BadRequest(f"Another set named {info.name} is already in the catalogue.")
        return False
    cursor.execute(
        "INSERT INTO frozen_set VALUES (?, ?, ?, ?, ?, ?)",
        [info.id, info.name, info.clips, info.seconds, list(info.speakers), _utc(info.created_at)],
    )
    rows = [
        {
            "set_name": info.name,
            "clip": clip.clip,
            "recording": clip.recording,
            "recording_sha256": clip.recording_sha256,
            "speaker": clip.speaker,
            "start_sample": clip.start,
            "end_sample": clip.end,
            "sample_rate": clip.sample_rate,
            "file": clip.file,
            "sha256": clip.sha256,
        }
        for clip in clips
    ]
    schema = pa.schema([(name, pa.string()) for name in _TEXTS] + [(name, pa.int64()) for name in _NUMBERS])
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=schema))
    try:
        cursor.execute("INSERT INTO set_clip BY NAME SELECT * FROM incoming")
    finally:
        cursor.unregister("incoming")
    return True


def sets(cursor: Cursor) -> list[SetInfo]:
    """All frozen sets, oldest first."""
    rows = rows_of(
        cursor, "SELECT id, name, clips, seconds, speakers, created_at FROM frozen_set ORDER BY created_at, name"
    )
    return [
        SetInfo(identity, name, clips, seconds, tuple(speakers), _text(created_at))
        for identity, name, clips, seconds, speakers, created_at in rows
    ]


def add_run(cursor: Cursor, run: str, model: str, set_id: str, request: Mapping[str, Any]) -> bool:
    """Remember that a training run was started; False when it was known (a run may be resumed)."""
    if rows_of(cursor, "SELECT 1 FROM run WHERE id = ?", [run]):
        return False
    cursor.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?)", [run, model, set_id, _json(request), now()])
    return True


def end_run(cursor: Cursor, run: str, outcome: str, result: Mapping[str, Any]) -> bool:
    """Remember how a run ended; False when that very end was known. A resumed run ends again. Raises BadRequest."""
    if not rows_of(cursor, "SELECT 1 FROM run WHERE id = ?", [run]):
        raise BadRequest(f"There is no run with the id {run}.")
    text = _json(result)
    last = rows_of(cursor, "SELECT outcome, result FROM run_end WHERE run = ? ORDER BY seq DESC LIMIT 1", [run])
    if last == [(outcome, text)]:
        return False
    cursor.execute(
        "INSERT INTO run_end VALUES (?, ?, ?, ?, ?)", [next_seq(cursor, "run_end"), run, outcome, text, now()]
    )
    return True


def runs(cursor: Cursor) -> list[dict[str, Any]]:
    """All runs, oldest first; `outcome` is None while the catalogue knows of no end."""
    rows = rows_of(
        cursor,
        """
        SELECT run.id, run.model, run.set_id, frozen_set.name, run.request, run.started_at, e.outcome, e.result,
            e.ended_at
        FROM run
        LEFT JOIN frozen_set ON frozen_set.id = run.set_id
        LEFT JOIN (
            SELECT run, arg_max(outcome, seq) AS outcome, arg_max(result, seq) AS result, max(ended_at) AS ended_at
            FROM run_end GROUP BY run
        ) e ON e.run = run.id
        QUALIFY row_number() OVER (PARTITION BY run.id ORDER BY frozen_set.created_at) = 1
        ORDER BY run.started_at, run.id
        """,
    )
    names = ("id", "model", "set_id", "set", "request", "started_at", "outcome", "result", "ended_at")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for run in found:
        run["request"] = json.loads(run["request"])
        run["result"] = json.loads(run["result"]) if run["result"] else None
        run["started_at"] = _text(run["started_at"])
        run["ended_at"] = _text(run["ended_at"]) if run["ended_at"] else None
    return found


def add_model(cursor: Cursor, card: Mapping[str, Any]) -> bool:
    """Remember a published model by its card; False when this very model was known."""
    name, identity = str(card["name"]), str(card["id"])
    last = rows_of(cursor, "SELECT id FROM model WHERE name = ? ORDER BY seq DESC LIMIT 1", [name])
    if last == [(identity,)]:
        return False
    run = (card.get("run") or {}).get("id")
    cursor.execute(
        "INSERT INTO model VALUES (?, ?, ?, ?, ?, ?)",
        [next_seq(cursor, "model"), name, identity, run, _json(card), now()],
    )
    return True


def models(cursor: Cursor) -> list[dict[str, Any]]:
    """The cards of all models the catalogue has seen, latest of each name, whether or not they are still there."""
    rows = rows_of(cursor, "SELECT arg_max(card, seq) FROM model GROUP BY name ORDER BY name")
    return [json.loads(card) for (card,) in rows]


def add_conversion(cursor: Cursor, record: Mapping[str, Any]) -> bool:
    """Remember a converted file (`id` and `model` are needed); False when it was known."""
    identity = str(record["id"])
    if rows_of(cursor, "SELECT 1 FROM conversion WHERE id = ?", [identity]):
        return False
    model_id = record.get("model_id")
    cursor.execute(
        "INSERT INTO conversion VALUES (?, ?, ?, ?, ?)",
        [identity, str(record["model"]), model_id, _json(record), now()],
    )
    return True


def conversions(cursor: Cursor) -> list[dict[str, Any]]:
    """All conversions, oldest first, as they were recorded, with `converted_at`."""
    rows = rows_of(cursor, "SELECT record, converted_at FROM conversion ORDER BY converted_at, id")
    return [{**json.loads(record), "converted_at": _text(at)} for record, at in rows]


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(dict(document), sort_keys=True, ensure_ascii=False, default=plain)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
