"""Every score of one clip as a number, a bar and the limit it is held against; what speaks against the clip is first.

The bar's ends are fixed per score, so that two clips can be compared by eye.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from catalog.records import SCORES, Rule
from curator.words import number, one_line

NARROWEST = 40
NAME_WIDTH = 18
VALUE_WIDTH = 10

BLAME = "blame"
"""What a training says of the clip stands among the scores, under its name in filters and places."""

RANGES: dict[str, tuple[float, float]] = {
    "snr_db": (0, 60),
    "noise_floor_dbfs": (-100, -20),
    "silence_ratio": (0, 1),
    "longest_pause_s": (0, 3),
    "overlap_ratio": (0, 1),
    "f0_low_hz": (50, 1100),
    "f0_median_hz": (50, 1100),
    "f0_high_hz": (50, 1100),
    "pitch_range_st": (0, 36),
    "voiced_ratio": (0, 1),
    "clipped_ratio": (0, 0.01),
    "peak_dbfs": (-40, 0),
    "true_peak_dbtp": (-40, 3),
    "loudness_lufs": (-50, 0),
    "bandwidth_hz": (0, 24000),
    "hum_db": (0, 40),
    "reverb_rt60_s": (0, 2),
    "music_ratio": (0, 1),
    "speaker_similarity": (0, 1),
    "mos": (1, 5),
    BLAME: (0, 10),
}
UNITS = {"semitones": "st", "cosine": "", "1-5": "", "clip id": "", "share": "%"}
DIGITS = {"dB": 1, "dBFS": 1, "dBTP": 1, "LUFS": 1, "Hz": 0, "s": 2, "semitones": 1, "cosine": 2, "1-5": 1}


@dataclass(frozen=True)
class ScoreLine:
    """One score as it is shown."""

    name: str
    value: str
    filled: float | None
    """Share of the bar that is filled; None for scores without a bar."""
    limit: float | None
    """Where on the bar the limit stands."""
    against: str | None
    """Why the score speaks against the clip, or None."""
    held: bool
    """Whether a rule looks at this score."""


def written(name: str, unit: str, value: Any) -> str:
    """A score with its unit: "23.4 dB", "12 %", "–"."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return one_line(value)[:8]
    if unit == "share":
        return f"{number(value * 100, 2 if name == 'clipped_ratio' else 0)} %"
    return f"{number(value, DIGITS.get(unit, 2))} {UNITS.get(unit, unit)}".rstrip()


def lines_of(clip: Mapping[str, Any], rules: Sequence[Rule]) -> list[ScoreLine]:
    """The computed scores of a clip in the order of reading: against it, held and fine, the rest."""
    told = dict(zip(clip.get("suggestion_scores") or (), clip.get("suggestion_reasons") or (), strict=False))
    lines = []
    for score in SCORES:
        value = clip.get(score.name)
        if value is None:
            continue
        own = [rule for rule in rules if rule.score == score.name]
        broken = [rule for rule in own if _breaks(value, rule)]
        span = RANGES.get(score.name)
        shown = broken[0] if broken else own[0] if own else None
        lines.append(
            ScoreLine(
                score.name,
                written(score.name, score.unit, value),
                _share(value, span),
                _share(shown.limit, span) if shown and shown.op in ("<", ">") else None,
                told.get(score.name) or "; ".join(rule.reason for rule in broken) or None,
                bool(own),
            )
        )
    if clip.get(BLAME) is not None:
        reason = clip.get("blame_reason") or None
        value = f"{number(clip[BLAME], 1)} ×"
        lines.append(ScoreLine(BLAME, value, _share(clip[BLAME], RANGES[BLAME]), None, reason, False))
    return sorted(lines, key=lambda line: (line.against is None, not line.held))


def not_scored(clip: Mapping[str, Any]) -> list[str]:
    """Names of the scores that this clip has no value for."""
    return [score.name for score in SCORES if clip.get(score.name) is None and score.name != "duplicate_of"]


def bar(filled: float | None, limit: float | None, width: int, colour: str) -> Content:
    """A bar of `width` cells with a stroke where the limit is."""
    if filled is None:
        return Content(" " * width)
    cells = round(filled * width)
    stroke = None if limit is None else min(width - 1, round(limit * width))
    full, rest = (("━" * cells, colour), ("─" * (width - cells), "$foreground 20%"))
    if stroke is None:
        return Content.assemble(full, rest)
    # Few parts, since every part of a line costs when it is drawn.
    line = full[0] + rest[0]
    mark = ("┃", "$foreground 80%")
    if stroke < cells:
        return Content.assemble((line[:stroke], colour), mark, (line[stroke + 1 : cells], colour), rest)
    return Content.assemble(full, (line[cells:stroke], rest[1]), mark, (line[stroke + 1 :], rest[1]))


