"""Blame in the catalogue: what a finished training says of the clips of its set, so that a person looks at them again.

Separate from the scores because it is about a clip as one voice learned it: it comes from a run, a later run says it
anew, and a verdict given since settles it.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.recordings import next_seq, now
from catalog.records import Blame

COLUMNS = ("blame", "blame_reason")
DECIDED = "blame decided"
"""The sheet's column with the last action at the time when a clip was blamed."""

LATEST = "(SELECT * FROM blame QUALIFY row_number() OVER (PARTITION BY clip ORDER BY seq DESC) = 1)"
"""What counts of each clip, as a table."""
PLACES = """CASE WHEN b.start_s IS NULL THEN s.places ELSE
    json_merge_patch(coalesce(s.places, '{}'), json_object('blame', [b.start_s, b.end_s]))::VARCHAR END"""
"""The places of a clip's scores, and where in it the training points; `s` is its scoring, `b` its blame."""


def add(cursor: Cursor, run: str, blames: Sequence[Blame]) -> int:
    """Append what a run says of clips, in the order given; how many were appended.

    Nothing when the run was taken in before; clips that are no longer known are passed over.
    """
    if not blames or rows_of(cursor, "SELECT 1 FROM blame WHERE run = ? LIMIT 1", [run]):
        return 0
    rows = [
        {
            "clip": blame.clip,
            "strangeness": blame.strangeness,
            "reason": blame.reason or None,
            "start_s": blame.place[0] if blame.place else None,
            "end_s": blame.place[1] if blame.place else None,
        }
        for blame in blames
    ]
    first = next_seq(cursor, "blame")
    decided = rows_of(cursor, "SELECT coalesce(max(seq), 0) FROM action")[0][0]
    texts = [(name, pa.string()) for name in ("clip", "reason")]
    schema = pa.schema(texts + [(name, pa.float64()) for name in ("strangeness", "start_s", "end_s")])
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=schema))
    try:
        cursor.execute(
            "INSERT INTO blame BY NAME SELECT ? + row_number() OVER () - 1 AS seq, ? AS run, i.*, ?::BIGINT AS decided,"
            " ?::TIMESTAMP AS blamed_at FROM incoming i SEMI JOIN clip ON clip.id = i.clip",
            [first, run, decided, now()],
        )
    finally:
        cursor.unregister("incoming")
    return int(rows_of(cursor, "SELECT count(*) FROM blame WHERE run = ?", [run])[0][0])


def unsettled(sheet: pa.Table, decided: pa.ChunkedArray) -> pa.Table:
    """The sheet without the reasons of clips whose verdict is younger than their blame.

    `decided` is the last action on each clip, NULL where there was none.
    """
    import pyarrow.compute as pc  # late, as in `clips`

    looked_at = pc.fill_null(pc.greater(decided, sheet[DECIDED]), False)
    reasons = pc.if_else(looked_at, pa.scalar(None, pa.string()), sheet["blame_reason"])
    return sheet.set_column(sheet.column_names.index("blame_reason"), "blame_reason", reasons)
