"""Takes side by side: which is cleanest, choosing one by key, and taking it back."""

from __future__ import annotations

from catalog.library import Library
from catalog.records import Rule
from curator.learning import COMPARED, by_hand
from curator.tui.app import CuratorApp
from curator.tui.screens.takes import TakeColumn, TakesScreen
from curator.tui.takes import ranked
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.reason_bar import ReasonBar
from tests.curator.tui.conftest import Settle

RULES = (Rule("snr_db", "<", 20.0, "noise"), Rule("silence_ratio", ">", 0.5, "silence"))


def test_the_cleanest_take_has_the_fewest_complaints_then_the_highest_snr() -> None:
    clips = [
        {"id": "a", "snr_db": 60.0, "silence_ratio": 0.9},
        {"id": "b", "snr_db": 30.0, "silence_ratio": 0.1},
        {"id": "c", "snr_db": 35.0, "silence_ratio": 0.1},
    ]
    takes = ranked(clips, RULES)
    assert [take.cleanest for take in takes] == [False, False, True]
    assert [take.complaints for take in takes] == [1, 0, 0]


def test_a_star_stands_where_no_other_take_is_better_and_never_where_all_are_equal() -> None:
    clips = [
        {"id": "a", "snr_db": 30.0, "silence_ratio": 0.2},
        {"id": "b", "snr_db": 35.0, "silence_ratio": 0.2},
    ]
    best = [{line.name: line.best for line in take.lines} for take in ranked(clips, RULES)]
    assert best == [{"snr_db": False, "silence_ratio": False}, {"snr_db": True, "silence_ratio": False}]


async def test_keeping_one_take_rejects_the_others_in_one_step_that_one_undo_takes_back(
    three_takes: Library, settle: Settle
) -> None:
    app = CuratorApp(three_takes)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("D")
        await settle(pilot)
        columns = list(app.screen.query(TakeColumn))
        assert [column.shown.cleanest for column in columns] == [False, True, False]
        assert [column.has_class("-chosen") for column in columns] == [True, False, False]
        await pilot.press("right", "k")
        await settle(pilot)
        found = app.store.clip_table()
        assert found["verdict"].to_pylist() == ["rejected", "accepted", "rejected", "undecided"]
        assert found["reasons"].to_pylist()[:3] == [[COMPARED]] * 3
        assert not any(by_hand(found).to_pylist())
        assert "1 take kept, 2 rejected" in str(app.screen.query_one(ReasonBar).render())
        await pilot.press("u")
        await settle(pilot)
        assert app.store.clip_table()["verdict"].to_pylist() == ["undecided"] * 4


async def test_leaving_decides_nothing(three_takes: Library, settle: Settle) -> None:
    app = CuratorApp(three_takes)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("D")
        await settle(pilot)
        assert isinstance(app.screen, TakesScreen)
        await pilot.press("right", "escape")
        await settle(pilot)
        assert app.store.clip_table()["verdict"].to_pylist() == ["undecided"] * 4


async def test_a_clip_that_nothing_repeats_has_no_takes(three_takes: Library, settle: Settle) -> None:
    app = CuratorApp(three_takes)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        app.screen.query_one(ClipTable).move_cursor(row=3)
        await pilot.press("D")
        await settle(pilot)
        assert not isinstance(app.screen, TakesScreen)
        assert "No other clip repeats this one." in str(app.screen.query_one(ReasonBar).render())
