"""A short list with aligned columns, one of which takes the spare width: recordings, sets, runs, models, results.

Separate from the clip table: lists stay under a few thousand rows, so the framework's own table does, with the keys
that every list here shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable
from textual.widgets.data_table import CellKey, RowKey

from curator.tui.widgets.quick_cell import line_of
from curator.words import one_line

PADDING = 2


@dataclass(frozen=True)
class ListColumn:
    """A column of a list; `width` 0 takes what the others leave."""

    key: str
    label: str
    width: int
    right: bool = False
    from_width: int = 0
    """The column is left out while the list is narrower than this."""


Row = Mapping[str, str | Text]


class Listing(DataTable[Text]):
    """Rows known by a key; filling it again keeps the cursor on the same row."""

    DEFAULT_CSS = """
    Listing { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_down", "Next", show=False, id="list.down"),
        Binding("up,k", "cursor_up", "Previous", show=False, id="list.up"),
        Binding("home,g", "scroll_top", "First", show=False, id="list.first"),
        Binding("end,G", "scroll_bottom", "Last", show=False, id="list.last"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor went to the row of another key, or there is none."""

        listing: Listing
        row_key: str | None

        @property
        def control(self) -> Listing:
            """The list, for selectors."""
            return self.listing

    @dataclass
    class Opened(Message):
        """A click chose the row; Enter is left to the screen, which says in its footer what it does there."""

        listing: Listing
        row_key: str

        @property
        def control(self) -> Listing:
            """The list, for selectors."""
            return self.listing

    def __init__(self, columns: Sequence[ListColumn], *, id: str | None = None) -> None:
        self._lines_of_cells: dict[tuple[object, ...], list[list[Segment]]] = {}
        super().__init__(cursor_type="row", show_row_labels=False, id=id)
        self.list_columns = tuple(columns)
        self.list_rows: dict[str, Row] = {}
        self._told: str | None = None
        self._laid_out_at = 0

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        keys = list(self.list_rows)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def fill(self, rows: Mapping[str, Row], *, on: str | None = None) -> None:
        """Show these rows; the cursor goes to the key `on`, else stays where it was."""
        before, row = on or self.key, self.cursor_row
        self.list_rows = dict(rows)
        self._lay_out()
        keys = list(self.list_rows)
        target = keys.index(before) if before in self.list_rows else min(row, max(0, len(keys) - 1))
        self.move_cursor(row=target, scroll=True)
        self._told = None
        self._tell(keys[target] if keys else None)

    def go_to(self, key: str) -> None:
        """Put the cursor on the row of a key, if it is there."""
        keys = list(self.list_rows)
        if key in self.list_rows:
            self.move_cursor(row=keys.index(key))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Enter to the screen."""
        return action != "select_cursor"

    def action_scroll_top(self) -> None:
        """Go to the first row."""
        self.move_cursor(row=0)

    def action_scroll_bottom(self) -> None:
        """Go to the last row."""
        self.move_cursor(row=max(0, len(self.list_rows) - 1))

    def on_resize(self, event: events.Resize) -> None:
        """Share the width out again."""
        if self.size.width != self._laid_out_at:
            row = self.cursor_row
            self._lay_out()
            self.move_cursor(row=row)

    def _update_column_widths(self, updated_cells: set[CellKey]) -> None:
        """Measure nothing: every width is given, and measuring thousands of cells is what makes a table slow."""

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """Only the size of the whole: every row is one line high."""
        super()._update_dimensions(())

    def _render_cell(
        self,
        row_index: int,
        column_index: int,
        base_style: Style,
        width: int,
        cursor: bool = False,
        hover: bool = False,
    ) -> list[list[Segment]]:
        """A cell, which is always one line of text."""
        if row_index < 0 or column_index < 0:
            return super()._render_cell(row_index, column_index, base_style, width, cursor, hover)
        key = (row_index, column_index, base_style, cursor, hover, self._show_hover_cursor, self._update_count)
        found = self._lines_of_cells.get(key)
        if found is None:
            text = self._get_row_renderables(row_index).cells[column_index]
            style, over = self._get_styles_to_render_cell(
                False, False, False, hover, cursor, self.show_cursor, self._show_hover_cursor, *self._priorities
            )
            style = base_style + Style.from_meta({"row": row_index, "column": column_index}) + style
            line = line_of(self.app.console, cast(Text, text), width, self.cell_padding, style, over)
            found = self._lines_of_cells[key] = [line]
        return found

    @property
    def _priorities(self) -> tuple[bool, bool]:
        return self.cursor_foreground_priority == "css", self.cursor_background_priority == "css"

    def _clear_caches(self) -> None:
        self._lines_of_cells.clear()
        super()._clear_caches()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell whose row the cursor is on."""
        event.stop()
        self._tell(str(event.row_key.value) if event.row_key and event.row_key.value in self.list_rows else None)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Tell whose row was chosen."""
        event.stop()
        if event.row_key.value in self.list_rows:
            self.post_message(self.Opened(self, str(event.row_key.value)))

    def _tell(self, key: str | None) -> None:
        if key != self._told or key is None:
            self._told = key
            self.post_message(self.Moved(self, key))

    def _lay_out(self) -> None:
        width = self.size.width - 1
        if width <= 0:
            return
        self._laid_out_at = self.size.width
        shown = [column for column in self.list_columns if width >= column.from_width]
        fixed = sum(column.width + PADDING for column in shown)
        flexible = [column for column in shown if not column.width]
        spare = max(8, (width - fixed) // len(flexible)) if flexible else 0
        with self.prevent(DataTable.RowHighlighted):
            self.clear(columns=True)
            for column in shown:
                label = Text(column.label, justify="right" if column.right else "left")
                self.add_column(label, width=column.width or spare, key=column.key)
            for key, row in self.list_rows.items():
                self.add_row(*(cell(row.get(column.key, ""), column, spare) for column in shown), key=key)


def cell(value: str | Text, column: ListColumn, spare: int) -> Text:
    """A cell that is never markup and never longer than its column."""
    text = value.copy() if isinstance(value, Text) else Text(one_line(value))
    text.no_wrap = True
    text.overflow = "ellipsis"
    text.justify = "right" if column.right else "left"
    text.truncate(column.width or spare, overflow="ellipsis")
    return text
