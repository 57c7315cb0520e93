"""When a training has got as far as it will: the curve of held-out measurements, its best point, and patience.

Separate and pure, so that the rule gives the same answer in a run, in a resumed run and on the curve of a run that is
long over. Method: early stopping by the generalisation on held-out data (Prechelt 1998, the criterion "UP" counted in
saves since the best).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHOSEN_BY = "held_out/mel"
"""The measurement that says which save is the best: smaller is better."""


@dataclass(frozen=True)
class Point:
    """What was measured at a save."""

    step: int
    values: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, one level deep."""
        return {"step": self.step, **self.values}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Point:
        """The inverse of `to_dict`."""
        return Point(int(values["step"]), {name: value for name, value in values.items() if name != "step"})


def best(curve: Sequence[Point]) -> Point | None:
    """The first point with the smallest distance; None of an empty curve. Step 0 is where a run began, not a result."""
    return min((point for point in curve if point.step), key=lambda point: point.values[CHOSEN_BY], default=None)


def waited(curve: Sequence[Point]) -> int:
    """Saves since the best."""
    top = best(curve)
    return 0 if top is None else sum(point.step > top.step for point in curve)


def settled(curve: Sequence[Point], patience: int) -> bool:
    """Whether so many saves brought nothing better; never with a patience of 0."""
    return 0 < patience <= waited(curve)


def words(curve: Sequence[Point], patience: int) -> str:
    """Why a training that settled has ended."""
    top = best(curve)
    assert top is not None
    return (
        f"Nothing better on the held-out clips in {patience} saves: ended at step {curve[-1].step}, "
        f"the best is step {top.step} with a mel distance of {top.values[CHOSEN_BY]:.3f}"
    )
