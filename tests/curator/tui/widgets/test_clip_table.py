"""The clip table at work: marks, the cursor, and what stays when the rows change."""

from __future__ import annotations

from textual.app import App, ComposeResult

from curator.tui.widgets.clip_table import ClipTable
from tests.curator.tui.widgets.conftest import table_of


class Bare(App[None]):
    """The table alone."""

    def compose(self) -> ComposeResult:
        yield ClipTable()


async def test_a_hundred_thousand_rows_show_and_one_mark_changes_one_row() -> None:
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
