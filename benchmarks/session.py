"""A review session by script on labelled recordings: `python -m benchmarks.session AUDIO [--library DIR]`.

AUDIO is the folder of the labelled recordings: `long_raw/*_raw_defects.flac` with the times and kinds of their defects
beside them as JSON. The recordings are added as a person would add them; then a person who hears every defect is played
by this script, once for each way of working, until accepting all that was not rejected gives a set without any labelled
defect. Counted are keystrokes and seconds of listening: a clip is heard until its first defect ends or to its own end,
with one key for the verdict. A real person does not know that the last defect is found; the figures compare ways of
working, they do not say when to stop. Nothing here depends on the speed of the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.errors import BadRequest
from catalog.judgement import Judgement
from catalog.library import Library
from catalog.store import Store
from curator.learning import ENOUGH, clear_clips, learn
from curator.policy import default_rules
from curator.tui.views import worst_first

HEARD_S = 0.05
"""How much of a defect must lie in a clip for the clip to hold it."""
UNHEARD = ("long_silence", "repeated_take")
"""Labels that are no flaw of the sound; repeated takes are found by their own score and view."""
RELEARN_EVERY = 10
LABELLED = "contains(path, '_raw_')"
TO_VIEW, TO_ACCEPT_REST, TO_CLEAR = 2, 3, 2
"""Keys to choose a view; to take all that is left and accept it with its count confirmed; to decide the clear ones."""


@dataclass
class Session:
    """What it took."""

    keys: int = 0
    heard_s: float = 0.0
    decided: dict[str, str] = field(default_factory=dict)
    missed: int = 0
    lost: int = 0
    note: str = ""


@dataclass(frozen=True)
class Truth:
    """The clips with what their labels say."""

    table: pa.Table
    """In the order of the recordings, all undecided."""
    rows: dict[str, dict[str, Any]]
    defect_ends: dict[str, float]
    """For each clip that holds a defect, after how many seconds of it the first one has been heard."""
    kinds: dict[str, str]


def add_recordings(audio: Path, library: Library) -> None:
    """Add the labelled recordings by the command, a speaker each."""
    for path in sorted((audio / "long_raw").glob("*_raw_*.flac")):
        speaker = path.name.split("_raw_")[0]
        command = [sys.executable, "-m", "curator", "--library", str(library.root), "add", str(path)]
        subprocess.run([*command, "--speaker", speaker, "--workers", "1"], check=True)


def truth(audio: Path, store: Store) -> Truth:
    """Lay the labels over the clips."""
    table = store.clip_table(where=LABELLED, sort='path, "start"', rules=default_rules())
    rows = {row["id"]: row for row in table.to_pylist()}
    ends, kinds = {}, {}
    labels: dict[str, list[dict[str, Any]]] = {}
    for key, row in rows.items():
        name = Path(row["path"]).stem
        if name not in labels:
            labels[name] = json.loads((audio / "long_raw" / f"{name}.json").read_text()).get("defects", [])
        found = [
            (min(defect["end"], row["end_s"]) - row["start_s"], defect["type"])
            for defect in labels[name]
            if defect["type"] not in UNHEARD
            and min(defect["end"], row["end_s"]) - max(defect["start"], row["start_s"]) >= HEARD_S
        ]
        if found:
            ends[key], kinds[key] = min(found)
    undecided = pa.array(["undecided"] * table.num_rows)
    place = table.column_names.index("verdict")
    return Truth(table.set_column(place, "verdict", undecided), rows, ends, kinds)


def hear(session: Session, facts: Truth, clip: str) -> None:
    """Listen to a clip and give it its verdict."""
    bad = clip in facts.defect_ends
    session.heard_s += facts.defect_ends[clip] if bad else facts.rows[clip]["duration_s"]
    session.keys += 1
    session.decided[clip] = "rejected" if bad else "accepted"


def until_clean(session: Session, facts: Truth, order: Callable[[Session], Iterator[str]]) -> Session:
    """Hear clips in an order until no defect is left among those that were not rejected, then accept the rest."""
    left = {clip for clip in facts.defect_ends if session.decided.get(clip) != "rejected"}
    for clip in order(session):
        if not left:
            break
        hear(session, facts, clip)
        left.discard(clip)
    session.keys += TO_ACCEPT_REST
    return session


def with_verdicts(facts: Truth, decided: dict[str, str]) -> pa.Table:
    """The clips as the catalogue would show them after these decisions."""
    verdicts = pa.array([decided.get(clip, "undecided") for clip in facts.rows])
    return facts.table.set_column(facts.table.column_names.index("verdict"), "verdict", verdicts)


def everything(facts: Truth) -> Session:
    """Listen to every clip from its beginning to its end."""
    session = Session(note="no order, no hints")
    for clip, row in facts.rows.items():
        session.heard_s += row["duration_s"]
        session.keys += 1
        session.decided[clip] = "rejected" if clip in facts.defect_ends else "accepted"
    return session


def as_recorded(facts: Truth) -> Session:
    """In the order of the recordings, each clip only until its first defect."""
    return until_clean(Session(note="stops a clip at its defect"), facts, lambda _: iter(list(facts.rows)))


def by_rules(facts: Truth, store: Store) -> Session:
    """The clips that the rules speak against the most first."""
    order = worst_order(facts, store)
    return until_clean(Session(keys=TO_VIEW, note="view: worst first"), facts, lambda _: iter(order))


def worst_order(facts: Truth, store: Store) -> list[str]:
    """Ids, worst first by the rules."""
    table = store.clip_table(where=LABELLED, sort=worst_first(default_rules()), rules=default_rules())
    return list(table["id"].to_pylist())


def by_learning(facts: Truth, store: Store, seed: int) -> Session:
    """Fifty clips at random, then what was learned says which come next; learned again every ten decisions."""
    session = Session(keys=2 * TO_VIEW, note="50 as they come, then the least likely first")
    rest = list(np.random.default_rng(seed).permutation(list(facts.rows)))

    def order(so_far: Session) -> Iterator[str]:
        yield from rest[:ENOUGH]
        while True:
            open_ = [clip for clip in facts.rows if clip not in so_far.decided]
            if not open_:
                return
            judgement = try_to_learn(facts, so_far)
            if judgement is None:
                yield open_[0]
                continue
            chance = dict(zip(facts.rows, judgement.probability(facts.table), strict=True))
            yield from sorted(open_, key=lambda clip: chance[clip])[:RELEARN_EVERY]

    return until_clean(session, facts, order)


def rules_then_learning(facts: Truth, store: Store) -> Session:
    """The worst by the rules and, in between, those with the least against them; then by what was learned."""
    session = Session(keys=2 * TO_VIEW, note="50 from both ends, then the least likely first")
    worst = worst_order(facts, store)
    ends = [clip for pair in zip(worst[: ENOUGH // 2], reversed(worst), strict=False) for clip in pair]

    def order(so_far: Session) -> Iterator[str]:
        yield from ends
        while True:
            open_ = [clip for clip in worst if clip not in so_far.decided]
            if not open_:
                return
            judgement = try_to_learn(facts, so_far)
            chance = dict(zip(facts.rows, judgement.probability(facts.table), strict=True)) if judgement else {}
            yield from sorted(open_, key=lambda clip: chance.get(clip, 0.0))[:RELEARN_EVERY]

    return until_clean(session, facts, order)


def try_to_learn(facts: Truth, session: Session) -> Judgement | None:
    """What the decisions so far teach, or None while they are too few or of one kind."""
    try:
        return learn(with_verdicts(facts, session.decided))
    except BadRequest:
        return None


def clear_ones(facts: Truth, seed: int, heard: int) -> tuple[Session, Judgement | None]:
    """Hear so many clips at random, let the clear ones of the others be decided, and leave the rest undecided."""
    session = Session(keys=TO_CLEAR)
    for clip in list(np.random.default_rng(seed).permutation(list(facts.rows)))[:heard]:
        hear(session, facts, str(clip))
    judgement = try_to_learn(facts, session)
    if judgement is None:
        return session, None
    accept, reject = clear_clips(with_verdicts(facts, session.decided), judgement)
    session.missed = sum(clip in facts.defect_ends for clip in accept)
    session.lost = sum(clip not in facts.defect_ends for clip in reject)
    session.note = (
        f"{len(accept)} accepted, {len(reject)} rejected, {len(facts.rows) - heard - len(accept) - len(reject)} open"
    )
    return session, judgement


def show(facts: Truth, name: str, sessions: Sequence[Session], whole: Session) -> None:
    """One line: the mean over the sessions and what it saves."""
    heard = float(np.mean([each.heard_s for each in sessions]))
    keys = float(np.mean([each.keys for each in sessions]))
    clips = float(np.mean([len(each.decided) for each in sessions]))
    saved = 1 - heard / whole.heard_s
    print(f"{name:<38}{heard:9.0f} s {saved:7.0%}  {keys:6.0f} keys  {clips:5.0f} clips heard   {sessions[0].note}")


def run(audio: Path, library: Library, seeds: int) -> None:
    """All ways of working, and how right the learned suggestions were."""
    if not library.exists:
        add_recordings(audio, library)
    with Store(library) as store:
        facts = truth(audio, store)
        bad = len(facts.defect_ends)
        kinds = {kind: list(facts.kinds.values()).count(kind) for kind in sorted(set(facts.kinds.values()))}
        print(f"{len(facts.rows)} clips, {bad} with a labelled defect ({kinds})\n")
        whole = everything(facts)
        show(facts, "listening to everything", [whole], whole)
        show(facts, "as recorded", [as_recorded(facts)], whole)
        show(facts, "rules, worst first", [by_rules(facts, store)], whole)
        show(facts, "learned from 50 random", [by_learning(facts, store, n) for n in range(seeds)], whole)
        show(facts, "learned from both ends of the rules", [rules_then_learning(facts, store)], whole)
    for heard in (50, 80):
        print(f"\nDeciding the clear ones after {heard} random clips were heard:")
        for seed in range(min(seeds, 5)):
            session, judgement = clear_ones(facts, seed, heard)
            if judgement is None:
                print("  too few of one kind to learn from")
                continue
            figures = judgement.figures
            foretold = figures["right"] / figures["decisions"]
            print(
                f"  {session.note}; of these wrongly accepted {session.missed}, wrongly rejected {session.lost};"
                f" right on decisions so far (cross-validated) {foretold:.0%}"
            )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(arguments.audio, Library(arguments.library or Path(folder) / "library"), arguments.seeds)


if __name__ == "__main__":
    main()
