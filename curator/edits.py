"""What an edit makes of clips, as ranges of samples: edges moved, a clip split, two clips joined.

Separate from the catalogue, which only puts ranges in the place of clips, and shared by the app and the commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from catalog.clips import literal
from catalog.errors import BadRequest
from catalog.store import Edited, Store

SHORTEST_S = 0.3
LONGEST_S = 60.0
FARTHEST_S = 3.0
"""Clips that lie farther apart are not joined: the pause between them would be in the clip."""
Edge = Literal["start", "end"]
Span = tuple[int, int]
Row = Mapping[str, Any]


def nudged(clip: Row, edge: Edge, by_s: float) -> Span:
    """A clip's range with one edge moved later (or earlier, below 0); raises BadRequest at the ends of what is sane."""
    start, end = int(clip["start"]), int(clip["end"])
    by = round(by_s * int(clip["sample_rate"]))
    span = (max(0, start + by), end) if edge == "start" else (start, end + by)
    _check(span, int(clip["sample_rate"]))
    if span == (start, end):
        raise BadRequest("The clip begins where its recording begins.")
    return span


def split(clip: Row, at_s: float) -> tuple[Span, Span]:
    """The two halves of a clip, parted `at_s` seconds from its start; raises BadRequest where one would be a scrap."""
    start, end, rate = int(clip["start"]), int(clip["end"]), int(clip["sample_rate"])
    middle = start + round(at_s * rate)
    if min(middle - start, end - middle) < SHORTEST_S * rate:
        raise BadRequest(f"Both parts of a clip need {SHORTEST_S:g} s: move the cursor away from the edge, then split.")
    return (start, middle), (middle, end)


def joined(clip: Row, other: Row) -> Span:
    """One range over two clips; raises BadRequest when they lie too far apart or are too long together."""
    first, last = sorted((clip, other), key=lambda row: int(row["start"]))
    rate = int(clip["sample_rate"])
    if int(last["start"]) - int(first["end"]) > FARTHEST_S * rate:
        raise BadRequest(f"The next clip begins more than {FARTHEST_S:g} s later, too far to be joined.")
    span = int(first["start"]), max(int(first["end"]), int(last["end"]))
    _check(span, rate)
    return span


def next_clip(store: Store, clip: Row) -> dict[str, Any]:
    """The clip of the same recording that begins next; raises BadRequest when this one is the last."""
    where = f'recording = {literal(str(clip["recording"]))} AND "start" > {int(clip["start"])}'
    table = store.clip_table(where=where, sort='"start"', limit=1)
    if not table.num_rows:
        raise BadRequest("This is the last clip of its recording: there is none to join it with.")
    row: dict[str, Any] = table.to_pylist()[0]
    return row


def nudge(store: Store, clip: Row, edge: Edge, by_s: float) -> Edited:
    """Move one edge of a clip, as one action."""
    clip = _as_it_is(store, clip)
    return _replace(store, [clip], [nudged(clip, edge, by_s)])


def move(store: Store, clip: Row, start_s: float, end_s: float) -> Edited:
    """Move both edges of a clip, as one action."""
    span = nudged(clip, "start", start_s) if start_s else (int(clip["start"]), int(clip["end"]))
    if end_s:
        span = nudged({**clip, "start": span[0]}, "end", end_s)
    return _replace(store, [clip], [span])


def split_at(store: Store, clip: Row, at_s: float) -> Edited:
    """Split a clip `at_s` seconds from the start of the row given, as one action."""
    now = _as_it_is(store, clip)
    later_s = (int(clip["start"]) - int(now["start"])) / int(now["sample_rate"])
    return _replace(store, [now], split(now, at_s + later_s))


def join_next(store: Store, clip: Row) -> Edited:
    """Join a clip with the next one of its recording, as one action."""
    clip = _as_it_is(store, clip)
    other = next_clip(store, clip)
    return _replace(store, [clip, other], [joined(clip, other)])


def _as_it_is(store: Store, clip: Row) -> Row:
    """The clip, or the one that stands in its place since its row was read: keys may be ahead of the disk."""
    [present] = store.in_place_of([str(clip["id"])])
    return clip if present == clip["id"] else store.clip(present)


def _replace(store: Store, clips: list[Row], spans: list[Span] | tuple[Span, ...]) -> Edited:
    from curator.slicer import SlicingSettings

    shortest = round(SlicingSettings().min_s * int(clips[0]["sample_rate"]))
    return store.replace_clips([str(clip["id"]) for clip in clips], spans, shortest=shortest)


def _check(span: Span, rate: int) -> None:
    if span[1] - span[0] < SHORTEST_S * rate:
        raise BadRequest(f"A clip needs {SHORTEST_S:g} s.")
    if span[1] - span[0] > LONGEST_S * rate:
        raise BadRequest(f"A clip has {LONGEST_S:g} s at most.")
