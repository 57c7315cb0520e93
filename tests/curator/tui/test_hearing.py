"""Seeing and hearing in the review room: what is drawn, what is handed to the player."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import soundfile
from textual.pilot import Pilot

from catalog.library import Library
from catalog.records import Scoring
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.passage import PLAIN, Manner
from curator.tui.pictures import Picture, Pictures
from curator.tui.player import NoSpeakers, Player, no_device
from curator.tui.screens.hearing_room import AUTOPLAY_AFTER_S
from curator.tui.screens.review import ReviewScreen
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.spectrogram import SpectrogramView
from curator.tui.widgets.waveform import Waveform
from tests.curator.tui.conftest import Settle


class Listener(Player):
    """Remembers what was asked for, and plays until it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, int, int | None, Manner]] = []
        self.on = False

    @property
    def playing(self) -> bool:
        return self.on

    @property
    def position_s(self) -> float:
        return 0.5

    def play(self, path: Path | str, start: int = 0, end: int | None = None, manner: Manner = PLAIN) -> None:
        self.heard.append((Path(path).name, start, end, manner))
        self.on = True

    def stop(self) -> None:
        self.on = False


async def opened(pilot: Pilot[Any], settle: Settle) -> ReviewScreen:
    await settle(pilot)
    await pilot.press("2")
    await settle(pilot)
    assert isinstance(pilot.app.screen, ReviewScreen)
    return pilot.app.screen


async def test_every_way_of_playing_is_one_key(sample: Library, settle: Settle) -> None:
    listener = Listener()
    app = CuratorApp(sample, player=listener)
    async with app.run_test(size=(144, 40)) as pilot:
        screen = await opened(pilot, settle)
        clip = screen.current
        assert clip is not None
        name, start, end, rate = Path(clip["path"]).name, clip["start"], clip["end"], clip["sample_rate"]

        async def pressed(*keys: str) -> tuple[str, int, int | None, Manner]:
            await pilot.press(*keys)
            await settle(pilot)
            return listener.heard[-1]

        assert await pressed("space") == (name, start, end, PLAIN)
        await pressed("space")
        assert not listener.on
        assert (await pressed("minus", "space"))[3].speed == 0.5
        assert (await pressed("plus", "plus"))[3].speed == 1.5, "a new speed goes on from where the sound is"
        assert listener.heard[-1][1] == start + 2 * (rate // 2)
        await pressed("minus", "space")
        assert (await pressed("R", "P", "space"))[3].loop
        without = listener.heard[-1][3].without
        assert without
        assert all(0 <= a < b <= clip["duration_s"] for a, b in without)
        await pressed("R", "P", "space")
        for _ in range(10):
            await pilot.press("right")
        cursor = screen.lens.cursor_s
        assert 0 < cursor < clip["duration_s"]
        assert await pressed("p") == (name, start + int(cursor * rate), end, PLAIN)
        assert screen.query_one(Waveform).lens == screen.query_one(SpectrogramView).lens == screen.lens
        played = len(listener.heard)
        await pilot.press("j")
        await pilot.pause(AUTOPLAY_AFTER_S + 0.1)
        assert len(listener.heard) == played, "moving on is silent until the person wants it otherwise"
        await pilot.press("A", "j")
        for _ in range(200):
            await pilot.pause(0.02)
            if len(listener.heard) > played:
                break
        assert screen.current is not None
        assert listener.heard[-1][1] == screen.current["start"]


async def test_the_reason_is_played_from_the_place_of_the_score_that_speaks_most_against_the_clip(
    sample: Library, store: Store, settle: Settle
) -> None:
    row = store.clip_table(where="suggestion = 'reject' AND overlap_ratio > 0.2").to_pylist()
    clip = store.clip_table(where="overlap_ratio > 0.2", limit=1).to_pylist()[0]
    assert not row
    places = {"overlap_ratio": (2.0, 2.4), "snr_db": (4.0, 4.5)}
    store.rescore([Scoring(clip["id"], {"overlap_ratio": 0.4, "snr_db": 30.0}, {"x": 1}, places)])
    listener = Listener()
    app = CuratorApp(sample, player=listener)
    async with app.run_test(size=(144, 40)) as pilot:
        screen = await opened(pilot, settle)
        table = screen.query_one(ClipTable)
        table.move_cursor(row=table.row_of(clip["id"]))
        await settle(pilot)
        assert "≈" in screen.query_one(Waveform).render_line(screen.query_one(Waveform).size.height - 2).text
        await pilot.press("w")
        await settle(pilot)
        _, start, end, _ = listener.heard[-1]
        rate = clip["sample_rate"]
        assert (start - clip["start"]) / rate == pytest.approx(1.7, abs=0.01)
        assert (end - clip["start"]) / rate == pytest.approx(2.7, abs=0.01)  # type: ignore[operator]
        assert "second voice" in str(screen.query_one("#said").render())
        await pilot.press("b")
        await settle(pilot)
        cleanest = store.clip_table(
            where=f"speaker = '{clip['speaker']}' AND verdict <> 'rejected' AND suggestion = 'accept'",
            sort="snr_db DESC",
            limit=1,
            rules=screen.rules,
        ).to_pylist()[0]
        assert listener.heard[-1][:3] == (Path(cleanest["path"]).name, cleanest["start"], cleanest["end"])
        await pilot.press("b")
        await settle(pilot)
        assert listener.heard[-1][1] == clip["start"]


async def test_without_a_device_it_is_said_once_with_both_ways_and_the_clip_can_be_written(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise NoSpeakers(no_device())

    monkeypatch.setattr(Player, "play", silent)
    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40), notifications=True) as pilot:
        screen = await opened(pilot, settle)
        clip = screen.current
        assert clip is not None
        for _ in range(3):
            await pilot.press("space")
            await settle(pilot)
        said = [note.message for note in app._notifications if "audio device" in note.message]
        assert len(said) == 1
        assert "curator serve" in said[0]
        assert "W in review" in said[0]
        await pilot.press("W")
        await settle(pilot)
        (written,) = (sample.root / "clips").glob("*.wav")
        assert str(written.name) in str(screen.query_one("#said").render())
        assert soundfile.info(written).frames == clip["end"] - clip["start"]


