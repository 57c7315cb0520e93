"""A curve of a measured value over steps, drawn in braille dots with its axes, and a grid of such curves.

One small chart a value instead of many lines in one: no legend is needed and colour carries no meaning.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

AXIS_WIDTH = 8
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
Points = Sequence[tuple[float, float]]


class Curve(Widget):
    """One value over steps: heading with the newest value, the curve, the steps below."""

    COMPONENT_CLASSES = {"curve--title", "curve--value", "curve--line", "curve--axis"}
    DEFAULT_CSS = """
    Curve {
        height: 1fr;
        min-height: 5;
        max-height: 14;
        & > .curve--title { color: $foreground; text-style: bold; }
        & > .curve--value { color: $accent; }
        & > .curve--line { color: $primary-lighten-1; }
        & > .curve--axis { color: $foreground 45%; }
    }
    """

    points: reactive[Points] = reactive[Points](())
    logarithmic: reactive[bool] = reactive(False)

    def __init__(self, title: str, meaning: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.metric = title
        self.meaning = meaning

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A small chart."""
        return 8

    def render_line(self, y: int) -> Strip:
        """One line of the chart."""
        width, height = self.size
        if y == 0:
            return self._heading(width)
        rows, columns = height - 2, width - AXIS_WIDTH
        axis = self.get_component_rich_style("curve--axis")
        finite = [(step, value) for step, value in self.points if math.isfinite(value)]
        if rows < 1 or columns < 4 or not finite:
            words = "no values yet" if y == max(1, height // 2) and not finite else ""
            return Strip([Segment(f"{words:^{width}}"[:width], axis)], width)
        low, high = bounds([value for _, value in finite], self.logarithmic)
        if y == height - 1:
            return Strip([Segment(steps_axis(finite[0][0], finite[-1][0], columns), axis)], width)
        label = ""
        if y == 1:
            label = short(high)
        elif y == rows:
            label = short(low)
        elif rows >= 6 and y == (rows + 1) // 2:
            label = short(math.sqrt(low * high) if self.logarithmic and low > 0 else (low + high) / 2)
        line = dots(finite, columns, rows, low, high, self.logarithmic)[y - 1]
        return Strip(
            [
                Segment(f"{label:>{AXIS_WIDTH - 2}} ┤", axis),
                Segment(line, self.get_component_rich_style("curve--line")),
            ],
            width,
        )

    def _heading(self, width: int) -> Strip:
        title = self.get_component_rich_style("curve--title")
        value = short(self.points[-1][1]) if self.points else "–"
        scale = " log" if self.logarithmic else ""
        head = f"{self.metric} "
        rest = f"  {self.meaning}{scale}"
        used = len(head) + len(value)
        segments = [
            Segment(head, title),
            Segment(value, self.get_component_rich_style("curve--value")),
            Segment(
                f"{rest:<{max(0, width - used)}}"[: max(0, width - used)], self.get_component_rich_style("curve--axis")
            ),
        ]
        return Strip(segments, max(width, used)).crop(0, width)


def bounds(values: Sequence[float], logarithmic: bool) -> tuple[float, float]:
    """The lowest and highest value of the chart, never equal."""
    low, high = min(values), max(values)
    if logarithmic and low > 0:
        return (low, high) if high > low else (low * 0.9, high * 1.1)
    if high <= low:
        margin = abs(high) * 0.1 or 1.0
        return low - margin, high + margin
    return low, high


def short(value: float) -> str:
    """A number in at most six characters."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 100000:
        text = f"{value / 1000:.0f}k"
    elif size >= 1000:
        text = f"{value:.0f}"
    elif size >= 100:
        text = f"{value:.1f}"
    elif size >= 1 or value == 0:
        text = f"{value:.2f}"
    elif size >= 0.001:
        text = f"{value:.3f}"
    else:
        text = f"{value:.0e}"
    return text.replace("-", "−")


def dots(points: Points, columns: int, rows: int, low: float, high: float, logarithmic: bool) -> list[str]:
    """The curve as lines of braille: the mean of each column of dots, joined by vertical strokes."""
    across, down = columns * 2, rows * 4
    heights = _heights(points, across, low, high, logarithmic) * (down - 1)
    cells = np.full((rows, columns), 0x2800, np.int32)
    before: int | None = None
    for x, height in enumerate(heights):
        if not math.isfinite(height):
            continue
        y = down - 1 - round(height)
        start = y if before is None else before
        for dot in range(min(start, y), max(start, y) + 1):
            if dot != start or dot == y:
                cells[dot // 4, x // 2] |= DOTS[dot % 4][x % 2]
        before = y
    return ["".join(" " if cell == 0x2800 else chr(cell) for cell in row) for row in cells]


def _heights(points: Points, across: int, low: float, high: float, logarithmic: bool) -> np.ndarray:
    steps = np.array([step for step, _ in points], np.float64)
    values = np.array([value for _, value in points], np.float64)
    if logarithmic and low > 0:
        values, low, high = np.log(np.maximum(values, low)), math.log(low), math.log(high)
    span = steps[-1] - steps[0]
    if span <= 0:
        alone = np.full(across, np.nan)
        alone[0] = (values[-1] - low) / (high - low)
        return alone
    at = np.minimum(((steps - steps[0]) / span * across).astype(int), across - 1)
    sums = np.bincount(at, values, across)
    counts = np.bincount(at, minlength=across)
    filled = np.flatnonzero(counts)
    means = np.interp(np.arange(across), filled, sums[filled] / counts[filled])
    return np.asarray(np.clip((means - low) / (high - low), 0, 1))


def steps_axis(first: float, last: float, columns: int) -> str:
    """First and last step under the curve."""
    left, right = f"{first:.0f}", f"{last:.0f}" if last > first else ""
    if len(left) + len(right) + 1 > columns:
        return " " * AXIS_WIDTH + left[:columns].ljust(columns)
    return " " * AXIS_WIDTH + left + right.rjust(columns - len(left))


LOSSES: Mapping[str, str] = {
    "g/mel": "distance of the spectrograms",
    "held_out/mel": "on clips it never heard",
    "held_out/speaker": "likeness to the speaker",
    "held_out/phones": "share of phones kept",
    "held_out/f0_cents": "error of the pitch, cents",
    "g/stft": "distance at several resolutions",
    "g/kl": "prior against posterior",
    "g/fm": "feature matching",
    "g/adv": "fooling the discriminator",
    "d/loss": "discriminator",
}
"""What each loss of a training run measures, in the order of interest."""


def meaning_of(metric: str) -> str:
    """A metric in a few words, or nothing when its name is not known."""
    return LOSSES.get(metric, "")


def ordered(names: Iterable[str]) -> list[str]:
    """Losses in the order of interest; sums, gradient norms and checks are for the log file, not for the eye."""
    there = set(names)
    known = [name for name in LOSSES if name in there]
    rest = (name for name in there - set(known) if name.startswith(("g/", "d/")))
    others = sorted(name for name in rest if not name.endswith(("grad_norm", "/total")))
    return known + others
