"""Learning in the review room: by itself, explained, deciding the clear ones, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from catalog.library import Library
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.screens.ask import Confirm
from curator.tui.screens.learned import LearnedScreen
from curator.tui.screens.review import ReviewScreen
from tests.curator.tui.conftest import Settle


@pytest.fixture
def decided(told_by_noise: Callable[..., Library]) -> Library:
    """Six recordings of forty clips whose snr_db says it all; the first three are decided but for their last clip."""
    return told_by_noise(decided="path < '/voices/3' and start_s < 230", seed=8)


def words(app: CuratorApp) -> str:
    return str(app.screen.query_one("#learned-words", Static).render())


async def in_review(pilot: Pilot[Any], settle: Settle) -> ReviewScreen:
    await settle(pilot)
    await pilot.press("2")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ReviewScreen)
    return screen


async def test_it_says_how_right_it_is_and_what_weighs(decided: Library, settle: Settle) -> None:
    app = CuratorApp(decided)
    async with app.run_test(size=(100, 40)) as pilot:
        await in_review(pilot, settle)
        await pilot.press("L")
        await settle(pilot)
        text = words(app)
        assert "From 117 decisions of yours" in text
        assert "precision" in text
        assert "snr_db" in text
        assert "low speaks against a clip" in text
        assert "The clip under the cursor" in text
    with Store(decided) as store:
        assert store.judgement() is not None


async def test_the_clear_ones_are_decided_after_a_count_and_one_undo_takes_them_back(
    decided: Library, settle: Settle
) -> None:
    app = CuratorApp(decided)
    async with app.run_test(size=(100, 40)) as pilot:
        await in_review(pilot, settle)
        await pilot.press("L")
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert "of 123 undecided" in app.screen.question
        await pilot.press("n")
        await settle(pilot)
        with Store(decided) as store:
            assert store.clip_table(where="verdict = 'undecided'").num_rows == 123
        await pilot.press("c", "y")
        await settle(pilot)
        assert isinstance(app.screen, ReviewScreen)
        with Store(decided) as store:
            learned = store.clip_table(where="list_contains(reasons, 'learned')").to_pylist()
            assert len(learned) > 60
            assert np.mean([(row["snr_db"] > 25) == (row["verdict"] == "accepted") for row in learned]) > 0.9
        await pilot.press("u")
        await settle(pilot)
        with Store(decided) as store:
            assert store.clip_table(where="verdict = 'undecided'").num_rows == 123


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys count as resting at once."""
    monkeypatch.setattr("curator.tui.screens.clip_room.CALM_S", 0.02)


async def test_while_keys_follow_each_other_nothing_is_learned_and_when_they_rest_it_is_once(
    decided: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons: list[int] = []
    app = CuratorApp(decided)

    def learn(store: Store, writer: object) -> None:
        lessons.append(store.clip_table(where="verdict = 'undecided'").num_rows)

    monkeypatch.setattr("curator.tui.screens.clip_room.learn_from", learn)
    monkeypatch.setattr("curator.tui.screens.clip_room.CALM_S", 60.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await in_review(pilot, settle)
        for _ in range(24):
            await pilot.press("a")
        await settle(pilot)
        assert lessons == []
        monkeypatch.setattr("curator.tui.screens.clip_room.CALM_S", 0.02)
        await pilot.press("a")
        await settle(pilot)
        left = app.store.clip_table(where="verdict = 'undecided'").num_rows
        assert lessons == [left]


@pytest.mark.usefixtures("calm")
async def test_after_ten_more_decisions_the_clips_say_how_likely_they_are(decided: Library, settle: Settle) -> None:
    app = CuratorApp(decided)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await in_review(pilot, settle)
        screen.where = "verdict = 'undecided' or path > '/voices/3'"
        screen.load_now()
        await settle(pilot)
        for _ in range(10):
            await pilot.press("a")
        await settle(pilot)
        assert screen.judgement is not None
        screen.load_now()
        await settle(pilot)
        assert "you would accept" in str(screen.query_one("#clip-heading", Static).render())
        await pilot.press("L", "d")
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert screen.sort.startswith("doubt")


@pytest.mark.usefixtures("calm")
async def test_nothing_is_learned_by_itself_when_a_person_does_not_want_it(decided: Library, settle: Settle) -> None:
    app = CuratorApp(decided)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await in_review(pilot, settle)
        app.change_setting("learn", False)
        for _ in range(12):
            await pilot.press("a")
        await settle(pilot)
        assert screen.judgement is None


async def test_with_too_few_decisions_it_says_how_many_are_missing(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_review(pilot, settle)
        await pilot.press("L")
        await settle(pilot)
        assert isinstance(app.screen, LearnedScreen)
        assert "more to go" in words(app)
        await pilot.press("c", "x", "d")
        assert isinstance(app.screen, LearnedScreen), "there is nothing to decide, to forget or to order by"
