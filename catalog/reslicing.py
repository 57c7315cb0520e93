"""Slicing recordings again: their clips give way to those of other limits, in one undoable action.

Separate from the edits of single clips because it knows nothing of them: whole recordings are cut anew, and a range
that both slicings share stays the same clip with its verdict, its notes and its scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.edits import EDITOR
from catalog.holding import Cursor, rows_of
from catalog.journal import add_action
from catalog.late import pa
from catalog.presence import PRESENT_SLICING, present
from catalog.recordings import add_clips, next_seq, now
from catalog.records import Clip, LeftOut


@dataclass(frozen=True)
class Slicing:
    """The clips that a recording is to have, and what is in none of them."""

    recording: str
    slicer: str
    """Name, version and parameters of the slicer."""
    shortest: int
    """Samples; a shorter clip is marked short."""
    heard: str
    """Version of the activity it was cut by."""
    clips: Sequence[Clip]
    left_out: Sequence[LeftOut]


@dataclass(frozen=True)
class Sliced:
    """How the present clips of a recording were cut."""

    slicer: str
    heard: str


@dataclass(frozen=True)
class Resliced:
    """What slicing again did to the clips of the recordings it was about."""

    action: int | None
    """None when every recording has the clips it had."""
    changed: tuple[str, ...]
    """Recordings whose clips are others than before."""
    new: int
    kept: int
    gone: int
    decided: int
    """Of those that are gone, the ones that had a verdict."""
    edited: int
    """Of those that are gone, the ones that a person had cut by hand."""


@dataclass(frozen=True)
class Scored:
    """A present clip and the versions of the code that scored it (empty where it has no scores)."""

    clip: Clip
    versions: Mapping[str, int]


def reslice(cursor: Cursor, slicings: Sequence[Slicing]) -> Resliced:
    """Give recordings these clips; what is gone keeps all that is known of it, and undo brings it back."""
    wanted = {clip.id: clip for slicing in slicings for clip in slicing.clips}
    before = _present_clips(cursor, [slicing.recording for slicing in slicings])
    shown = [clip for clip in wanted.values() if clip.id not in before]
    hidden = [clip for clip in before if clip not in wanted]
    by_slicer: dict[str, list[Clip]] = {}
    for slicing in slicings:
        by_slicer.setdefault(slicing.slicer, []).extend(slicing.clips)
    for slicer, clips in by_slicer.items():
        add_clips(cursor, clips, slicer)
    action = add_action(cursor, "edit", len(shown) + len(hidden)) if shown or hidden else None
    moved = [*((clip, False) for clip in hidden), *((clip.id, True) for clip in shown)]
    rows = [{"action": action, "clip": clip, "shown": here, "was": not here} for clip, here in moved]
    _append(cursor, "presence", rows)
    changed = {before[clip][0] for clip in hidden} | {clip.recording for clip in shown}
    _add_slicings(cursor, slicings, dict.fromkeys(changed, action))
    return Resliced(
        action,
        tuple(slicing.recording for slicing in slicings if slicing.recording in changed),
        len(shown),
        len(before) - len(hidden),
        len(hidden),
        _decided(cursor, hidden),
        sum(before[clip][1] == EDITOR for clip in hidden),
    )


def sliced(cursor: Cursor) -> dict[str, Sliced]:
    """How each recording was cut, undone slicings left aside."""
    rows = rows_of(cursor, f"SELECT recording, slicer, coalesce(heard, '') FROM {PRESENT_SLICING}")
    return {recording: Sliced(slicer, heard) for recording, slicer, heard in rows}


def heard(cursor: Cursor) -> dict[str, str]:
    """The version of the latest activity of each recording that has one."""
    return dict(rows_of(cursor, "SELECT recording, arg_max(version, seq) FROM activity GROUP BY recording"))


def scored(cursor: Cursor, recordings: Sequence[str]) -> dict[str, list[Scored]]:
    """The present clips of these recordings, in order of time, with the versions of their latest scores."""
    cursor.register("wanted", pa.table({"recording": pa.array(list(recordings), pa.string())}))
    try:
        rows = rows_of(
            cursor,
            f"""
            SELECT clip.id, clip.recording, start_sample, end_sample, short, coalesce(versions, '{{}}')
            FROM clip SEMI JOIN wanted USING (recording)
            LEFT JOIN (SELECT clip, arg_max(versions, seq) AS versions FROM scoring GROUP BY clip) last
                ON last.clip = clip.id
            WHERE {present("clip.id")} ORDER BY clip.recording, start_sample, end_sample
            """,
        )
    finally:
        cursor.unregister("wanted")
    found: dict[str, list[Scored]] = {recording: [] for recording in recordings}
    for identity, recording, start, end, short, versions in rows:
        clip = Clip(identity, recording, start, end, short)
        found[recording].append(Scored(clip, json.loads(versions)))
    return found


def _present_clips(cursor: Cursor, recordings: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The recording and the slicer of each present clip of these recordings."""
    cursor.register("wanted", pa.table({"recording": pa.array(list(recordings), pa.string())}))
    try:
        rows = rows_of(
            cursor, f"SELECT id, recording, slicer FROM clip SEMI JOIN wanted USING (recording) WHERE {present('id')}"
        )
    finally:
        cursor.unregister("wanted")
    return {identity: (recording, slicer) for identity, recording, slicer in rows}


def _add_slicings(cursor: Cursor, slicings: Sequence[Slicing], actions: Mapping[str, int | None]) -> None:
    first, at = next_seq(cursor, "slicing"), now()
    rows = [
        {
            "seq": first + number,
            "recording": slicing.recording,
            "slicer": slicing.slicer,
            "sliced_at": at,
            "action": actions.get(slicing.recording),
            "shortest": slicing.shortest,
            "heard": slicing.heard,
        }
        for number, slicing in enumerate(slicings)
    ]
    _append(cursor, "slicing", rows)
    left_out = [
        {
            "slicing": first + number,
            "recording": slicing.recording,
            "start_sample": gap.start,
            "end_sample": gap.end,
            "reason": gap.reason,
        }
        for number, slicing in enumerate(slicings)
        for gap in slicing.left_out
    ]
    _append(cursor, "left_out", left_out)


def _decided(cursor: Cursor, clips: Sequence[str]) -> int:
    cursor.register("wanted", pa.table({"clip": pa.array(list(clips), pa.string())}))
    try:
        rows = rows_of(
            cursor,
            "SELECT count(*) FROM (SELECT arg_max(verdict, action) AS verdict FROM decision"
            " SEMI JOIN wanted USING (clip) GROUP BY clip) WHERE verdict <> 'undecided'",
        )
    finally:
        cursor.unregister("wanted")
    return int(rows[0][0])


def _append(cursor: Cursor, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    cursor.register("incoming", pa.Table.from_pylist([dict(row) for row in rows]))
    try:
        cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    finally:
        cursor.unregister("incoming")
