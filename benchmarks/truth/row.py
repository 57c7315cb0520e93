"""One line of the table: a figure of ours on labelled material, what it must be, and the same figure of a peer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Limit = tuple[Literal["<=", ">="], float]


@dataclass(frozen=True)
class Row:
    """One figure. `must` is the limit it is held to: ("<=", 1.5); None where there is no such limit."""

    score: str
    material: str
    figure: str
    """What is measured, with its unit: "median error, dB"."""
    ours: float | None
    must: Limit | None = None
    peer: str = ""
    """The peer's name."""
    theirs: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the figure is within its limit; None without a limit."""
        if self.must is None:
            return None
        if self.ours is None:
            return False
        op, limit = self.must
        return self.ours <= limit if op == "<=" else self.ours >= limit

    def markdown(self) -> str:
        """The line of a Markdown table."""
        holds = {True: "yes", False: "**no**", None: ""}[self.holds]
        must = f"{self.must[0]} {number(self.must[1])}" if self.must else ""
        peer = f"{self.peer} {number(self.theirs)}" if self.peer else ""
        return f"| {self.score} | {self.material} | {self.figure} | {number(self.ours)} | {must} | {holds} | {peer} |"


HEAD = (
    "| Score | Material | Figure | Ours | Must be | Holds | Peer |",
    "|---|---|---|---|---|---|---|",
)


def number(value: float | None) -> str:
    """A figure with three digits that count."""
    if value is None:
        return "none"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> Iterable[str]:
    """Head and lines of the table, each as soon as its row is known."""
    yield from HEAD
    for row in rows:
        yield row.markdown()