async def test_neighbours_are_drawn_beforehand_and_a_picture_that_comes_late_is_not_shown_under_another_clip(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    draw = Pictures._draw

    def slow(self: Pictures, clip: dict[str, Any]) -> Picture:
        assert go_on.wait(20)
        return draw(self, clip)

    app = CuratorApp(sample)
    async with app.run_test(size=(144, 40)) as pilot:
        screen = await opened(pilot, settle)
        table = screen.query_one(ClipTable)
        for step in (1, 2):
            assert screen.pictures.ready(table.clip_at(step) or {}) is not None
        await pilot.press("j")
        await pilot.pause()
        assert screen.query_one(SpectrogramView).picture is screen.pictures.ready(screen.current or {}).spectrogram  # type: ignore[union-attr]
        monkeypatch.setattr(Pictures, "_draw", slow)
        table.move_cursor(row=20)
        await pilot.pause(0.1)
        table.move_cursor(row=1)
        await pilot.pause(0.1)
        go_on.set()
        await settle(pilot)
        shown = screen.pictures.ready(screen.current or {})
        assert shown is not None
        assert table.cursor_row == 1
        assert screen.query_one(Waveform).envelope is shown.envelope


def test_a_picture_asked_for_by_several_threads_is_drawn_once(
    sample: Library, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, draw = [], Pictures._draw

    def counted(self: Pictures, clip: dict[str, Any]) -> Picture:
        drawn.append(clip["id"])
        return draw(self, clip)

    monkeypatch.setattr(Pictures, "_draw", counted)
    pictures = Pictures(store)
    clips = store.clip_table(limit=3).to_pylist()
    with ThreadPoolExecutor(6) as threads:
        got = list(threads.map(pictures.of, clips * 4))
    assert sorted(drawn) == sorted(clip["id"] for clip in clips)
    assert got[0] is got[3] is got[6] is pictures.ready(clips[0])