class ScorePanel(VerticalScroll):
    """The scores of the clip under the cursor."""

    DEFAULT_CSS = """
    ScorePanel { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    ScorePanel Static { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.clip: Mapping[str, Any] | None = None
        self.rules: Sequence[Rule] = ()
        self._drawn = 0

    def compose(self) -> ComposeResult:
        yield Static(id="score-lines")

    def show(self, clip: Mapping[str, Any] | None, rules: Sequence[Rule]) -> None:
        """Show another clip, held against `rules`."""
        self.clip, self.rules = clip, rules
        self._draw()
        self.scroll_home(animate=False)

    @property
    def complaints(self) -> dict[str, str]:
        """The scores that speak against the clip, each with the reason, the weightiest first."""
        lines = lines_of(self.clip, self.rules) if self.clip is not None else []
        return {line.name: line.against for line in lines if line.against}

    def on_resize(self) -> None:
        """Lay the columns out again."""
        self._draw()

    def _draw(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        lines = panel_lines(self.clip, self.rules, width) if self.clip is not None and width else []
        self.query_one("#score-lines", Static).update(Content("\n").join(lines), layout=len(lines) != self._drawn)
        self._drawn = len(lines)


def panel_lines(clip: Mapping[str, Any], rules: Sequence[Rule], width: int) -> list[Content]:
    """The panel's text: complaints over the full width, then the other scores in as many columns as fit."""
    lines = lines_of(clip, rules)
    against = [line for line in lines if line.against]
    fine = [line for line in lines if not line.against]
    columns = max(1, min(3, (width + 2) // (NARROWEST + 2)))
    each = (width - 2 * (columns - 1)) // columns
    rows = [_complaint(line, width, each) for line in against]
    per_column = -(-len(fine) // columns)
    for row in range(per_column):
        cells = [
            _line(fine[row + column * per_column], each)
            if row + column * per_column < len(fine)
            else Content(" " * each)
            for column in range(columns)
        ]
        rows.append(Content("  ").join(cells))
    missing = not_scored(clip)
    if missing:
        words = textwrap.wrap("not scored: " + ", ".join(missing), max(20, width - 2), subsequent_indent="  ")
        rows += [Content.styled("  " + line, "$foreground 45%") for line in words]
    return rows


def _line(line: ScoreLine, width: int) -> Content:
    mark = ("✗ ", "$error") if line.against else ("✓ ", "$success") if line.held else ("  ", "")
    space = max(4, width - 2 - NAME_WIDTH - 1 - VALUE_WIDTH - 1)
    colour = "$error" if line.against else "$success" if line.held else "$primary"
    return Content.assemble(
        mark,
        (f"{line.name:<{NAME_WIDTH}}", "bold" if line.against else "$foreground 80%"),
        (f" {line.value:>{VALUE_WIDTH}} ", "$error" if line.against else ""),
        bar(line.filled, line.limit, space, colour),
    )


def without_value(reason: str) -> str:
    """A reason beside its score, which says the value already: "noise: 16 dB, under 20 dB" is "noise, under 20 dB"."""
    what, colon, rest = reason.partition(": ")
    _, comma, limit = rest.partition(", ")
    return f"{what}, {limit}" if colon and comma else reason


def _complaint(line: ScoreLine, width: int, each: int) -> Content:
    room = width - each - 2
    reason = without_value(one_line(line.against or ""))
    if room >= len(reason) + 1:
        return Content.assemble(_line(line, each), ("  " + reason, "$error"))
    short = max(NARROWEST - 8, width - len(reason) - 2)
    return Content.assemble(_line(line, min(each, short)), ("  " + reason, "$error")).truncate(width, ellipsis=True)


def _breaks(value: Any, rule: Rule) -> bool:
    if not isinstance(value, int | float) or rule.op not in ("<", ">"):
        return False
    return value < rule.limit if rule.op == "<" else value > rule.limit


def _share(value: Any, span: tuple[float, float] | None) -> float | None:
    if span is None or not isinstance(value, int | float):
        return None
    low, high = span
    return min(1.0, max(0.0, (value - low) / (high - low)))
