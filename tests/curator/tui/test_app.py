"""What is around the rooms: jobs on every screen, the foot, help, messages, the opening and what goes wrong in it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from catalog import registry
from catalog.errors import LibraryTooNew
from catalog.library import Library
from catalog.store import Store
from curator import analysis_file
from curator.tui import app as app_module
from curator.tui.app import CuratorApp
from curator.tui.player import NoSpeakers, Player
from curator.tui.screens.help import HelpScreen
from curator.tui.screens.jobs import JobsScreen
from curator.tui.widgets.job_strip import JobStrip
from curator.tui.widgets.listing import Listing
from tests.curator.tui.conftest import Settle, row_of_clips, started, words


async def test_a_running_job_is_on_every_screen_and_can_be_stopped(sample: Library, settle: Settle) -> None:
    job, report = started(sample.jobs, "add", {"paths": ["/x/take.wav"], "speaker": "alto"})
    report.progress(3, 12, "files")
    app = CuratorApp(sample)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        for key in "135":
            await pilot.press(key)
            await settle(pilot)
            strip = app.screen.query_one(JobStrip)
            assert strip.display
            assert "25 %" in str(strip.render())
        await pilot.press("J")
        await settle(pilot)
        assert isinstance(app.screen, JobsScreen)
        await pilot.press("x")
        assert job.stop_asked()
        report.event("failed", path="/x/b.wav", error="/x/b.wav is empty")
        report.finish("stopped")
        for _ in range(400):
            await pilot.pause(0.05)
            if app.jobs and not app.jobs[0].live:
                break
        await settle(pilot)
        assert "/x/b.wav is empty" in words(app, "#job-words")
        await pilot.press("escape")
        await settle(pilot)
        assert not app.screen.query_one(JobStrip).display


async def test_a_machine_without_speakers_is_told_of_once(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise NoSpeakers("no speakers here")

    player = Player()
    monkeypatch.setattr(player, "play", silent)
    app = CuratorApp(sample, player=player)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)
        await pilot.press("j", "space")
        await settle(pilot)
        assert [note.message for note in app._notifications].count("no speakers here") == 1


async def test_foot_and_help_of_every_room_follow_the_bindings(sample: Library, settle: Settle) -> None:
    phrases = {
        "1": "Bring in a folder",
        "2": "Take back what was done last",
        "3": "Freeze the accepted clips",
        "4": "Train a model",
        "5": "Remove the model",
        "6": "Convert the file",
    }
    app = CuratorApp(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key, phrase in phrases.items():
            await pilot.press(key)
            await settle(pilot)
            await pilot.press("escape")
            shown = {active.binding.action for active in app.screen.active_bindings.values() if active.binding.show}
            assert len(shown) <= 8, app.current_mode
            assert sum(each.size.width + 1 for each in app.screen.query("FooterKey")) <= 80, app.current_mode
            await pilot.press("question_mark")
            await pilot.pause()
            assert isinstance(app.screen, HelpScreen)
            text = str(app.screen.query_one("Static").render())
            assert phrase in text
            assert "All jobs in full" in text
            await pilot.press("escape")


async def test_a_click_on_a_room_goes_there(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.click("TopBar", offset=(46, 0))
        await settle(pilot)
        assert app.current_mode == "models"


async def test_a_library_of_a_later_version_is_refused_in_words(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_new(self: Store) -> None:
        raise LibraryTooNew("written by a later version")

    monkeypatch.setattr(Store, "recordings", too_new)
    app = CuratorApp(library)
    async with app.run_test() as pilot:
        for _ in range(400):
            await pilot.pause(0.02)
            if not app.is_running:
                break
    assert isinstance(app.return_value, LibraryTooNew)


async def test_an_error_that_nobody_foresaw_is_said_and_the_app_goes_on(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a [bug]")

    monkeypatch.setattr(registry, "list_models", broken)
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        assert any("RuntimeError: a [bug]" in note.message for note in app._notifications)
        await pilot.press("1")
        assert app.current_mode == "library"
    assert "Traceback" in capfd.readouterr().err


def test_without_a_terminal_it_says_so_and_opens_nothing(new_library: Library) -> None:
    command = [sys.executable, "-m", "curator", "--library", str(new_library.root)]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "needs a terminal" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not new_library.database.exists()


async def test_results_of_jobs_whose_owner_died_are_taken_in_at_the_opening(library: Library, settle: Settle) -> None:
    job, report = started(library.jobs, "add", {"paths": ["/x"], "speaker": "alto"})
    analysis = row_of_clips(3)
    analysis_file.write(job.path / "results", analysis)
    report.event("recording", file=f"results/{analysis.recording.id}.json")
    report.finish("done")
    app = CuratorApp(library)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert len(app.screen.query_one(Listing).list_rows) == 1
    with Store(library) as store:
        assert store.clip_table().num_rows == 3


def test_nothing_heavy_and_no_second_app_is_needed_to_import_it() -> None:
    assert callable(app_module.run)
    assert json.dumps(sorted(CuratorApp.MODES)) == json.dumps(
        ["convert", "library", "models", "review", "sets", "training"]
    )


async def test_enter_does_with_the_row_what_the_foot_says(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for room, does, label, leads_to in (
            ("1", "review", "Review", "ReviewScreen"),
            ("3", "train", "Train on it", "TrainForm"),
            ("5", "convert", "Convert with it", "ConvertScreen"),
        ):
            await pilot.press(room)
            await settle(pilot)
            binding = app.screen.active_bindings["enter"].binding
            assert (binding.action, binding.description) == (does, label)
            await pilot.press("enter")
            await settle(pilot)
            assert type(app.screen).__name__ == leads_to
            if leads_to == "TrainForm":
                assert app.focused is not None
                assert app.focused.id == "model"
                await pilot.press("escape")
