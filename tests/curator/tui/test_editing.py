"""Edges, halves, pairs, notes and tags by key: what is on disk, what is scored, what undo brings back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from textual.message import Message
from textual.pilot import Pilot

from catalog.library import Library
from catalog.records import Scoring
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.messages import ClipsEdited, ClipsRemarked, VerdictConfirmed
from curator.tui.scoring_desk import ScoringDesk
from curator.tui.screens.review import ReviewScreen
from curator.tui.widgets.clip_table import ClipTable
from tests.curator.tui.conftest import Settle

Span = tuple[int, int]
EDGE = "Both parts of a clip need 0.3 s: move the cursor away from the edge, then split."


@pytest.fixture(autouse=True)
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Clips that were handed to the scoring process, which here answers at once."""
    handed: list[str] = []

    def submit(self: ScoringDesk, clips: Sequence[str]) -> Future[list[Scoring]]:
        handed.extend(clips)
        done: Future[list[Scoring]] = Future()
        done.set_result([Scoring(clip, {"snr_db": 12.5}, {"test": 1}) for clip in clips])
        return done

    monkeypatch.setattr(ScoringDesk, "submit", submit)
    monkeypatch.setattr(CuratorApp, "_play", lambda *_: None)
    return handed


async def opened(pilot: Pilot[Any], settle: Settle) -> ReviewScreen:
    await settle(pilot)
    await pilot.press("2")
    await settle(pilot)
    assert isinstance(pilot.app.screen, ReviewScreen)
    return pilot.app.screen


def spans(store: Store, recording: str) -> list[Span]:
    """The clips of a recording in the app's own store: a second one in the same process may hold an older sheet."""
    table = store.clip_table(where=f"recording = '{recording}'", sort='"start"')
    return list(zip(table["start"].to_pylist(), table["end"].to_pylist(), strict=True))


async def test_edges_move_by_ten_and_fifty_milliseconds_are_scored_and_undone_one_by_one(
    sample: Library, settle: Settle, scored: list[str]
) -> None:
    messages: list[Message] = []
    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40), message_hook=messages.append) as pilot:
        screen = await opened(pilot, settle)
        clip = screen.current
        assert clip is not None
        before = spans(app.store, clip["recording"])
        start, end, rate = clip["start"], clip["end"], clip["sample_rate"]
        await pilot.press("right_square_bracket", "right_parenthesis", "comma", "less_than_sign")
        await settle(pilot)
        edited = (start + 60 * rate // 1000, end - 60 * rate // 1000)
        assert spans(app.store, clip["recording"])[0] == edited
        now = screen.current
        assert now is not None
        assert (now["start"], now["end"]) == edited
        assert len([message for message in messages if isinstance(message, ClipsEdited)]) == 4
        assert scored[-1] == now["id"]
        assert app.store.clip(now["id"])["scores"]["snr_db"] == 12.5
        assert screen.query_one("#wave").envelope.duration_s == pytest.approx((edited[1] - edited[0]) / rate)  # type: ignore[attr-defined]
        for _ in range(4):
            await pilot.press("u")
        await settle(pilot)
        assert spans(app.store, clip["recording"]) == before
        assert app.store.clip(clip["id"])["verdict"] == clip["verdict"]


async def test_keys_that_are_ahead_of_the_disk_act_in_order_on_what_the_keys_before_leave(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.tui.screens.deciding_room.SOON_S", 0.01)
    monkeypatch.setattr("curator.tui.screens.deciding_room.PATIENCE_S", 0.01)
    messages: list[Message] = []
    go_on = threading.Event()
    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40), notifications=True, message_hook=messages.append) as pilot:
        screen = await opened(pilot, settle)
        clip, table = screen.current, screen.query_one(ClipTable)
        assert clip is not None
        before, rate = spans(app.store, clip["recording"]), clip["sample_rate"]
        app.writer.hand_in(lambda: go_on.wait(30))
        await pilot.press("right_square_bracket", "right_parenthesis", "comma", "u", "comma", "t", *"soft", "enter")
        await pilot.press("r", "3")
        assert table.cursor_row == 1
        await pilot.press("up", "S")
        assert spans(app.store, clip["recording"]) == before
        assert table.clips is not None
        assert table.clips.get_cell_at(0, 0).plain == " …"
        go_on.set()
        await settle(pilot)
        assert [note.message for note in app._notifications if note.severity == "error"] == [EDGE]
        start, end = clip["start"] + 60 * rate // 1000, clip["end"] - 10 * rate // 1000
        assert spans(app.store, clip["recording"]) == [(start, end), *before[1:]]
        row = table.clip_at(0)
        assert row is not None
        said = app.store.clip(row["id"])
        assert (said["verdict"], said["reasons"], said["tags"]) == ("rejected", ["clipping"], ["soft"])
        confirmed = [message for message in messages if isinstance(message, VerdictConfirmed)]
        assert [message.clips for message in confirmed] == [(row["id"],)] * 2
        await pilot.press("u")
        await settle(pilot)
        assert app.store.clip(row["id"])["verdict"] == clip["verdict"], (
            "one key takes the reason and the rejection back"
        )


