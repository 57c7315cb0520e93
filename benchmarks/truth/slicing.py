"""Slicing: digits joined with known gaps, labelled sentences, and singing, beside the cutters of other tools.

The measurements themselves are `benchmarks.slicing`, which prints more of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import slicing
from benchmarks.truth.row import Row

HALVES = {"tuning": "tune", "report": "report"}


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Edges inside words, whole words, lengths, edges in time, speech and singing kept."""
    tallies = slicing.digits(folder, HALVES[half], _silent)
    for condition in sorted({condition for condition, _ in tallies}):
        ours, peer = tallies[condition, "ours"], tallies[condition, "silero"]
        name = f"digits, gaps {condition}"
        yield Row(
            *("slicing", name, "edges inside words, %", 100 * ours.bad / ours.edges, ("<=", 5)),
            *("silero", 100 * peer.bad / peer.edges),
        )
        yield Row(
            *("slicing", name, "words whole, %", 100 * ours.whole / ours.words, (">=", 99)),
            *("silero", 100 * peer.whole / peer.words),
        )
        yield Row("slicing", name, "clips of 5-15 s or short, %", _lengths(ours), (">=", 100), "silero", _lengths(peer))
        for edge, late, theirs in zip(("onset", "offset"), ours.apart(), peer.apart(), strict=True):
            if len(late) >= slicing.ENOUGH:
                error, their = (abs(1e3 * float(np.median(errors))) for errors in (late, theirs))
                yield Row("slicing", name, f"median {edge} error, ms", error, ("<=", 20), "silero", their)
    whole, audible, labelled, both = slicing.sentences(folder, HALVES[half], _silent)
    kept = 100 * whole.kept_s / whole.spoken_s
    yield Row("slicing", "long recordings", "sounding labelled speech kept, %", kept, (">=", 99))
    share = 100 * audible.kept_s / audible.spoken_s
    yield Row("slicing", "long recordings", "labelled time above -80 dBFS kept, %", share, (">=", 99))
    yield Row("slicing", "long recordings", "labelled time kept, %", 100 * labelled.kept_s / labelled.spoken_s)
    share = 100 * both.kept_s / both.spoken_s
    yield Row("slicing", "long recordings, both halves", "labelled time kept, %", share, (">=", 99))
    yield Row("slicing", "long recordings", "clips of 5-15 s or short, %", _lengths(whole), (">=", 100))
    sung = slicing.singing(folder, HALVES[half], _silent)
    for voice in ("auto", "singing"):
        share = 100 * sung[f"ours, {voice}"]
        yield Row(
            "slicing",
            f"singing, as {voice}",
            "voiced frames kept, %",
            share,
            (">=", 97),
            "silero",
            100 * sung["silero"],
        )


def _lengths(tally: slicing.Tally) -> float:
    return 100 * (tally.in_range + tally.short) / tally.clips


def _silent(line: str) -> None:
    """The table is the row's."""
