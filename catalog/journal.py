"""The journal of what people did to clips: verdicts, edits, remarks, undone and redone by appending, never by changing.

Separate because undo is a matter of the journal alone. An action is one wish of a person about any number of clips;
what it did to each clip, and what was there before, are its rows in `decision` (verdicts), `presence` (which clips
there are; written by `edits`) and `remark` (notes and tags; written by `remarks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from catalog.clips import literal
from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.recordings import next_seq, now
from catalog.records import VerdictName

FEW = 64
"""Up to this many ids are written into the statement, which is faster than joining with a table of them."""
VERDICTS: tuple[VerdictName, ...] = ("accepted", "rejected", "undecided")


_TURNED = (
    ("decision", "verdict, reasons", "was, was_reasons"),
    ("presence", "shown", "was"),
    ("remark", "note, tags", "was_note, was_tags"),
)
"""Each table of what actions did: its columns of what is, and of what was."""


@dataclass(frozen=True)
class Undone:
    """What an undo or a redo changed: for every clip the verdict it had and the verdict it has again."""

    action: int
    kind: Literal["undo", "redo"]
    clips: tuple[str, ...]
    before: tuple[VerdictName, ...]
    after: tuple[VerdictName, ...]
    shown: tuple[str, ...] = ()
    """Clips that are present again."""
    hidden: tuple[str, ...] = ()
    """Clips that are present no longer."""
    remarked: tuple[str, ...] = ()
    """Clips whose note or tags are others again."""


class Stacks:
    """Which actions can be undone and redone, read on from the journal as it grows."""

    def __init__(self) -> None:
        self.last = 0
        self.done: list[int] = []
        self.undone: list[int] = []

    def read_on(self, cursor: Cursor) -> None:
        """Take in the actions that were appended since the last look."""
        for seq, kind, target in rows_of(
            cursor, "SELECT seq, kind, target FROM action WHERE seq > ? ORDER BY seq", [self.last]
        ):
            self.last = seq
            if kind not in ("undo", "redo"):
                self.done.append(seq)
                self.undone.clear()
            elif kind == "undo":
                self.done.remove(target)
                self.undone.append(target)
            else:
                self.undone.remove(target)
                self.done.append(target)


def decide(cursor: Cursor, clips: Sequence[str], verdict: VerdictName, reasons: Sequence[str] = ()) -> int:
    """Append one action that gives every one of these clips this verdict; returns its number. Raises BadRequest."""
    if verdict not in VERDICTS:
        raise BadRequest(f"{verdict} is not a verdict; it is one of {', '.join(VERDICTS)}.")
    wanted = list(dict.fromkeys(clips))
    if not wanted:
        raise BadRequest("No clips were named, so nothing was decided.")
    kept = [] if verdict == "undecided" else list(dict.fromkeys(reason.strip() for reason in reasons if reason.strip()))
    if len(wanted) <= FEW:
        return _decide(cursor, wanted, verdict, kept, f"IN ({', '.join(map(literal, wanted))})")
    cursor.register("wanted", pa.table({"clip": pa.array(wanted, pa.string())}))
    try:
        return _decide(cursor, wanted, verdict, kept, "IN (SELECT clip FROM wanted)")
    finally:
        cursor.unregister("wanted")


def _decide(cursor: Cursor, wanted: list[str], verdict: VerdictName, reasons: list[str], among: str) -> int:
    """`decide` for clips of which the SQL condition `among` says that an id is one."""
    count = int(rows_of(cursor, f"SELECT count(*) FROM clip WHERE id {among}")[0][0])
    if count < len(wanted):
        known = {clip for (clip,) in rows_of(cursor, f"SELECT id FROM clip WHERE id {among}")}
        unknown = next(clip for clip in wanted if clip not in known)
        raise BadRequest(f"There is no clip with the id {unknown}; nothing was decided.")
    seq = add_action(cursor, "decide", count)
    cursor.execute(
        f"""
        INSERT INTO decision
        SELECT ?, clip.id, ?, ?::VARCHAR[], coalesce(now.verdict, 'undecided'), coalesce(now.reasons, []::VARCHAR[])
        FROM clip LEFT JOIN (
            SELECT clip, arg_max(verdict, action) AS verdict, arg_max(reasons, action) AS reasons
            FROM decision WHERE clip {among} GROUP BY clip
        ) now ON now.clip = clip.id
        WHERE clip.id {among}
        """,
        [seq, verdict, reasons],
    )
    return seq


def decide_each(cursor: Cursor, verdicts: Mapping[str, VerdictName], reasons: Sequence[str] = ()) -> int:
    """Append one action that gives each of these clips its own verdict; returns its number. Raises BadRequest."""
    unknown = next((verdict for verdict in verdicts.values() if verdict not in VERDICTS), None)
    if unknown is not None:
        raise BadRequest(f"{unknown} is not a verdict; it is one of {', '.join(VERDICTS)}.")
    if not verdicts:
        raise BadRequest("No clips were named, so nothing was decided.")
    wanted = {"clip": pa.array(verdicts.keys(), pa.string()), "verdict": pa.array(verdicts.values(), pa.string())}
    cursor.register("wanted", pa.table(wanted))
    try:
        missing = rows_of(cursor, "SELECT clip FROM wanted WHERE clip NOT IN (SELECT id FROM clip) LIMIT 1")
        if missing:
            raise BadRequest(f"There is no clip with the id {missing[0][0]}; nothing was decided.")
        seq = add_action(cursor, "decide", len(verdicts))
        cursor.execute(
            """
            INSERT INTO decision
            SELECT ?, wanted.clip, wanted.verdict,
                CASE WHEN wanted.verdict = 'undecided' THEN []::VARCHAR[] ELSE ?::VARCHAR[] END,
                coalesce(now.verdict, 'undecided'), coalesce(now.reasons, []::VARCHAR[])
            FROM wanted LEFT JOIN (
                SELECT clip, arg_max(verdict, action) AS verdict, arg_max(reasons, action) AS reasons
                FROM decision GROUP BY clip
            ) now ON now.clip = wanted.clip
            """,
            [seq, list(reasons)],
        )
    finally:
        cursor.unregister("wanted")
    return seq


def undo(cursor: Cursor, stacks: Stacks) -> Undone | None:
    """Take the last action back that was not; None when there is none."""
    stacks.read_on(cursor)
    return _turn(cursor, "undo", stacks.done[-1]) if stacks.done else None


def redo(cursor: Cursor, stacks: Stacks) -> Undone | None:
    """Do again what was undone last; None when nothing was, or something was decided since."""
    stacks.read_on(cursor)
    return _turn(cursor, "redo", stacks.undone[-1]) if stacks.undone else None


def _turn(cursor: Cursor, kind: Literal["undo", "redo"], target: int) -> Undone:
    clips = int(rows_of(cursor, "SELECT clips FROM action WHERE seq = ?", [target])[0][0])
    seq = add_action(cursor, kind, clips, target)
    for table, now_columns, was_columns in _TURNED:
        chosen = f"{was_columns}, {now_columns}" if kind == "undo" else f"{now_columns}, {was_columns}"
        cursor.execute(f"INSERT INTO {table} SELECT ?, clip, {chosen} FROM {table} WHERE action = ?", [seq, target])
    rows = rows_of(cursor, "SELECT clip, was, verdict FROM decision WHERE action = ? ORDER BY clip", [seq])
    present = rows_of(cursor, "SELECT clip, shown FROM presence WHERE action = ? ORDER BY clip", [seq])
    remarked = rows_of(cursor, "SELECT clip FROM remark WHERE action = ? ORDER BY clip", [seq])
    return Undone(
        target,
        kind,
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows),
        tuple(clip for clip, shown in present if shown),
        tuple(clip for clip, shown in present if not shown),
        tuple(clip for (clip,) in remarked),
    )


def add_action(cursor: Cursor, kind: str, clips: int, target: int | None = None) -> int:
    """Append an action about so many clips and return its number."""
    seq = next_seq(cursor, "action")
    cursor.execute("INSERT INTO action VALUES (?, ?, ?, ?, ?)", [seq, kind, target, clips, now()])
    return seq
