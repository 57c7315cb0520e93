"""Which scores are due: those that the present code has not computed from the present hearing of a recording.

Separate from the job that computes them, which never opens the catalogue; whoever holds the catalogue makes the orders.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.errors import BadRequest
from catalog.names import nearest
from catalog.records import Analysis, Clip, Recording, Scoring
from curator import activity
from curator.analysis import HEARING
from curator.scores.registry import SCORERS
from curator.slicer import SlicingSettings

if TYPE_CHECKING:
    from catalog.store import Store


def orders(
    store: Store, recordings: Sequence[Recording], only: Sequence[str] = (), among: Container[str] | None = None
) -> list[Analysis]:
    """What `analysis.analyse_again` has to do for these recordings; recordings with nothing due are left out.

    `among` holds the ids of the clips that it is about (None: all that are present). `only` names scores or their
    families; where a recording has to be heard anew, or is taken for another kind of voice than before, all scores of
    its clips are due whatever it says. Raises BadRequest for an unknown name.
    """
    names = families(only)
    heard, sliced = store.heard(), store.sliced()
    clips = store.scored([recording.id for recording in recordings])
    found = []
    for recording in recordings:
        slicer = sliced[recording.id].slicer if recording.id in sliced else ""
        current = heard.get(recording.id) == activity.VERSION
        basis = activity.hearing(SlicingSettings.of(slicer).voice)
        wanted: list[tuple[Clip, dict[str, int]]] = []
        for each in clips[recording.id]:
            due = _due(each.versions, names, basis if current else None)
            if due and (among is None or each.clip.id in among):
                wanted.append((each.clip, due))
        if wanted:
            found.append(
                Analysis(
                    recording=recording,
                    activity=store.activity(recording.id) if current else None,
                    clips=tuple(clip for clip, _ in wanted),
                    left_out=(),
                    scorings=tuple(Scoring(clip.id, {}, due) for clip, due in wanted),
                    slicer=slicer,
                )
            )
    return found


def families(only: Sequence[str]) -> list[str]:
    """The scorers that compute these scores, or have these names; all of them for no name. Raises BadRequest."""
    by_name: dict[str, set[str]] = {}
    for scorer in SCORERS:
        for name in (scorer.name, *scorer.columns):
            by_name.setdefault(name, set()).add(scorer.name)
    unknown = [name for name in only if name not in by_name]
    if unknown:
        known = nearest(unknown[0], by_name)
        raise BadRequest(f"There is no score {unknown[0]} to compute{known}.")
    chosen = set().union(*(by_name[name] for name in only)) if only else {scorer.name for scorer in SCORERS}
    return [scorer.name for scorer in SCORERS if scorer.name in chosen]


def _due(versions: Mapping[str, int], names: Sequence[str], basis: int | None) -> dict[str, int]:
    """The scorers, with their versions, whose scores of a clip are missing or outdated; `basis` None: all."""
    if basis is None or versions.get(HEARING) != basis:
        return {scorer.name: scorer.version for scorer in SCORERS}
    return {
        scorer.name: scorer.version
        for scorer in SCORERS
        if scorer.name in names and versions.get(scorer.name) != scorer.version
    }
