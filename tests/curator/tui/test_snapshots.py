"""How the screens look, in the states that matter; regenerate with `pytest --snapshot-update` and look at each one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES

from catalog.jobs import Job, JobReport
from catalog.library import Library
from curator.tui.app import CuratorApp
from tests.curator.tui.conftest import Settle

Compare = Callable[..., bool]
pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="drawn with Python 3.11")

ROOMS = ("library", "review", "sets", "training", "models", "convert")
NARROW, WIDE = (80, 24), (144, 40)


@pytest.fixture(autouse=True)
def _same_id_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set's id follows from its FLAC files, whose bytes may differ from one build of the encoder to the next."""
    monkeypatch.setattr("curator.tui.screens.sets.short_id", lambda identity: "0123456789abcdef")


def opening(settle: Settle, *keys: str) -> Callable[[Pilot[Any]], Any]:
    """Wait for the app, press the keys with time to settle after each."""

    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)

    return run


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("number", range(6), ids=ROOMS)
def test_a_room_looks_as_it_should(
    snap_compare: Compare, template: Library, settle: Settle, number: int, size: tuple[int, int]
) -> None:
    keys = (str(number + 1), *(("G",) if ROOMS[number] == "review" else ()))
    assert snap_compare(CuratorApp(template), terminal_size=size, run_before=opening(settle, *keys))


def test_the_first_run_looks_as_it_should(snap_compare: Compare, library: Library, settle: Settle) -> None:
    assert snap_compare(CuratorApp(library), terminal_size=NARROW, run_before=opening(settle))


def test_the_question_for_recordings_looks_as_it_should(
    snap_compare: Compare, library: Library, settle: Settle
) -> None:
    assert snap_compare(CuratorApp(library), terminal_size=NARROW, run_before=opening(settle, "a"))


def test_help_looks_as_it_should(snap_compare: Compare, template: Library, settle: Settle) -> None:
    run = opening(settle, "2", "question_mark")
    assert snap_compare(CuratorApp(template), terminal_size=NARROW, run_before=run)


def test_reasons_after_a_reject_look_as_they_should(snap_compare: Compare, sample: Library, settle: Settle) -> None:
    run = opening(settle, "2", "n", "r")
    assert snap_compare(CuratorApp(sample), terminal_size=NARROW, run_before=run)


REVIEW_STATES: dict[str, tuple[tuple[int, int], str | None, tuple[str, ...]]] = {
    "range-marked": (NARROW, None, ("j", "v", "j", "j")),
    "closer-on-f0": (WIDE, None, ("F", *("shift+right",) * 3, "z", "z", "minus", "R", "P")),
    "spectrogram-in-shades": (NARROW, "ansi-dark", ("e", "e")),
    "light": (WIDE, "curator-light", ("right_square_bracket",)),
}


@pytest.mark.parametrize("state", REVIEW_STATES)
def test_the_review_room_looks_as_it_should(
    snap_compare: Compare, sample: Library, settle: Settle, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Scores of an edited clip come from another process, at a time of its own.
    monkeypatch.setattr("curator.tui.scoring_desk.ScoringDesk._score", lambda desk, clips: [])
    monkeypatch.setattr(CuratorApp, "_play", lambda *_: None)
    size, theme, keys = REVIEW_STATES[state]

    async def run(pilot: Pilot[Any]) -> None:
        await opening(settle, "2")(pilot)
        if theme:
            pilot.app.theme = theme
        await opening(settle, *keys)(pilot)

    assert snap_compare(CuratorApp(sample), terminal_size=size, run_before=run)


def test_a_running_job_looks_as_it_should(snap_compare: Compare, sample: Library, settle: Settle) -> None:
    job = Job.create(sample.jobs, "add", {"paths": ["/x/evening [live].wav"], "speaker": "alto"}, job_id="add-1")
    report = JobReport.begin(job.path)
    report.phase("analysing")
    report.event("progress", done=5, total=12, unit="files", rate=0.5, eta_s=14.0)
    assert snap_compare(CuratorApp(sample), terminal_size=NARROW, run_before=opening(settle, "5"))


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark" if "ansi-dark" in BUILTIN_THEMES else "textual-ansi"])
def test_other_themes_stay_readable(snap_compare: Compare, template: Library, settle: Settle, theme: str) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        pilot.app.theme = theme
        await pilot.press("2")
        await settle(pilot)

    assert snap_compare(CuratorApp(template), terminal_size=(100, 30), run_before=run)


def test_every_room_has_its_screen_in_the_docs() -> None:
    root = Path(__file__).resolve().parents[3]
    script = (root / "scripts" / "screenshots.py").read_text(encoding="utf-8")
    for room in ROOMS:
        assert f'"{room}"' in script
        assert "<svg" in (root / "docs" / "screens" / f"{room}.svg").read_text(encoding="utf-8")[:2000]
