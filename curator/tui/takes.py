"""Which of several takes of the same line is cleanest, and which is best by each score.

Separate from the screen because it follows from the rules alone and draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.records import Rule
from curator.tui.widgets.score_panel import lines_of

NEITHER_WAY = frozenset(("loudness_lufs",))
"""Scores with a limit of which more is not better: a take that is louder is only louder."""


@dataclass(frozen=True)
class TakeLine:
    """One score of a take."""

    name: str
    value: str
    best: bool
    """No other take is better by it, and one is worse."""
    against: bool


@dataclass(frozen=True)
class Take:
    """A clip among its repeats."""

    clip: Mapping[str, Any]
    lines: Sequence[TakeLine]
    complaints: int
    cleanest: bool


def ranked(clips: Sequence[Mapping[str, Any]], rules: Sequence[Rule]) -> list[Take]:
    """The clips in their order, told which is cleanest: the fewest complaints, then the highest snr_db."""
    directions = {rule.score: 1 if rule.op == "<" else -1 for rule in rules if rule.op in ("<", ">")}
    best = {
        name: object() if name in NEITHER_WAY else _best(clips, name, direction)
        for name, direction in directions.items()
    }
    found = [_compared(clip, rules, best) for clip in clips]
    against = [sum(line.against for line in lines) for lines in found]
    rank = [(count, -float(clip.get("snr_db") or 0.0)) for clip, count in zip(clips, against, strict=True)]
    cleanest = rank.index(min(rank)) if rank else None
    return [Take(clip, found[n], against[n], n == cleanest) for n, clip in enumerate(clips)]


def _compared(clip: Mapping[str, Any], rules: Sequence[Rule], best: Mapping[str, Any]) -> list[TakeLine]:
    """The scores that takes are compared by, in the order of the rules."""
    lines = [line for line in lines_of(clip, rules) if line.name in best]
    return [
        TakeLine(line.name, line.value, clip[line.name] == best[line.name], line.against is not None)
        for line in sorted(lines, key=lambda line: list(best).index(line.name))
    ]


def _best(clips: Sequence[Mapping[str, Any]], name: str, direction: int) -> Any:
    """The best value of a score among clips that differ in it, else something that equals none."""
    values = {clip[name] for clip in clips if clip.get(name) is not None}
    return max(values, key=lambda value: direction * value) if len(values) > 1 else object()
