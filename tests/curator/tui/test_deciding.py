"""Marks, ranges and decisions about many clips at once; set semantics; undo after a restart."""

from __future__ import annotations

from typing import Any

from textual.message import Message
from textual.pilot import Pilot

from catalog.library import Library
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.messages import VerdictConfirmed
from curator.tui.screens.ask import Confirm
from curator.tui.screens.review import ReviewScreen
from curator.tui.widgets.clip_table import ClipTable
from tests.curator.tui.conftest import Settle, row_of_clips


async def opened(pilot: Pilot[Any], settle: Settle) -> ReviewScreen:
    await settle(pilot)
    await pilot.press("2")
    await settle(pilot)
    assert isinstance(pilot.app.screen, ReviewScreen)
    return pilot.app.screen


def verdicts(library: Library) -> str:
    """The verdicts in order, a letter each."""
    with Store(library) as store:
        return "".join(verdict[0] for verdict in store.clip_table(sort='"start"')["verdict"].to_pylist())


async def test_marks_and_ranges_are_decided_in_one_action_with_one_reason_and_undone_in_one(
    library: Library, settle: Settle
) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(12))
    messages: list[Message] = []
    app = CuratorApp(library)
    async with app.run_test(size=(120, 40), message_hook=messages.append) as pilot:
        screen = await opened(pilot, settle)
        await pilot.press("m", "j", "j", "v", "j", "j", "v", "r")
        await settle(pilot)
        assert verdicts(library) == "ruurrruuuuuu"
        assert screen.query_one(ClipTable).marked_ids() == []
        await pilot.press("2")
        await settle(pilot)
        with Store(library) as store:
            assert [row["reasons"] for row in store.clip_table(where="verdict = 'rejected'").to_pylist()] == [
                ["second voice"]
            ] * 4
        confirmed = [len(message.clips) for message in messages if isinstance(message, VerdictConfirmed)]
        assert confirmed == [4, 4]
        await pilot.press("u")
        await settle(pilot)
        assert verdicts(library) == "u" * 12
        await pilot.press("U")
        await settle(pilot)
        assert verdicts(library) == "ruurrruuuuuu"


async def test_all_that_the_filter_shows_is_decided_after_a_question_with_the_count(
    library: Library, settle: Settle
) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(90))
    app = CuratorApp(library)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, settle)
        screen._filter("snr_db < 40")
        await settle(pilot)
        shown = screen.query_one(ClipTable).row_count
        assert 50 < shown < 90
        await pilot.press("asterisk", "a")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        assert f"{shown} clips" in app.screen.question
        await pilot.press("n")
        await settle(pilot)
        assert verdicts(library) == "u" * 90
        await pilot.press("a", "y")
        await settle(pilot)
        assert verdicts(library).count("a") == shown
        counts = screen.query_one(ClipTable).verdict_counts()
        assert counts["accepted"] == shown
    reopened = CuratorApp(library)
    async with reopened.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, settle)
        await pilot.press("u")
        await settle(pilot)
        assert verdicts(library) == "u" * 90
        await settle(pilot)
        assert screen.query_one(ClipTable).verdict_counts()["undecided"] == 90


async def test_keys_set_and_never_toggle_and_marks_stay_on_their_clips_until_escape(
    library: Library, settle: Settle
) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(6))
    app = CuratorApp(library)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, settle)
        table = screen.query_one(ClipTable)
        await pilot.press("r", "k", "r", "k", "a", "k", "x")
        await settle(pilot)
        assert verdicts(library) == "u" * 6
        await pilot.press("u")
        await settle(pilot)
        assert verdicts(library) == "auuuuu"
        await pilot.press("m", "m")
        marked = table.marked_ids()
        assert len(marked) == 2
        screen._order('"start" DESC')
        await settle(pilot)
        assert sorted(table.marked_ids()) == sorted(marked)
        assert table.clips is not None
        assert table.clips.get_cell_at(5, 0).plain == "▌✓"
        await pilot.press("escape")
        assert table.marked_ids() == []
        assert screen.sort
        await pilot.press("escape")
        await settle(pilot)
        assert not screen.sort
