"""Hearing a run in the training screen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from catalog import atomic, audio
from catalog.jobs import Job
from catalog.library import Library
from curator.tui.app import CuratorApp
from curator.tui.player import Player
from curator.tui.screens.training import TrainForm
from curator.tui.widgets.listing import Listing
from tests.curator.tui.conftest import Settle
from trainer.config import TrainRequest
from trainer.estimate import Cost, machine


@pytest.fixture
def heard(sample: Library) -> Library:
    """The sample library with renderings in its run train-1: two saves of two clips, beside their recordings."""
    run = sample.runs / "train-1"
    (run / "samples").mkdir()
    lines = []
    for step in (300, 600):
        for number in (1, 2):
            names = {"path": f"step-{step:08d}-{number}.flac", "original": f"original-{number}.flac"}
            for name in names.values():
                audio.write_flac(run / "samples" / name, np.zeros(100, np.float32), 24000)
            lines.append(json.dumps({"t": step, "type": "sample", "step": step, "number": number, **names}) + "\n")
    with (run / "events.jsonl").open("a") as events:
        events.writelines(lines)
    return sample


async def test_a_held_out_clip_is_heard_beside_its_recording_clip_by_clip_and_save_by_save(
    heard: Library, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[str] = []
    player = Player()
    monkeypatch.setattr(player, "play", lambda path, *_: played.append(Path(path).name))
    app = CuratorApp(heard, player=player)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        app.screen.query_one("#runs", Listing).go_to("train-1")
        await settle(pilot)
        for key in ("space", "b", "b", "n", "b", "left_square_bracket", "space"):
            await pilot.press(key)
            await settle(pilot)
        text = str(app.screen.query_one("#run-words").render())
    assert played == [
        "step-00000600-1.flac",
        "original-1.flac",
        "step-00000600-1.flac",
        "step-00000600-2.flac",
        "original-2.flac",
        "step-00000300-2.flac",
        "step-00000300-2.flac",
    ]
    assert "best step 600" in text
    assert "clip 2 of 2, step 300: the model" in text


async def test_a_run_without_renderings_says_when_there_will_be_some(sample: Library, settle: Settle) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("b")
        await settle(pilot)
        assert any("rendered with every checkpoint" in note.message for note in app._notifications)


def test_the_form_names_what_the_last_training_of_a_kind_took_and_else_what_a_preset_is(sample: Library) -> None:
    name = next(path.name for path in sample.sets.iterdir() if path.is_dir())
    form = TrainForm(str(sample.root), [name], None)
    assert form.foretold("40k", name) == form.foretold("small", name)
    assert form.words().startswith("What it costs on this machine is measured as it begins")
    request = TrainRequest(library=str(sample.root), set_name=name, model="m")
    job = Job.create(sample.runs, "train", request.to_dict())
    took = Cost("cpu", 600, 0.25, 6, 2.0, 10**9, 13 * 10**6, 7 * 10**7, 2 * 10**7).to_dict() | {"machine": machine()}
    atomic.write_json(job.path / "result.json", {"outcome": "done", "cost": took})
    assert form.foretold("small", name).startswith("0.25 s a step on this machine's processor: 1200 steps and 12 saves")
    assert form.foretold("small", name, refiner=True) == form.foretold("40k", name), "none was trained here yet"
