"""The review room, driven by keys: what is in DuckDB, what was said, what is on the screen."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from textual.events import Key
from textual.message import Message

from catalog.library import Library
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.messages import VerdictConfirmed, VerdictTakenBack
from curator.tui.screens.review import ReviewScreen
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import FilterLine
from curator.tui.widgets.reason_bar import ReasonBar
from curator.tui.widgets.score_panel import ScorePanel
from curator.tui.widgets.waveform import Waveform
from tests.curator.tui.conftest import Settle, row_of_clips


def table_of(app: CuratorApp) -> ClipTable:
    return app.screen.query_one(ClipTable)


def words_of(app: CuratorApp, selector: str) -> str:
    return str(app.screen.query_one(selector).render())


def verdicts(store: Store) -> dict[str, str]:
    table = store.clip_table()
    return dict(zip(table["id"].to_pylist(), table["verdict"].to_pylist(), strict=True))


async def test_accept_is_on_disk_and_the_cursor_is_on_the_next_clip(
    sample: Library, store: Store, settle: Settle
) -> None:
    messages: list[Message] = []
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40), message_hook=messages.append) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("n")
        clip, row = table_of(app).current, table_of(app).cursor_row
        assert clip is not None
        assert clip["verdict"] == "undecided"
        await pilot.press("a")
        assert verdicts(store)[clip["id"]] == "accepted"
        assert table_of(app).cursor_row == row + 1
        assert table_of(app).clip_at(row)["verdict"] == "accepted"  # type: ignore[index]
        confirmed = [message for message in messages if isinstance(message, VerdictConfirmed)]
        assert [(each.clips, each.verdict) for each in confirmed] == [((clip["id"],), "accepted")]


async def test_reject_takes_a_reason_by_one_more_key_and_undo_takes_both_back(
    sample: Library, store: Store, settle: Settle
) -> None:
    messages: list[Message] = []
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40), message_hook=messages.append) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("n")
        clip = table_of(app).current
        assert clip is not None
        await pilot.press("r", "2")
        row = store.clip(clip["id"])
        assert (row["verdict"], list(row["reasons"])) == ("rejected", ["second voice"])
        assert app.current_mode == "review"
        await pilot.press("u")
        row = store.clip(clip["id"])
        assert (row["verdict"], list(row["reasons"])) == ("undecided", [])
        assert "Undone" in words_of(app, "#said")
        await pilot.press("U")
        row = store.clip(clip["id"])
        assert (row["verdict"], list(row["reasons"])) == ("rejected", ["second voice"])
        kinds = [message.kind for message in messages if isinstance(message, VerdictTakenBack)]
        assert kinds == ["undo", "undo", "redo", "redo"]


async def test_digits_change_the_room_unless_a_reason_is_asked_for(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("r", "j", "3")
        await settle(pilot)
        assert app.current_mode == "review", "the reason is asked for until something else is decided"
        assert not app.screen.query_one(ReasonBar).asking
        await pilot.press("3")
        assert app.current_mode == "sets"


async def test_a_hundred_and_fifty_fast_decisions_are_kept_in_order(library: Library, settle: Settle) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(150))
    keys = ["a" if n % 3 else "r" for n in range(150)]
    app = CuratorApp(library)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        for key in [*keys, "u", "u"]:
            app.post_message(Key(key, key))
        await settle(pilot)
    with Store(library) as store:
        table = store.clip_table(sort='"start"')
        expected = ["accepted" if key == "a" else "rejected" for key in keys[:-2]]
        assert table["verdict"].to_pylist() == [*expected, "undecided", "undecided"]
        undone = store.undo()
        assert undone is not None
        assert undone.clips == (table["id"][147].as_py(),)


async def test_a_mark_appears_only_when_the_verdict_is_on_disk(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, decide = threading.Event(), Store.decide

    def slow(self: Store, *given: Any) -> int:
        assert go_on.wait(20)
        return decide(self, *given)

    monkeypatch.setattr(Store, "decide", slow)
    monkeypatch.setattr("curator.tui.screens.deciding_room.PATIENCE_S", 0.05)
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("n")
        table, row = table_of(app), table_of(app).cursor_row
        assert table.clips is not None
        await pilot.press("a")
        assert table.clips.get_cell_at(row, 0).plain == " …"
        assert "wait in order" in words_of(app, "#said")
        go_on.set()
        await settle(pilot)
        assert table.clips.get_cell_at(row, 0).plain == " ✓"


async def test_what_another_process_decides_is_seen_and_the_cursor_stays(
    sample: Library, store: Store, settle: Settle
) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("n", "j")
        here = table_of(app).current
        assert here is not None
        other = next(clip for clip, verdict in verdicts(store).items() if verdict == "undecided" and clip != here["id"])
        store.close()
        command = [sys.executable, "-m", "curator", "--library", str(sample.root), "verdict", "accept", other]
        subprocess.run(command, check=True, capture_output=True)
        row = table_of(app).row_of(other)
        assert row is not None
        for _ in range(400):
            await pilot.pause(0.05)
            if table_of(app).clip_at(row)["verdict"] == "accepted":  # type: ignore[index]
                break
        assert table_of(app).clip_at(row)["verdict"] == "accepted"  # type: ignore[index]
        assert table_of(app).current["id"] == here["id"]  # type: ignore[index]


async def test_a_filter_chooses_and_a_bad_one_is_said_while_the_clips_stay(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        whole = table_of(app).row_count
        await pilot.press("slash")
        app.screen.query_one(FilterLine).value = "overlap_ratio > 0.1"
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        chosen = table_of(app).row_count
        assert 0 < chosen < whole
        assert "overlap_ratio > 0.1" in words_of(app, "#review-status")
        await pilot.press("slash")
        app.screen.query_one(FilterLine).value = "overlap > 0.1"
        await settle(pilot)
        assert table_of(app).row_count == chosen
        assert (
            words_of(app, "#review-status").strip().startswith("! Unknown name overlap (did you mean overlap_ratio?)")
        )
        await pilot.press("escape")
        await settle(pilot)
        assert table_of(app).row_count == whole


async def test_the_next_open_clip_is_found_going_round(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("G", "n")
        clip = table_of(app).current
        assert clip is not None
        assert clip["verdict"] == "undecided"


async def test_scores_and_wave_of_the_clip_under_the_cursor_are_shown(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        clip = table_of(app).current
        assert clip is not None
        wave = app.screen.query_one(Waveform)
        assert wave.envelope is not None
        assert wave.envelope.duration_s == pytest.approx(clip["duration_s"])
        assert wave.envelope.speech is not None
        assert app.screen.query_one(ScorePanel).clip["id"] == clip["id"]  # type: ignore[index]
        for name in ("snr_db", "overlap_ratio", "f0_median_hz"):
            assert name in words_of(app, "#score-lines")


async def test_a_recording_that_is_gone_is_said_in_the_place_of_its_wave(library: Library, settle: Settle) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(3, path="/nowhere/gone.wav"))
    app = CuratorApp(library)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert "/nowhere/gone.wav" in app.screen.query_one(Waveform).note


async def test_names_are_data_and_never_markup(library: Library, settle: Settle) -> None:
    names = ["[red]x[].wav", "[link=y]z.wav", "a\nb.wav", "שלום [1].wav", "🎤 [bold] mic.wav", "x\u202egnp.wav"]
    with Store(library) as store:
        for name in names:
            store.take_in(row_of_clips(2, path=f"/voices/{name}", speaker="[b]alto"))
    app = CuratorApp(library)
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        shown = {app.screen.query_one("#recordings").list_rows[key]["name"] for key in app.screen.rows}  # type: ignore[attr-defined]
        assert shown == {"[red]x[].wav", "[link=y]z.wav", "a␤b.wav", "שלום [1].wav", "🎤 [bold] mic.wav", "xgnp.wav"}
        await pilot.press("2")
        await settle(pilot)
        for _ in range(len(names) * 2):
            assert "[b]alto" in words_of(app, "#clip-heading")
            await pilot.press("a")
        await settle(pilot)
        assert app.screen.query_one(ClipTable).verdict_counts()["accepted"] == len(names) * 2


async def test_a_click_on_a_heading_sorts_by_it(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        labels = [column.label for column, _ in table_of(app).clips.shown]  # type: ignore[union-attr]
        widths = [width + 2 for _, width in table_of(app).clips.shown]  # type: ignore[union-attr]
        at = labels.index("snr")
        await pilot.click(ClipTable, offset=(sum(widths[:at]) + 2, 0))
        await settle(pilot)
        assert screen.sort == "snr_db"
        values = table_of(app).clips.data["snr_db"].to_pylist()  # type: ignore[union-attr]
        assert values == sorted(values)
