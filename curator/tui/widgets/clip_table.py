"""The table of clips: 100,000 rows straight from Arrow, of which a verdict draws one anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual_fastdatatable import DataTable
from textual_fastdatatable.column import CELL_X_PADDING, Column

from curator.tui.widgets.clip_rows import VERDICTS, ClipBackend, columns_for
from curator.tui.widgets.quick_cell import line_of


class ClipTable(DataTable):
    """The clips that the filter shows, one row each, with the cursor on one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "clip-table--accepted",
        "clip-table--rejected",
        "clip-table--undecided",
        "clip-table--waiting",
        "clip-table--hint",
        "clip-table--marked",
    }
    DEFAULT_CSS = """
    ClipTable {
        height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .clip-table--accepted { color: $success; }
        & > .clip-table--rejected { color: $error; }
        & > .clip-table--undecided { color: $foreground 50%; }
        & > .clip-table--waiting { color: $warning; }
        & > .clip-table--hint { text-style: dim; }
        & > .clip-table--marked { color: $accent; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_down", "Next clip", show=False, id="clips.down"),
        Binding("up,k", "cursor_up", "Previous clip", show=False, id="clips.up"),
        Binding("home,g", "first", "First clip", show=False, id="clips.first"),
        Binding("end,G", "last", "Last clip", show=False, id="clips.last"),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False, id="clips.page_down"),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False, id="clips.page_up"),
        Binding("tab", "app.focus_next", "Next panel", show=False),
        Binding("shift+tab", "app.focus_previous", "Previous panel", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor went to another clip, or to none."""

        clip: dict[str, Any] | None

    def __init__(self, *, id: str | None = None) -> None:
        self.clips: ClipBackend | None = None
        super().__init__(cursor_type="row", render_markup=False, show_row_labels=False, id=id)

    @property
    def ordered_columns(self) -> list[Column]:
        """The columns that fit, at fixed widths."""
        if self._ordered_columns is None:
            shown = self.clips.shown if self.clips else ()
            self._ordered_columns = [
                Column(
                    Text(column.label, justify="right" if column.right else "left"), width=width, content_width=width
                )
                for column, width in shown
            ]
        return self._ordered_columns

    def show_table(self, data: pa.Table, *, keep: str | None = None) -> None:
        """Show another table; the cursor stays on the clip `keep` when it is still there, else at its row.

        Marks stay on the clips that are still shown.
        """
        row, marked = self.cursor_row, self.marked_ids()
        self.clips = ClipBackend(data.combine_chunks(), self._style)
        if marked:
            self.clips.marked = pc.is_in(self.clips.data["id"], pa.array(marked)).to_numpy(zero_copy_only=False).copy()
        self.clips.render_markup = False
        self.backend = self.clips
        self._lay_out()
        found = self.row_of(keep) if keep else None
        target = found if found is not None else min(row, max(0, data.num_rows - 1))
        if data.num_rows:
            self.move_cursor(row=target)
            self.call_after_refresh(self._scroll_cursor_into_view)
        self.post_message(self.Moved(self.clip_at(target)))

    def _style(self, name: str) -> Style:
        style = self.get_component_rich_style(f"clip-table--{name}", partial=True)
        return Style(color=style.color, dim=style.dim, bold=style.bold)

    def _lay_out(self) -> None:
        if self.clips is not None and self.size.width:
            self.clips.shown = columns_for(self.size.width - 1)
        self._ordered_columns = None
        self._clear_caches()
        self._update_count += 1
        self._require_update_dimensions = True
        self.refresh(layout=True)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the columns again for the new width."""
        self._lay_out()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell which clip the cursor is on now."""
        event.stop()
        self.post_message(self.Moved(self.clip_at(event.cursor_row)))

    @property
    def current(self) -> dict[str, Any] | None:
        """The clip under the cursor with all its fields."""
        return self.clip_at(self.cursor_row)

    def clip_at(self, row: int) -> dict[str, Any] | None:
        """The clip of a row with all its fields as they stand now."""
        if self.clips is None or not 0 <= row < self.clips.row_count:
            return None
        clip: dict[str, Any] = self.clips.data.slice(row, 1).to_pylist()[0]
        clip |= self.clips.edited.get(row, {})
        clip["verdict"] = self.clips.value(row, "verdict")
        clip["reasons"] = self.clips.value(row, "reasons")
        return clip

    def row_of(self, clip_id: str) -> int | None:
        """The row that shows a clip, or None."""
        if self.clips is None or not self.clips.row_count:
            return None
        for edited, fields in self.clips.edited.items():
            if fields.get("id") == clip_id:
                return edited
        row = int(pc.index(self.clips.data.column("id"), clip_id).as_py())
        return row if row >= 0 and row not in self.clips.edited else None

    def mark_waiting(self, row: int) -> None:
        """Show that a decision about a row is on its way to disk."""
        if self.clips is not None:
            self.clips.waiting.add(row)
            self._draw_again({row})

    def mark(self, verdicts: Mapping[str, str], reasons: Sequence[str] = ()) -> None:
        """Show confirmed verdicts, keyed by clip."""
        if self.clips is None:
            return
        changed = set()
        for clip_id, verdict in verdicts.items():
            row = self.row_of(clip_id)
            if row is not None:
                self.clips.waiting.discard(row)
                self.clips.verdicts[row] = VERDICTS.index(verdict)
                self.clips.reasons[row] = tuple(reasons)
                changed.add(row)
        self._draw_again(changed)

    def edit_row(self, row: int, fields: Mapping[str, Any]) -> None:
        """Show a row with other fields, until the table is read again."""
        if self.clips is not None and 0 <= row < self.clips.row_count:
            self.clips.waiting.discard(row)
            self.clips.edited[row] = {**self.clips.edited.get(row, {}), **fields}
            self._draw_again({row})

    def marked_ids(self) -> list[str]:
        """The clips that are marked, from the top."""
        if self.clips is None or not self.clips.marked.any():
            return []
        ids: list[str] = self.clips.data["id"].filter(pa.array(self.clips.marked)).to_pylist()
        for row, fields in self.clips.edited.items():
            if self.clips.marked[row] and "id" in fields:
                ids[int(self.clips.marked[:row].sum())] = fields["id"]
        return ids

    def decide_marked(self, verdict: str, reasons: Sequence[str]) -> None:
        """Show one confirmed verdict for all marked rows."""
        if self.clips is not None:
            rows = np.flatnonzero(self.clips.marked)
            self.clips.verdicts[rows] = VERDICTS.index(verdict)
            self.clips.reasons |= dict.fromkeys(rows.tolist(), tuple(reasons))

    def set_marks(self, marked: np.ndarray) -> None:
        """Mark these rows and no others, (rows,)."""
        if self.clips is not None and marked.size == self.clips.row_count:
            changed = np.flatnonzero(self.clips.marked != marked)
            self.clips.marked = marked.astype(bool)
            if changed.size > self.size.height:
                self._clear_caches()
                self.refresh()
            else:
                self._draw_again(set(changed.tolist()))

    def forget_waiting(self) -> None:
        """Take the waiting marks away after a decision failed."""
        if self.clips is not None:
            rows = set(self.clips.waiting)
            self.clips.waiting.clear()
            self._draw_again(rows)

    def _render_cell(
        self,
        row_index: int,
        column_index: int,
        base_style: Style,
        width: int,
        cursor: bool = False,
        hover: bool = False,
        in_range: bool = False,
    ) -> list[list[Segment]]:
        """A cell, which is always one line of text."""
        if row_index < 0 or column_index < 0 or self.clips is None:
            return super()._render_cell(row_index, column_index, base_style, width, cursor, hover, in_range)
        about = (self._show_hover_cursor, self._update_count, self._pseudo_class_state)
        key = (row_index, column_index, base_style, cursor, hover, in_range, *about)
        if key not in self._cell_render_cache:
            priorities = self.cursor_foreground_priority == "css", self.cursor_background_priority == "css"
            shown = (self.show_cursor, self._show_hover_cursor, self.cursor_type == "range")
            style, over = self._get_styles_to_render_cell(
                False, False, False, hover, cursor, in_range, *shown, *priorities
            )
            style = base_style + Style.from_meta({"row": row_index, "column": column_index}) + style
            text = self.clips.get_cell_at(row_index, column_index)
            line = line_of(self.app.console, text, width, CELL_X_PADDING // 2, style, over)
            self._cell_render_cache[key] = [line]
        return self._cell_render_cache[key]

    def _draw_again(self, rows: set[int]) -> None:
        """Draw some rows anew; all others keep what was drawn of them."""
        for cell in [key for key in self._cell_render_cache.keys() if key[0] in rows]:  # noqa: SIM118
            self._cell_render_cache.discard(cell)
        for line in [key for key in self._row_render_cache.keys() if key[0] in rows]:  # noqa: SIM118
            self._row_render_cache.discard(line)
        self._line_cache.clear()
        for row in rows:
            self.refresh_row(row)

    def verdict_counts(self) -> dict[str, int]:
        """How many of the shown clips have each verdict now."""
        counts = np.bincount(self.clips.verdicts, minlength=3) if self.clips is not None else np.zeros(3, int)
        return {verdict: int(count) for verdict, count in zip(VERDICTS, counts, strict=True)}

    def next_undecided(self) -> int | None:
        """The next row after the cursor, going round, with no verdict on disk or on its way; None when all have one."""
        if self.clips is None:
            return None
        rows = np.setdiff1d(np.flatnonzero(self.clips.verdicts == 0), list(self.clips.waiting))
        if not rows.size:
            return None
        later = rows[rows > self.cursor_row]
        return int(later[0] if later.size else rows[0])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys for left and right to the room: rows have no parts to go to."""
        return action not in ("cursor_left", "cursor_right")

    def action_first(self) -> None:
        """Go to the first clip."""
        self.move_cursor(row=0)

    def action_last(self) -> None:
        """Go to the last clip."""
        self.move_cursor(row=max(0, self.row_count - 1))
