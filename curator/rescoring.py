"""Scoring of edited clips in a process of its own, which stays ready so that a nudged edge is scored at once.

Separate from the job that scores whole libraries again because here somebody is waiting: the process is started once,
keeps its networks loaded, and is handed one order after the other. It never opens the catalogue. Orders and answers are
pickles over its own pipes, written by its own parent; it ends when they are closed.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import audio
from catalog.errors import BadRequest, CuratorError
from catalog.records import Activity, Clip, Recording, Scoring

if TYPE_CHECKING:
    from catalog.store import Store

READY = b"ready\n"


@dataclass(frozen=True)
class Order:
    """Clips of one recording to score, with what is stored of the recording."""

    recording: Recording
    activity: Activity | None
    clips: Sequence[Clip]
    slicer: str
    """In whose words the recording was sliced; says for which kind of voice it was heard."""


def order_for(store: Store, clips: Sequence[str]) -> Order | None:
    """The order for some clips of one recording, those left out that are gone; None when none is left."""
    rows = []
    for clip in clips:
        try:
            rows.append(store.clip(clip))
        except BadRequest:
            continue
    if not rows:
        return None
    recording = store.recording(rows[0]["recording"])
    sliced = store.sliced().get(recording.id)
    wanted = [Clip(row["id"], recording.id, row["start"], row["end"], bool(row["short"])) for row in rows]
    return Order(recording, store.activity(recording.id), wanted, sliced.slicer if sliced else "")


def fill(order: Order) -> list[Scoring]:
    """All scores of the clips, as adding the recording computes them.

    Raises BadAudio when the file cannot be read, BadRequest when no activity is stored.
    """
    from curator.activity import Tracks, hearing
    from curator.analysis import HEARING
    from curator.scores.clip_audio import ClipAudio
    from curator.scores.registry import score
    from curator.slicer import SlicingSettings

    recording = order.recording
    if order.activity is None:
        raise BadRequest(f"{recording.path}: no voice activity is stored; `curator rescore` hears it anew.")
    voice = SlicingSettings.of(order.slicer).voice
    tracks = Tracks.of(order.activity, recording.samples, recording.sample_rate, voice)
    clips = sorted(order.clips, key=lambda clip: (clip.start, clip.end))
    waves = audio.ranges(Path(recording.path), [(clip.start, clip.end) for clip in clips])
    found = [
        score(clip.id, ClipAudio(wave, tracks.rate, clip.start, tracks))
        for clip, wave in zip(clips, waves, strict=True)
    ]
    return [replace(each, versions={**each.versions, HEARING: hearing(tracks.voice)}) for each in found]


def main() -> None:
    """Answer orders until there are no more; nothing else goes to the pipe, whatever libraries print."""
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Loaded before the first order, so that it does not wait for them.
    from curator import analysis

    assert analysis.HEARING
    answers.write(READY)
    answers.flush()
    while True:
        try:
            order: Order = pickle.load(orders)
        except EOFError:
            return
        try:
            answer: list[Scoring] | str = fill(order)
        except CuratorError as error:
            answer = str(error)
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
