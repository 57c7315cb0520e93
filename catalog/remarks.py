"""What people say of clips besides verdicts: a note, and tags to find them by; kept in the journal, so undo works.

Separate from the journal's verdicts because tags are added and taken away one by one, and a note is free text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.journal import add_action
from catalog.late import pa

LONGEST_NOTE = 2000
LONGEST_TAG = 40
_TAG = re.compile(r"[^\s,'\"]+")


def remark(
    cursor: Cursor,
    clips: Sequence[str],
    *,
    note: str | None = None,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> int | None:
    """Give clips a note (empty takes it away) and tags, in one action; returns its number, None when all was so before.

    Raises BadRequest for an unknown clip, a tag with spaces, commas or quotes, and a text that is too long.
    """
    added, removed = _checked(add), set(remove)
    if note is not None and len(note) > LONGEST_NOTE:
        raise BadRequest(f"A note may have {LONGEST_NOTE} characters; this one has {len(note)}.")
    said = remarks_of(cursor, list(dict.fromkeys(clips)))
    rows = []
    for clip, (was_note, was_tags) in said.items():
        tags = sorted(({*was_tags} | {*added}) - removed)
        new = was_note if note is None else note.strip()
        if (new, tags) != (was_note, was_tags):
            rows.append({"clip": clip, "note": new, "tags": tags, "was_note": was_note, "was_tags": was_tags})
    if not rows:
        return None
    action = add_action(cursor, "remark", len(rows))
    texts = pa.list_(pa.string())
    schema = pa.schema(
        [(name, texts if name.endswith("tags") else pa.string()) for name in ("clip", "note", "tags", "was_note")]
        + [("was_tags", texts)]
    )
    cursor.register("incoming", pa.Table.from_pylist(rows, schema=schema))
    try:
        cursor.execute("INSERT INTO remark BY NAME SELECT ?::BIGINT AS action, incoming.* FROM incoming", [action])
    finally:
        cursor.unregister("incoming")
    return action


def remarks_of(cursor: Cursor, clips: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """The note and the tags of each of these clips; raises BadRequest when there is no such clip."""
    cursor.register("wanted", pa.table({"clip": pa.array(clips, pa.string())}))
    try:
        rows = rows_of(
            cursor,
            """
            SELECT clip.id, coalesce(now.note, ''), coalesce(now.tags, []::VARCHAR[])
            FROM wanted JOIN clip ON clip.id = wanted.clip LEFT JOIN (
                SELECT clip, arg_max(note, action) AS note, arg_max(tags, action) AS tags FROM remark GROUP BY clip
            ) now ON now.clip = clip.id
            """,
        )
    finally:
        cursor.unregister("wanted")
    found = {clip: (note, sorted(tags)) for clip, note, tags in rows}
    for clip in clips:
        if clip not in found:
            raise BadRequest(f"There is no clip with the id {clip}; nothing was changed.")
    return found


def tags(cursor: Cursor) -> list[str]:
    """The tags in use, the most frequent first."""
    rows = rows_of(
        cursor,
        """
        SELECT tag FROM (
            SELECT unnest(tags) AS tag FROM (SELECT arg_max(tags, action) AS tags FROM remark GROUP BY clip)
        ) GROUP BY tag ORDER BY count(*) DESC, tag
        """,
    )
    return [tag for (tag,) in rows]


def _checked(tags: Sequence[str]) -> list[str]:
    kept = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    for tag in kept:
        if not _TAG.fullmatch(tag) or len(tag) > LONGEST_TAG:
            raise BadRequest(f"{tag[:60]} cannot be a tag: a tag is one word of at most {LONGEST_TAG} characters.")
    return kept
