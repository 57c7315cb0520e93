"""Edits of clips: one or several clips give way to others that cover what a person wants, in one undoable action.

Separate from the journal, which knows nothing of what a clip is. A nudged edge replaces one clip by one, a split one by
two, a merge two by one; audio is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.clips import literal
from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.journal import FEW, add_action
from catalog.presence import present
from catalog.recordings import add_clips
from catalog.records import Clip, VerdictName, clip_id
from catalog.remarks import remarks_of

EDITOR = "edit"
"""Stands where other clips have the name of their slicer."""


@dataclass(frozen=True)
class Edited:
    """What an edit did: the clips that gave way and those in their place, in order of time."""

    action: int
    hidden: tuple[str, ...]
    shown: tuple[Clip, ...]


@dataclass(frozen=True)
class _Old:
    """A clip that is to give way, with what people said about it."""

    id: str
    recording: str
    samples: int
    verdict: VerdictName
    reasons: tuple[str, ...]


def replace(cursor: Cursor, clips: Sequence[str], spans: Sequence[tuple[int, int]], *, shortest: int = 0) -> Edited:
    """Put clips of the ranges `spans`, [start, end) in samples, in the place of `clips` of the same recording.

    The new clips inherit notes and tags, and the verdict where all the old ones agree on it; those under `shortest`
    samples are marked short. Raises BadRequest, with nothing changed, for clips that are gone or of several recordings,
    for ranges outside the recording, and for a range that another present clip has.
    """
    old = _present_clips(cursor, list(dict.fromkeys(clips)))
    recording, samples = old[0].recording, old[0].samples
    if any(each.recording != recording for each in old):
        raise BadRequest("Clips of different recordings cannot be joined.")
    for start, end in spans:
        if not 0 <= start < end <= samples:
            raise BadRequest("A clip cannot reach beyond its recording, and it must keep some length.")
    new = [
        Clip(clip_id(recording, start, end), recording, start, end, short=end - start < shortest, supersedes=old[0].id)
        for start, end in sorted(spans)
    ]
    _refuse_doubles(cursor, new, {each.id for each in old})
    add_clips(cursor, new, EDITOR)
    hidden = [each.id for each in old if each.id not in {clip.id for clip in new}]
    shown = [clip for clip in new if clip.id not in {each.id for each in old}]
    action = add_action(cursor, "edit", len(hidden) + len(shown))
    for identity, here in [*((clip, False) for clip in hidden), *((clip.id, True) for clip in shown)]:
        cursor.execute("INSERT INTO presence VALUES (?, ?, ?, ?)", [action, identity, here, not here])
    for clip in shown:
        _inherit(cursor, action, clip.id, old)
    return Edited(action, tuple(hidden), tuple(shown))


def in_place_of(cursor: Cursor, clips: Sequence[str]) -> list[str]:
    """For each of these clips the present one that stands for it; raises BadRequest where there is none.

    That is itself, or the first in time of those that an edit put in its place, and so on. Who asks for one edit after
    the other without waiting names clips that the edits before have taken away.
    """
    hidden = _hidden(cursor, clips)
    return [_heir(cursor, clip) if clip in hidden else clip for clip in clips]


def unscored(cursor: Cursor) -> list[str]:
    """The present clips that were made by an edit and have no scores yet."""
    rows = rows_of(
        cursor,
        f"SELECT id FROM clip WHERE slicer = ? AND id NOT IN (SELECT clip FROM scoring) AND {present('id')} ORDER BY 1",
        [EDITOR],
    )
    return [clip for (clip,) in rows]


def _hidden(cursor: Cursor, clips: Sequence[str]) -> set[str]:
    """Which of these clips are present no longer."""
    among = f"WHERE clip IN ({', '.join(map(literal, clips))})" if len(clips) <= FEW else ""
    rows = rows_of(cursor, f"SELECT clip FROM presence {among} GROUP BY clip HAVING NOT arg_max(shown, action)")
    return {clip for (clip,) in rows}


def _heir(cursor: Cursor, clip: str) -> str:
    """What stands for a hidden clip; each step is a later action than the one before, so it comes to an end."""
    heir = clip
    while True:
        rows: list[tuple[str]] = rows_of(
            cursor,
            """
            SELECT new.id FROM clip old
            JOIN presence ON action = (SELECT max(action) FROM presence WHERE clip = old.id) AND shown
            JOIN clip new ON new.id = presence.clip AND new.recording = old.recording
                AND new.start_sample < old.end_sample AND new.end_sample > old.start_sample
            WHERE old.id = ? ORDER BY new.start_sample LIMIT 1
            """,
            [heir],
        )
        if not rows:
            raise BadRequest(f"There is no clip {clip} any more; nothing was changed.")
        heir = rows[0][0]
        if not _hidden(cursor, [heir]):
            return heir


def _present_clips(cursor: Cursor, clips: list[str]) -> list[_Old]:
    if not clips:
        raise BadRequest("No clips were named, so nothing was edited.")
    rows = rows_of(
        cursor,
        f"""
        SELECT clip.id, clip.recording, recording.samples, now.verdict, now.reasons
        FROM clip JOIN recording ON recording.id = clip.recording LEFT JOIN (
            SELECT clip, arg_max(verdict, action) AS verdict, arg_max(reasons, action) AS reasons
            FROM decision GROUP BY clip
        ) now ON now.clip = clip.id
        WHERE clip.id IN ({", ".join(map(literal, clips))}) AND {present("clip.id")} ORDER BY clip.start_sample
        """,
    )
    if len(rows) < len(clips):
        gone = next(clip for clip in clips if clip not in {row[0] for row in rows})
        raise BadRequest(f"There is no clip {gone} any more; nothing was edited.")
    return [_Old(row[0], row[1], row[2], row[3] or "undecided", tuple(row[4] or ())) for row in rows]


def _refuse_doubles(cursor: Cursor, new: Sequence[Clip], old: set[str]) -> None:
    wanted = ", ".join(literal(clip.id) for clip in new)
    there = rows_of(cursor, f"SELECT id FROM clip WHERE id IN ({wanted}) AND {present('clip.id')}")
    if any(clip not in old for (clip,) in there) or len({clip.id for clip in new}) < len(new):
        raise BadRequest("There is a clip of exactly that range already; nothing was edited.")


def _inherit(cursor: Cursor, action: int, clip: str, old: Sequence[_Old]) -> None:
    """Give a new clip what people said of those in whose place it is."""
    verdicts = {each.verdict for each in old}
    verdict = verdicts.pop() if len(verdicts) == 1 else "undecided"
    reasons = list(dict.fromkeys(reason for each in old for reason in each.reasons)) if verdict != "undecided" else []
    was = rows_of(
        cursor, "SELECT arg_max(verdict, action), arg_max(reasons, action) FROM decision WHERE clip = ?", [clip]
    )[0]
    was_verdict, was_reasons = was[0] or "undecided", list(was[1] or ())
    if (verdict, reasons) != (was_verdict, was_reasons):
        cursor.execute(
            "INSERT INTO decision VALUES (?, ?, ?, ?::VARCHAR[], ?, ?::VARCHAR[])",
            [action, clip, verdict, reasons, was_verdict, was_reasons],
        )
    said = remarks_of(cursor, [*(each.id for each in old), clip])
    note = "; ".join(dict.fromkeys(said[each.id][0] for each in old if said[each.id][0]))
    tags = sorted({tag for each in old for tag in said[each.id][1]})
    if (note, tags) != said[clip]:
        cursor.execute(
            "INSERT INTO remark VALUES (?, ?, ?, ?::VARCHAR[], ?, ?::VARCHAR[])",
            [action, clip, note, tags, said[clip][0], said[clip][1]],
        )
