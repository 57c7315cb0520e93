"""The rows of the clip table: which columns fit, what each cell says, and what changed since the clips were read.

Separate from the widget, which draws them and moves among them. The stock backend measures and copies every cell;
here widths are known beforehand, and a cell is written only when it comes into view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.style import Style
from rich.text import Text
from textual_fastdatatable.backend import ArrowBackend
from textual_fastdatatable.column import CELL_X_PADDING

from curator.words import MARKS, file_name, number, one_line, position

HINTS = {"accept": "keep", "reject": "drop", "again": "look"}
HINT_STYLES = {"accept": "accepted", "reject": "rejected", "again": "waiting"}
VERDICTS = ("undecided", "accepted", "rejected")
WIDEST_PATH = 48


@dataclass(frozen=True)
class ClipColumn:
    """One column: the field it shows, its heading and width, and how readily it is left out when space is short."""

    field: str
    label: str
    width: int
    rank: int
    write: Callable[[Any], str]
    right: bool = True


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.0f}%"


def _digits(digits: int) -> Callable[[float | None], str]:
    return lambda value: "" if value is None else number(value, digits)


def _kilo(value: float | None) -> str:
    return "" if value is None else f"{value / 1000:.1f}k"


def _words(value: Sequence[str] | None) -> str:
    return one_line(", ".join(value or ()))


COLUMNS = (
    ClipColumn("verdict", "", 2, 0, lambda value: MARKS.get(value, "?"), False),
    ClipColumn("path", "recording", 20, 0, file_name, False),
    ClipColumn("speaker", "speaker", 12, 8, one_line, False),
    ClipColumn("start_s", "at", 7, 1, position),
    ClipColumn("duration_s", "len", 4, 1, _digits(1)),
    ClipColumn("suggestion", "hint", 4, 2, lambda value: HINTS.get(value or "", ""), False),
    ClipColumn("snr_db", "snr", 4, 3, _digits(0)),
    ClipColumn("overlap_ratio", "overlap", 7, 4, _share),
    ClipColumn("f0_median_hz", "f0", 4, 5, _digits(0)),
    ClipColumn("loudness_lufs", "lufs", 4, 6, _digits(0)),
    ClipColumn("silence_ratio", "pause", 5, 7, _share),
    ClipColumn("pitch_range_st", "range", 5, 9, _digits(0)),
    ClipColumn("bandwidth_hz", "band", 5, 10, _kilo),
    ClipColumn("noise_floor_dbfs", "floor", 5, 11, _digits(0)),
    ClipColumn("reasons", "reasons", 18, 12, _words, False),
)


def columns_for(width: int) -> tuple[tuple[ClipColumn, int], ...]:
    """The columns that fit into `width` cells with their widths, the recording's name taking what is left over."""
    chosen: set[str] = set()
    used = 0
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        needed = column.width + CELL_X_PADDING
        if column.rank and used + needed > width:
            break
        chosen.add(column.field)
        used += needed
    spare = max(0, width - used)
    fitted = []
    for column in COLUMNS:
        if column.field in chosen:
            extra = min(spare, WIDEST_PATH - column.width) if column.field == "path" else 0
            fitted.append((column, column.width + extra))
    return tuple(fitted)


class ClipBackend(ArrowBackend):
    """An Arrow table of clips, shown in some of its fields; verdicts decided since it was read lie over it."""

    def __init__(self, data: pa.Table, style: Callable[[str], Style]) -> None:
        super().__init__(data)
        self.style = style
        self.shown: tuple[tuple[ClipColumn, int], ...] = columns_for(80)
        known = pc.index_in(data.column("verdict").cast(pa.string()), pa.array(VERDICTS))
        self.verdicts = pc.fill_null(known, 0).to_numpy().astype(np.uint8)
        """The verdict of every row now, as a place in `VERDICTS`."""
        self.waiting: set[int] = set()
        self.reasons: dict[int, tuple[str, ...]] = {}
        self.marked = np.zeros(data.num_rows, bool)
        """Rows that the person marked, to act on all of them at once."""
        self.edited: dict[int, dict[str, Any]] = {}
        """Fields of rows whose clip was edited since the table was read."""

    @property
    def columns(self) -> Sequence[str]:
        """Headings."""
        return [column.label for column, _ in self.shown]

    @property
    def column_content_widths(self) -> list[int]:
        """Widths, known without looking at the data."""
        return [width for _, width in self.shown]

    def get_cell_at(self, row_index: int, column_index: int) -> Text:
        """One cell as plain text: nothing in the data is read as markup."""
        if not 0 <= row_index < self.row_count:
            raise IndexError(f"There is no row {row_index}")
        column, width = self.shown[column_index]
        if column.field == "verdict":
            return self._mark(row_index)
        value = self.value(row_index, column.field)
        style: Style | str = ""
        if column.field == "suggestion":
            if value != "reject" and self.value(row_index, "blame_reason"):
                value = "again"
            if value:
                style = self.style(HINT_STYLES[value]) + self.style("hint")
        text = Text(column.write(value), style=style, no_wrap=True, overflow="ellipsis")
        text.truncate(width, overflow="ellipsis")
        text.justify = "right" if column.right else "left"
        if column.right:
            text.align("right", width)
        return text

    def get_row_at(self, index: int) -> list[Text]:
        """A row of cells."""
        return [self.get_cell_at(index, column) for column in range(len(self.shown))]

    def value(self, row_index: int, field: str) -> Any:
        """A field of a row as it stands now."""
        if field == "verdict":
            return VERDICTS[self.verdicts[row_index]]
        if field == "reasons" and row_index in self.reasons:
            return list(self.reasons[row_index])
        if row_index in self.edited and field in self.edited[row_index]:
            return self.edited[row_index][field]
        if field not in self.data.column_names:
            return None
        return self.data.column(field)[row_index].as_py()

    def _mark(self, row_index: int) -> Text:
        verdict = self.value(row_index, "verdict")
        marked = ("▌", self.style("marked")) if self.marked[row_index] else " "
        if row_index in self.waiting:
            return Text.assemble(marked, ("…", self.style("waiting")))
        return Text.assemble(marked, (MARKS[verdict], self.style(verdict)))
