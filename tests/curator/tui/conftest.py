"""A small library for the screens, built once and copied for every test that writes."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.records import Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store
from curator.tui.app import CuratorApp

Settle = Callable[[Pilot[Any]], Awaitable[None]]


def load_sample() -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "scripts" / "sample_library.py"
    spec = importlib.util.spec_from_file_location("sample_library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No animation, no blinking."""
    monkeypatch.setattr(CuratorApp, "animation_level", "none", raising=False)
    monkeypatch.setattr(Input, "cursor_blink", False)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The sample library itself; tests that write take a copy."""
    library = Library(tmp_path_factory.mktemp("sample") / "voices")
    load_sample().build(library)
    return library


@pytest.fixture
def sample(template: Library, tmp_path: Path) -> Library:
    """A copy of the sample library that may be written to."""
    shutil.copytree(template.root, tmp_path / "voices", ignore=shutil.ignore_patterns("takes"))
    return Library(tmp_path / "voices")


@pytest.fixture
def store(sample: Library) -> Iterator[Store]:
    """The sample's catalogue, as another part of this process sees it."""
    with Store(sample) as opened:
        yield opened


@pytest.fixture
def settle() -> Settle:
    """Waits until all that was asked for is read, written and drawn."""

    async def wait(pilot: Pilot[Any]) -> None:
        quiet = 0
        for _ in range(400):
            # a plain sleep: a pause of the pilot asks every widget of the screen each time
            await asyncio.sleep(0.02)
            quiet = 0 if is_busy(pilot.app) else quiet + 1
            if quiet >= 7:
                await pilot.pause()
                if not is_busy(pilot.app):
                    return
                quiet = 0
        raise AssertionError("the app does not come to rest")

    return wait


def is_busy(app: Any) -> bool:
    """Whether the app is reading, writing or working on anything now."""
    return bool(not app.ready or app.writer.waiting or any(worker.is_running for worker in app.workers))


@pytest.fixture
def three_takes(library: Library) -> Library:
    """Three clips of one line, of which the second is the least noisy, and one clip that nothing repeats."""
    rate = 16000
    digest = "7".ljust(64, "c")
    recording = Recording(digest[:16], digest, "/voices/lines.wav", "alto", rate, 1, 24 * rate, "WAV/PCM_16", 9)
    spans = [(n * 6 * rate, (n + 1) * 6 * rate) for n in range(4)]
    clips = [Clip(clip_id(recording.id, *span), recording.id, *span) for span in spans]
    first = clips[0].id
    facts: list[dict[str, Any]] = [
        {"snr_db": 25.0},
        {"snr_db": 41.0, "duplicate_of": first},
        {"snr_db": 9.0, "duplicate_of": first},
        {"snr_db": 30.0},
    ]
    scorings = [Scoring(clip.id, fact, {"sample": 1}) for clip, fact in zip(clips, facts, strict=True)]
    with Store(library) as store:
        store.take_in(Analysis(recording, None, clips, [], scorings, "test"))
    return library


def row_of_clips(count: int, *, path: str = "/voices/long.wav", speaker: str = "alto") -> Analysis:
    """A recording with `count` clips of six seconds and no file behind it."""
    rate = 16000
    digest = f"{abs(hash(path)) % 16**16:016x}".ljust(64, "0")
    recording = Recording(digest[:16], digest, path, speaker, rate, 1, rate * 6 * count, "WAV/PCM_16", 1000)
    clips = [
        Clip(clip_id(recording.id, n * 6 * rate, (n + 1) * 6 * rate), recording.id, n * 6 * rate, (n + 1) * 6 * rate)
        for n in range(count)
    ]
    scorings = [Scoring(clip.id, {"snr_db": 20.0 + n % 30}, {"sample": 1}) for n, clip in enumerate(clips)]
    return Analysis(recording, None, clips, [], scorings, "test")


def words(app: CuratorApp, selector: str) -> str:
    return str(app.screen.query_one(selector).render())


def started(parent: Path, kind: str, request: dict[str, Any]) -> tuple[Job, JobReport]:
    job = Job.create(parent, kind, request)
    return job, JobReport.begin(job.path)
