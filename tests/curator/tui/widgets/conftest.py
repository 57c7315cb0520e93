"""Tables as the catalogue gives them, for the widgets that show them."""

from __future__ import annotations

import pyarrow as pa


def table_of(rows: int, path: str = "/a/b.wav") -> pa.Table:
    """So many undecided clips of six seconds."""
    return pa.table(
        {
            "id": [f"{n:016x}" for n in range(rows)],
            "path": [path] * rows,
            "speaker": ["alto"] * rows,
            "start_s": [n * 6.0 for n in range(rows)],
            "duration_s": [6.0] * rows,
            "verdict": ["undecided"] * rows,
            "reasons": pa.array([[]] * rows, pa.list_(pa.string())),
            "suggestion": ["accept"] * rows,
            "snr_db": [30.0] * rows,
            "overlap_ratio": pa.array([None] * rows, pa.float64()),
        }
    )
