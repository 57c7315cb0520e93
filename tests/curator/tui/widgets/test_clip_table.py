"""The clip table's columns and cells."""

from __future__ import annotations

import pyarrow as pa
import pytest
from rich.style import Style

from curator.tui.widgets.clip_table import ClipBackend, ClipTable, columns_for


def table_of(rows: int, path: str = "/a/b.wav") -> pa.Table:
    return pa.table(
        {
            "id": [f"{n:016x}" for n in range(rows)],
            "path": [path] * rows,
            "speaker": ["alto"] * rows,
            "start_s": [n * 6.0 for n in range(rows)],
            "duration_s": [6.0] * rows,
            "verdict": ["undecided"] * rows,
            "reasons": pa.array([[]] * rows, pa.list_(pa.string())),
            "suggestion": ["accept"] * rows,
            "snr_db": [30.0] * rows,
            "overlap_ratio": pa.array([None] * rows, pa.float64()),
        }
    )


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


async def test_a_hundred_thousand_rows_show_and_one_mark_changes_one_row() -> None:
    from textual.app import App, ComposeResult

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield ClipTable()

    app = Bare()
    async with app.run_test(size=(100, 30)) as pilot:
        table = app.query_one(ClipTable)
        table.show_table(table_of(100_000))
        await pilot.press("G")
        assert table.cursor_row == 99_999
        table.mark({f"{99_999:016x}": "rejected", f"{500:016x}": "accepted"}, ["noise"])
        assert table.verdict_counts() == {"undecided": 99_998, "accepted": 1, "rejected": 1}
        assert table.current is not None
        assert (table.current["verdict"], table.current["reasons"]) == ("rejected", ["noise"])
        assert table.next_undecided() == 0
        await pilot.pause()
        assert "✗" in table.render_line(table.size.height - 1).text


async def test_the_cursor_stays_on_its_clip_when_the_rows_change() -> None:
    from textual.app import App, ComposeResult

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield ClipTable()

    app = Bare()
    async with app.run_test(size=(100, 30)) as pilot:
        table = app.query_one(ClipTable)
        table.show_table(table_of(20))
        table.move_cursor(row=12)
        await pilot.pause()
        keep = table.current["id"]  # type: ignore[index]
        table.show_table(table_of(20).slice(5), keep=keep)
        assert table.cursor_row == 7
        table.show_table(table_of(200).slice(8), keep=f"{150:016x}")
        await pilot.pause()
        await pilot.pause()
        assert table.cursor_row == 142
        assert table.scroll_offset.y <= 142 < table.scroll_offset.y + table.size.height
        table.show_table(table_of(20).slice(0, 3), keep=keep)
        assert table.cursor_row == 2
        table.show_table(table_of(0), keep=keep)
        assert table.current is None


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