async def test_a_clip_is_split_at_the_cursor_and_joined_again(
    sample: Library, settle: Settle, scored: list[str]
) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40), notifications=True) as pilot:
        screen = await opened(pilot, settle)
        clip = screen.current
        assert clip is not None
        before = spans(app.store, clip["recording"])
        await pilot.press("S")
        await settle(pilot)
        assert spans(app.store, clip["recording"]) == before, "at the very edge nothing is split"
        assert any("move the cursor" in note.message for note in app._notifications)
        for _ in range(3):
            await pilot.press("shift+right")
        cut = clip["start"] + round(screen.lens.cursor_s * clip["sample_rate"])
        await pilot.press("S")
        await settle(pilot)
        halves = [(clip["start"], cut), (cut, clip["end"])]
        assert spans(app.store, clip["recording"])[:2] == halves
        assert screen.current is not None
        assert (screen.current["start"], screen.current["end"]) == halves[0]
        assert len(scored) == 2
        await pilot.press("M")
        await settle(pilot)
        assert spans(app.store, clip["recording"]) == before
        assert screen.current["id"] == clip["id"]
        await pilot.press("u", "u")
        await settle(pilot)
        assert spans(app.store, clip["recording"]) == before


async def test_notes_and_tags_are_written_found_by_the_filter_and_undone(
    sample: Library, store: Store, settle: Settle
) -> None:
    messages: list[Message] = []
    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40), message_hook=messages.append) as pilot:
        screen = await opened(pilot, settle)
        clip = screen.current
        assert clip is not None
        await pilot.press("c", *"[b]ok", "enter")
        await settle(pilot)
        await pilot.press("t", *"soft", "space", *"close", "enter")
        await settle(pilot)
        row = store.clip(clip["id"])
        assert (row["note"], row["tags"]) == ("[b]ok", ["close", "soft"])
        assert "[b]ok" in str(screen.query_one("#clip-heading").render())
        await pilot.press("m", "t", *"-soft", "enter")
        await settle(pilot)
        assert store.clip(clip["id"])["tags"] == ["close"]
        screen._filter("list_contains(tags, 'close')")
        await settle(pilot)
        assert screen.query_one("#clips").row_count == 1  # type: ignore[attr-defined]
        assert len([message for message in messages if isinstance(message, ClipsRemarked)]) == 3
        await pilot.press("u", "u", "u")
        await settle(pilot)
        row = store.clip(clip["id"])
        assert (row["note"], row["tags"]) == ("", [])


async def test_what_an_earlier_app_left_unscored_is_scored_when_the_library_is_opened_again(
    sample: Library, store: Store, settle: Settle, scored: list[str]
) -> None:
    clip = store.clip_table(limit=1).to_pylist()[0]
    new = store.replace_clips([clip["id"]], [(clip["start"] + 160, clip["end"])]).shown[0].id
    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40)) as pilot:
        await opened(pilot, settle)
        await settle(pilot)
    assert scored == [new]
    assert store.clip(new)["scores"]["snr_db"] == 12.5
