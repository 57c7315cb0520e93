"""The other rooms, driven by keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Checkbox, Input, Select, Static

from catalog import registry
from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.store import Store
from curator import analysis_file
from curator.tui.app import CuratorApp
from curator.tui.screens.ask import Confirm
from curator.tui.screens.sets import FreezeForm
from curator.tui.screens.training import TrainForm
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.curve import Curve
from curator.tui.widgets.job_strip import JobStrip
from curator.tui.widgets.listing import Listing
from infer.options import ConvertOptions
from tests.curator.tui.conftest import Settle, row_of_clips, started, words
from trainer.config import TrainRequest


async def test_the_first_run_leads_to_the_first_recording(
    new_library: Library, tmp_path: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my [takes]"
    folder.mkdir()
    asked: list[tuple[list[Path], str]] = []
    reports: list[JobReport] = []

    def start_add(place: Library, paths: list[Path], speaker: str, *, known: list[str]) -> Job:
        asked.append((paths, speaker))
        job, report = started(place.jobs, "add", {"paths": [str(p) for p in paths], "speaker": speaker})
        reports.append(report)
        return job

    monkeypatch.setattr("curator.tui.screens.library.start_add", start_add)
    app = CuratorApp(new_library)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "Press a" in words(app, "#welcome-call")
        await pilot.press("a", "enter")
        app.screen.query_one("#path", Input).value = str(tmp_path / "nothing here")
        app.screen.query_one("#speaker", Input).value = "alto"
        await pilot.press("ctrl+s")
        assert "no such file or folder" in words(app, ".problem")
        app.screen.query_one("#path", Input).value = f"'{folder}'"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert asked == [([folder], "alto")]
        strip = app.screen.query_one(JobStrip)
        assert strip.display
        assert "my [takes]" in str(strip.render())
        analysis = row_of_clips(4, path=str(folder / "a.wav"))
        job = Job.open(reports[0].job.path)
        analysis_file.write(job.path / "results", analysis)
        reports[0].event("recording", file=f"results/{analysis.recording.id}.json")
        reports[0].finish("done")
        for _ in range(400):
            await pilot.pause(0.05)
            if app.screen.query_one(Listing).list_rows:
                break
        await settle(pilot)
        assert [row["name"] for row in app.screen.query_one(Listing).list_rows.values()] == ["a.wav"]
        assert not strip.display
        await pilot.press("enter")
        await settle(pilot)
        assert app.current_mode == "review"
        assert app.screen.query_one(ClipTable).row_count == 4
        assert "in a.wav" in words(app, "#review-status")


async def test_freezing_asks_for_a_name_and_hands_over_what_is_accepted(
    sample: Library, store: Store, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[dict[str, Any]]]] = []

    def start_freeze(place: Library, name: str, rows: list[dict[str, Any]]) -> Job:
        asked.append((name, rows))
        job, report = started(place.jobs, "freeze", {"library": str(place.root), "name": name})
        report.finish("failed", error="the disk is full")
        return job

    monkeypatch.setattr("curator.tui.screens.sets.start_freeze", start_freeze)
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        assert "21 clips" in words(app, "#totals")
        assert "alto-first" in words(app, "#fact-words")
        await pilot.press("f")
        assert isinstance(app.screen, FreezeForm)
        app.screen.query_one("#name", Input).value = "bad/name"
        await pilot.press("ctrl+s")
        assert "cannot be the name of a set" in words(app, ".problem")
        app.screen.query_one("#name", Input).value = "second"
        app.screen.query_one("#where", Input).value = "snr_db > 40"
        await pilot.press("ctrl+s")
        await settle(pilot)
        chosen = store.clip_table(where="verdict = 'accepted' AND snr_db > 40")
        assert [name for name, _ in asked] == ["second"]
        assert {row["id"] for row in asked[0][1]} == set(chosen["id"].to_pylist())
        for _ in range(400):
            await pilot.pause(0.05)
            if app.screen.query_one(JobStrip).display:
                break
        assert "the disk is full" in str(app.screen.query_one(JobStrip).render())


async def test_training_is_asked_for_started_watched_and_stopped(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainRequest] = []
    reports: list[JobReport] = []

    def start_train(place: Library, request: TrainRequest, *, run_id: str | None = None) -> Job:
        asked.append(request)
        job, report = started(place.runs, "train", request.to_dict())
        reports.append(report)
        return job

    monkeypatch.setattr("curator.tui.screens.training.start_train", start_train)
    app = CuratorApp(sample)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(app.screen, TrainForm)
        assert app.screen.query_one("#set", Select).value == "alto-first"
        app.screen.query_one("#model", Input).value = "alto2"
        app.screen.query_one("#steps", Input).value = "40"
        app.screen.query_one("#base", Select).value = "last"
        app.screen.query_one("#refiner", Checkbox).value = True
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, TrainForm)
        assert "There is no earlier model of" in str(app.screen.query_one(".problem", Static).render())
        app.screen.query_one("#base", Select).value = "auto"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert [(r.set_name, r.model, r.preset, r.steps) for r in asked] == [("alto-first", "alto2", "small", 40)]
        assert (asked[0].base, asked[0].refiner) == (None, True)
        report = reports[0]
        report.phase("train")
        for step in (10, 20):
            report.metric(step, {"g/mel": 40.0 - step, "g/kl": 2.0})
        report.progress(20, 40, "steps")
        listing = app.screen.query_one("#runs", Listing)
        for _ in range(400):
            await pilot.pause(0.05)
            listing.go_to(report.job.id)
            if any(curve.metric == "g/mel" and curve.points for curve in app.screen.query(Curve)):
                break
        await settle(pilot)
        text = words(app, "#run-words")
        assert "running" in text
        assert "20/40 steps" in text
        curve = next(curve for curve in app.screen.query(Curve) if curve.metric == "g/mel")
        assert curve.points == ((10.0, 30.0), (20.0, 20.0))
        await pilot.press("x")
        assert report.stop_requested()
        report.finish("stopped", step=20, steps=40)


async def test_a_stopped_run_is_continued_with_its_own_request(
    sample: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    continued: list[tuple[str | None, int | None]] = []

    def start_train(place: Library, request: TrainRequest, *, run_id: str | None = None) -> Job:
        continued.append((run_id, request.steps))
        return Job.open(place.runs / str(run_id))

    monkeypatch.setattr("curator.tui.screens.training.start_train", start_train)
    app = CuratorApp(sample)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        app.screen.query_one("#runs", Listing).go_to("train-2")
        await settle(pilot)
        assert "840/2000 steps" in words(app, "#run-words")
        await pilot.press("c")
        await settle(pilot)
        assert continued == [("train-2", 2000)]


async def test_a_model_is_removed_only_after_a_yes(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        assert "alto-first: 21 clips" in words(app, "#fact-words")
        await pilot.press("d")
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settle(pilot)
        assert [card["name"] for card in registry.list_models(sample)] == ["alto"]
        await pilot.press("d", "y")
        await settle(pilot)
        assert registry.list_models(sample) == []
        assert "No models yet" in words(app, "#fact-words")


async def test_converting_says_what_is_missing_and_hands_over_the_options(
    sample: Library, tmp_path: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[Path], Path, ConvertOptions]] = []

    def start_convert(
        place: Library, model: str, inputs: list[Path], out: Path, options: ConvertOptions, *, queued: bool
    ) -> Job:
        assert queued
        asked.append((model, inputs, out, options))
        return started(place.jobs, "convert", {"model": model, "inputs": [str(p) for p in inputs]})[0]

    monkeypatch.setattr("curator.tui.screens.convert.start_convert", start_convert)
    source = tmp_path / "song [1].wav"
    source.write_bytes(b"x")
    (tmp_path / "song [1] - alto.wav").write_bytes(b"x")
    app = CuratorApp(sample)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await pilot.press("5")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.current_mode == "convert"
        assert app.screen.query_one("#model", Select).value == "alto"
        await pilot.press("ctrl+s")
        assert "Type the path" in words(app, "#problem")
        app.screen.query_one("#file", Input).value = str(source)
        app.screen.query_one("#protect", Input).value = "0.9"
        await pilot.press("ctrl+s")
        assert "protect 0.9: give a number from 0 to 0.5" in words(app, "#problem")
        app.screen.query_one("#protect", Input).value = "0,2"
        app.screen.query_one("#transpose", Input).value = "−5"
        app.screen.query_one("#convert", Button).press()
        await settle(pilot)
        model, inputs, out, options = asked[0]
        assert (model, inputs, out.name) == ("alto", [source], "song [1] - alto 2.wav")
        assert (options.transpose, options.protect, options.index_rate) == (-5.0, 0.2, 0.75)
        rows = list(app.screen.query_one(Listing).list_rows.values())
        assert [row.get("transpose") for row in rows][-2:] == ["0", "+5"]
