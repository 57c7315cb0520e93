"""The settings that a person keeps for converting with a model; appended like everything, the latest of a model counts.

Separate from the lineage, which says what was done: this says what is meant to be done next time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.recordings import next_seq, now


def keep(cursor: Cursor, model: str, options: Mapping[str, Any] | None) -> None:
    """Keep options, by name, for a model; None keeps none any longer. Raises BadRequest for a model without a name."""
    if not model.strip():
        raise BadRequest("Settings are kept for a model, which has a name.")
    document = None if options is None else json.dumps(dict(options), sort_keys=True, ensure_ascii=False)
    cursor.execute(
        "INSERT INTO voice_settings VALUES (?, ?, ?, ?)", [next_seq(cursor, "voice_settings"), model, document, now()]
    )


def kept(cursor: Cursor) -> dict[str, dict[str, Any]]:
    """What is kept, by the model's name."""
    # max_by passes over NULL, which here means "none any longer": the row decides, not the last value
    rows = rows_of(
        cursor,
        """
        SELECT model, options FROM voice_settings
        QUALIFY row_number() OVER (PARTITION BY model ORDER BY seq DESC) = 1
        ORDER BY model
        """,
    )
    return {model: json.loads(options) for model, options in rows if options is not None}
