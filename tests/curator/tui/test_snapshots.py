"""How the screens look, in the states that matter; regenerate with `pytest --snapshot-update` and look at each one."""

from __future__ import annotations

import html
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
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

ROOT = Path(__file__).resolve().parents[3]
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


def test_the_first_run_looks_as_it_should(snap_compare: Compare, new_library: Library, settle: Settle) -> None:
    assert snap_compare(CuratorApp(new_library), terminal_size=NARROW, run_before=opening(settle))


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


FINDING_STATES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "completions": (NARROW, ("2", "slash", *"snr_db > 20 and over")),
    "a-filter-that-is-none": (NARROW, ("2", "slash", *"snr_db > 20 and")),
    "views": (NARROW, ("2", "o")),
    "too-little-to-learn-from": (NARROW, ("2", "L")),
    "find-a-recording": (NARROW, ("f", *"tak")),
    "jump": (NARROW, ("2", "ctrl+o")),
    "settings": (WIDE, ("f2",)),
    "help-of-review": (WIDE, ("2", "question_mark")),
}


@pytest.mark.parametrize("state", FINDING_STATES)
def test_finding_looks_as_it_should(
    snap_compare: Compare, template: Library, settle: Settle, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.tui.screens.clip_room.TYPING_S", 0.001)
    size, keys = FINDING_STATES[state]
    # nothing is written here, and in the template itself the recordings lie where they are shown without a folder
    app = CuratorApp(template)
    app.settings_file = Path("/home/somebody/.config/curator/settings.toml")
    assert snap_compare(app, terminal_size=size, run_before=opening(settle, *keys))


def test_a_running_job_looks_as_it_should(snap_compare: Compare, sample: Library, settle: Settle) -> None:
    job = Job.create(sample.jobs, "add", {"paths": ["/x/evening [live].wav"], "speaker": "alto"}, job_id="add-1")
    report = JobReport.begin(job.path)
    report.phase("analysing")
    report.event("progress", done=5, total=12, unit="files", rate=0.5, eta_s=14.0)
    assert snap_compare(CuratorApp(sample), terminal_size=NARROW, run_before=opening(settle, "5"))


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_takes_stand_side_by_side(
    snap_compare: Compare, three_takes: Library, settle: Settle, size: tuple[int, int]
) -> None:
    run = opening(settle, "2", "D", "right")
    assert snap_compare(CuratorApp(three_takes), terminal_size=size, run_before=run)


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark" if "ansi-dark" in BUILTIN_THEMES else "textual-ansi"])
def test_other_themes_stay_readable(snap_compare: Compare, template: Library, settle: Settle, theme: str) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        pilot.app.theme = theme
        await pilot.press("2")
        await settle(pilot)

    assert snap_compare(CuratorApp(template), terminal_size=(100, 30), run_before=run)


async def test_the_screens_in_the_docs_show_what_the_app_shows(tmp_path: Path) -> None:
    script = load_script("screenshots")
    folder = tmp_path / "screens"
    folder.mkdir()
    await script.save_all(folder, tmp_path, script.SIZE)
    kept = ROOT / "docs" / "screens"
    assert {path.name for path in folder.iterdir()} == {path.name for path in kept.iterdir()}
    for path in folder.iterdir():
        fresh, old = (words_of(each.read_text(encoding="utf-8")) for each in (path, kept / path.name))
        assert fresh == old, f"{path.name} is out of date: run python scripts/screenshots.py"


def words_of(svg: str) -> list[str]:
    """The text of a screen, line by line, without what differs from one drawing to the next."""
    lines: dict[int, str] = {}
    for line, words in re.findall(r"<text[^>]*-line-(\d+)\)[^>]*>([^<]*)</text>", svg):
        lines[int(line)] = lines.get(int(line), "") + html.unescape(words)
    assert len(lines) > 10, "the drawing is not read as it is written"
    return [re.sub(r"\b[0-9a-f]{16}\b", "ID", lines[line]).rstrip() for line in sorted(lines)]


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
