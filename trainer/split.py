"""Which clips are measured on instead of trained on.

Separate because the choice decides whether a measurement is honest: clips of one recording sound alike, so whole
recordings are held out where there are several.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.records import SetClip

MOST_TIMES = 2
"""A recording longer than so many times the seconds wanted is not given up for measuring."""


@dataclass(frozen=True)
class HeldOut:
    """The clips that are measured on, and how they were chosen in words."""

    clips: frozenset[str]
    how: str


def seconds_of(clip: SetClip) -> float:
    """Length of a clip."""
    return (clip.end - clip.start) / clip.sample_rate


def hold_out(clips: Sequence[SetClip], *, share: float, most_s: float, seed: int) -> HeldOut:
    """Choose about `share` of the seconds, at most `most_s`: a whole recording if one fits, else single clips."""
    total = sum(map(seconds_of, clips))
    wanted = min(share * total, most_s)
    if wanted <= 0:
        return HeldOut(frozenset(), "nothing is held out: asked for")
    if len(clips) < 3:
        return HeldOut(frozenset(), f"nothing is held out: the set has only {len(clips)} clips")
    recordings: dict[str, list[SetClip]] = {}
    for clip in clips:
        recordings.setdefault(clip.recording, []).append(clip)
    lengths = {recording: sum(map(seconds_of, part)) for recording, part in recordings.items()}
    fitting = [recording for recording, length in lengths.items() if length <= MOST_TIMES * wanted]
    if len(recordings) > 1 and fitting:
        return _whole_recordings(recordings, lengths, fitting, wanted, seed)
    return _single_clips(clips, len(recordings), wanted, seed)


def _whole_recordings(
    recordings: Mapping[str, Sequence[SetClip]],
    lengths: Mapping[str, float],
    fitting: Sequence[str],
    wanted: float,
    seed: int,
) -> HeldOut:
    taken: list[str] = []
    seconds = 0.0
    for recording in sorted(fitting, key=lambda name: _draw(seed, name)):
        if seconds >= wanted:
            break
        taken.append(recording)
        seconds += lengths[recording]
    names = frozenset(clip.clip for recording in taken for clip in recordings[recording])
    return HeldOut(names, f"{len(taken)} of {len(recordings)} recordings, {seconds:.1f} s, are held out")


def _single_clips(clips: Sequence[SetClip], recordings: int, wanted: float, seed: int) -> HeldOut:
    taken: list[str] = []
    seconds = 0.0
    for clip in sorted(clips, key=lambda clip: _draw(seed, clip.clip)):
        if seconds >= wanted or len(taken) >= len(clips) // 3:
            break
        taken.append(clip.clip)
        seconds += seconds_of(clip)
    why = "there is only one recording" if recordings == 1 else "no recording is short enough"
    return HeldOut(
        frozenset(taken), f"{len(taken)} of {len(clips)} clips, {seconds:.1f} s, are held out, because {why}"
    )


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
