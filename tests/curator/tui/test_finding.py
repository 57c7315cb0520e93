"""Finding clips by keys: completion, views, saved filters, orders, recordings, and jumping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from catalog.library import Library
from catalog.records import Blame
from catalog.saved_filters import SavedFilter
from catalog.store import Store
from curator.policy import default_rules
from curator.tui.app import CuratorApp
from curator.tui.screens.add import folder_at_hand
from curator.tui.screens.ask import Choose
from curator.tui.screens.jump import JumpScreen
from curator.tui.screens.pick import Choice, Pick, best
from curator.tui.views import views, worst_first
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import VALUES, FilterLine, completions
from tests.curator.tui.conftest import Settle, row_of_clips


async def in_review(pilot: Pilot[Any], settle: Settle) -> ClipTable:
    await settle(pilot)
    await pilot.press("2")
    await settle(pilot)
    return pilot.app.screen.query_one(ClipTable)


async def in_view(pilot: Pilot[Any], settle: Settle, name: str) -> None:
    await pilot.press("o")
    await settle(pilot)
    options = pilot.app.screen.query_one(OptionList)
    prompts = [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]
    options.highlighted = next(at for at, prompt in enumerate(prompts) if prompt.startswith(name))
    await pilot.press("enter")
    await settle(pilot)


def shown(table: ClipTable, field: str) -> list[Any]:
    assert table.clips is not None
    return list(table.clips.data[field].to_pylist())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("snr", "snr_db "),
        ("duration_s > 3 and ove", "duration_s > 3 and overlap_ratio "),
        ("verdict = 'und", "verdict = 'undecided'"),
        ("verdict = ", "verdict = 'undecided'"),
        ("speaker = 'o", "speaker = 'o''neil'"),
        ("likely", None),
        ("path = 'snr", None),
        ("probab", "accept_probability "),
    ],
)
def test_names_and_values_are_completed(text: str, first: str | None) -> None:
    found = completions(text, {**VALUES, "speaker": ["o'neil"]})
    assert (found[0].text if found else None) == first


def test_every_view_is_a_filter_and_an_order_that_the_catalogue_takes(sample: Library) -> None:
    with Store(sample) as store:
        for view in views(default_rules(), learned=True, saved=[SavedFilter("mine", "snr_db > 30", "path")]):
            store.clip_table(where=view.where or None, sort=view.sort or None, rules=default_rules())


def test_worst_first_begins_with_what_the_limits_speak_against(sample: Library) -> None:
    with Store(sample) as store:
        table = store.clip_table(sort=worst_first(default_rules()), rules=default_rules())
    hints = [hint == "reject" for hint in table["suggestion"].to_pylist()]
    assert any(hints)
    assert hints == sorted(hints, reverse=True)


def test_letters_in_order_find_a_name() -> None:
    choices = [Choice("1", "morning pages.wav", "alto"), Choice("2", "scales [take 2].wav", "alto")]
    assert [each.value for each in best(choices, "scl")] == ["2"]
    assert [each.value for each in best(choices, "")] == ["1", "2"]
    assert best(choices, "xyz") == []


async def test_tab_takes_the_marked_completion_and_enter_keeps_the_filter(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await in_review(pilot, settle)
        await pilot.press("slash", *"snr", "tab", *"< 20")
        await settle(pilot)
        line = app.screen.query_one(FilterLine)
        assert line.value == "snr_db < 20"
        assert max(shown(table, "snr_db")) < 20
        await pilot.press("enter")
        await settle(pilot)
        assert app.focused is table
        assert max(shown(table, "snr_db")) < 20
        await pilot.press("escape")
        await settle(pilot)
        assert max(shown(table, "snr_db")) > 20


async def test_a_filter_is_saved_offered_among_the_views_and_removed(
    sample: Library, store: Store, settle: Settle
) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await in_review(pilot, settle)
        await pilot.press("slash", *"snr_db > 35", "ctrl+s")
        await settle(pilot)
        await pilot.press(*"clean [ones]", "enter")
        await settle(pilot)
        assert store.saved_filters() == [SavedFilter("clean [ones]", "snr_db > 35", "")]
        await pilot.press("escape", "o")
        await settle(pilot)
        assert isinstance(app.screen, Choose)
        options = app.screen.query_one(OptionList)
        options.highlighted = options.option_count - 1
        await pilot.press("enter")
        await settle(pilot)
        assert min(shown(table, "snr_db")) > 35
        assert table.cursor_row == 0
        await pilot.press("o")
        await settle(pilot)
        app.screen.query_one(OptionList).highlighted = options.option_count - 1
        await pilot.press("delete")
        await settle(pilot)
        assert store.saved_filters() == []


async def test_any_field_can_be_the_order(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await in_review(pilot, settle)
        await pilot.press("s")
        await settle(pilot)
        await pilot.press(*"bandwidthfalling", "enter")
        await settle(pilot)
        values = [value for value in shown(table, "bandwidth_hz") if value is not None]
        assert values == sorted(values, reverse=True)


async def test_a_few_letters_lead_to_a_recording_from_another_room(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert isinstance(app.screen, Pick)
        await pilot.press(*"kitch", "enter")
        await settle(pilot)
        assert app.current_mode == "review"
        assert {path.rsplit("/", 1)[1] for path in shown(app.screen.query_one(ClipTable), "path")} == {
            "kitchen table.wav"
        }


async def test_braces_go_from_recording_to_recording(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await in_review(pilot, settle)
        recordings = shown(table, "recording")
        second = next(row for row, each in enumerate(recordings) if each != recordings[0])
        await pilot.press("right_curly_bracket")
        assert table.cursor_row == second
        await pilot.press("j", "left_curly_bracket")
        assert table.cursor_row == second
        await pilot.press("left_curly_bracket")
        assert table.cursor_row == 0
        await pilot.press("left_curly_bracket")
        assert table.cursor_row == 0


async def test_takes_that_repeat_each_other_stand_together(sample: Library, store: Store, settle: Settle) -> None:
    from catalog.records import Scoring

    ids = store.clip_table()["id"].to_pylist()
    store.rescore([Scoring(ids[-1], {"duplicate_of": ids[0]}, {"duplicates": 9})])
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await in_review(pilot, settle)
        await pilot.press("o")
        await settle(pilot)
        options = app.screen.query_one(OptionList)
        names = [str(options.get_option_at_index(n).prompt) for n in range(options.option_count)]
        options.highlighted = next(n for n, name in enumerate(names) if name.startswith("Duplicates"))
        await pilot.press("enter")
        await settle(pilot)
        assert set(shown(table, "id")) == {ids[0], ids[-1]}


async def test_a_letter_goes_to_its_place_and_any_other_key_leaves(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await in_review(pilot, settle)
        await pilot.press("ctrl+o")
        assert isinstance(app.screen, JumpScreen)
        letter = next(each.letter for each in app.screen.targets if getattr(each.widget, "room", "") == "models")
        await pilot.press("escape")
        assert app.current_mode == "review"
        await pilot.press("ctrl+o", letter)
        await settle(pilot)
        assert app.current_mode == "models"


async def test_doubt_comes_first_also_without_anything_learned(library: Library, settle: Settle) -> None:
    with Store(library) as store:
        store.take_in(row_of_clips(40))
    app = CuratorApp(library)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await in_review(pilot, settle)
        await pilot.press("o", "j", "j", "j", "enter")
        await settle(pilot)
        distances = [abs(value - 20) for value in shown(table, "snr_db")]
        assert distances == sorted(distances)


async def test_the_folder_in_which_the_app_was_started_is_offered_when_recordings_lie_in_it(
    library: Library, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = tmp_path / "my takes"
    takes.mkdir()
    monkeypatch.chdir(takes)
    assert folder_at_hand() == ""
    (takes / "one.WAV").write_bytes(b"")
    app = CuratorApp(library)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert app.screen.query_one("#path", Input).value == str(takes)


async def test_clips_that_a_training_found_strange_are_a_view_until_they_are_looked_at(
    sample: Library, store: Store, settle: Settle
) -> None:
    ids = store.clip_table(where="verdict = 'accepted'")["id"].to_pylist()[:2]
    store.add_run("run-1", "anna", "", {})
    reason = "said 4.0 dB worse than clips like it"
    store.add_blame("run-1", [Blame(ids[0], 4.0, reason, (0.1, 0.6)), Blame(ids[1], 8.0, reason)])
    app = CuratorApp(sample)
    async with app.run_test(size=(160, 50)) as pilot:
        table = await in_review(pilot, settle)
        await in_view(pilot, settle, "To look at again")
        assert shown(table, "id") == [ids[1], ids[0]]
        assert reason in str(app.screen.query_one("#clip-heading", Static).render())
        await pilot.press("a")
        await settle(pilot)
        await in_view(pilot, settle, "To look at again")
        assert shown(table, "id") == [ids[0]]
