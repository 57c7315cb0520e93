"""Planning to slice recordings again: with other limits, or with a newer slicer, from what is stored of them.

Separate from the slicer, which knows no catalogue, and from the catalogue, which knows no slicer. Nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog.records import NOT_SLICED, Activity, Recording
from catalog.reslicing import Slicing
from curator.slicer import SlicingSettings, slice_activity

if TYPE_CHECKING:
    from catalog.store import Store


@dataclass(frozen=True)
class Plan:
    """What slicing again comes to."""

    slicings: list[Slicing]
    up_to_date: int
    """Recordings that were cut with the same settings, code and activity, or of which a stem is cut instead."""
    unheard: list[Recording]
    """Recordings of which no activity is stored, or none that can tell singing, as is wished."""


def plan(
    store: Store,
    recordings: Sequence[Recording],
    changes: Mapping[str, Any],
    progress: Callable[[int], None] = lambda done: None,
) -> Plan:
    """Slice recordings again by their stored activity.

    `changes` are fields of SlicingSettings; what they do not name stays as the recording was sliced before. Raises
    BadRequest for settings that cannot hold.
    """
    sliced = store.sliced()
    slicings, unheard, up_to_date = [], [], 0
    for number, recording in enumerate(recordings):
        progress(number)
        before = sliced.get(recording.id)
        if before and before.slicer == NOT_SLICED:
            up_to_date += 1
            continue
        settings = changed(SlicingSettings.of(before.slicer if before else ""), changes)
        activity = store.activity(recording.id)
        if activity is None or (settings.voice == "singing" and not activity.voicing):
            unheard.append(recording)
        elif before and (before.slicer, before.heard) == (settings.words(), activity.version):
            up_to_date += 1
        else:
            slicings.append(_cut(recording, activity, settings))
    return Plan(slicings, up_to_date, unheard)


def _cut(recording: Recording, activity: Activity, settings: SlicingSettings) -> Slicing:
    from threadpoolctl import threadpool_limits

    # the products of matrices are so small that threads wait for each other, the longer the busier the machine is
    with threadpool_limits(1, user_api="blas"):
        cut = slice_activity(recording.id, activity, recording.samples, recording.sample_rate, settings)
    shortest = round(settings.min_s * recording.sample_rate)
    return Slicing(recording.id, settings.words(), shortest, activity.version, cut.clips, cut.left_out)


def changed(settings: SlicingSettings, changes: Mapping[str, Any]) -> SlicingSettings:
    """The settings with these changes; an ideal length that the limits leave outside moves to their middle."""
    facts = {name: changes.get(name, getattr(settings, name)) for name in ("min_s", "max_s", "ideal_s")}
    if not facts["min_s"] <= facts["ideal_s"] <= facts["max_s"]:
        facts["ideal_s"] = (facts["min_s"] + facts["max_s"]) / 2
    return replace(settings, **{**changes, **facts})
