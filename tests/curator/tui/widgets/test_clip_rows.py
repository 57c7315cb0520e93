"""The clip table's columns and cells."""

from __future__ import annotations

import pyarrow as pa
import pytest
from rich.style import Style

from curator.tui.widgets.clip_rows import ClipBackend, columns_for
from tests.curator.tui.widgets.conftest import table_of


@pytest.mark.parametrize("width", [30, 40, 60, 79, 100, 139, 199, 300])
def test_columns_fill_the_width_and_never_more(width: int) -> None:
    shown = columns_for(width)
    used = sum(cells + 2 for _, cells in shown)
    assert used <= max(width, 25)
    fields = [column.field for column, _ in shown]
    assert fields[:2] == ["verdict", "path"]


def test_wider_screens_show_all_that_narrow_ones_do() -> None:
    seen: set[str] = set()
    for width in range(30, 260, 5):
        now = {column.field for column, _ in columns_for(width)}
        assert seen <= now
        seen = now
    assert "reasons" in seen


def test_cells_are_plain_text_and_missing_scores_are_empty() -> None:
    backend = ClipBackend(table_of(2, "/a/[red]x[].wav"), lambda _: Style())
    cells = {column.field: cell.plain for (column, _), cell in zip(backend.shown, backend.get_row_at(0), strict=True)}
    assert cells["path"].startswith("[red]x[].wav")
    assert cells["verdict"] == " ·"
    assert cells["overlap_ratio"].strip() == ""
    assert cells["snr_db"].strip() == "30"
    with pytest.raises(IndexError):
        backend.get_cell_at(2, 0)


@pytest.mark.parametrize(
    ("suggestion", "reason", "hint"),
    [("accept", "strange", "look"), ("accept", None, "keep"), ("reject", "strange", "drop"), (None, "strange", "look")],
)
def test_the_hint_says_look_at_what_a_training_found_strange(
    suggestion: str | None, reason: str | None, hint: str
) -> None:
    table = table_of(1).set_column(7, "suggestion", [pa.array([suggestion], pa.string())])
    backend = ClipBackend(table.append_column("blame_reason", [pa.array([reason], pa.string())]), lambda _: Style())
    cells = {column.field: cell.plain for (column, _), cell in zip(backend.shown, backend.get_row_at(0), strict=True)}
    assert cells["suggestion"].strip() == hint
