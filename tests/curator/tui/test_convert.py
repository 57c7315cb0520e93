"""The converting room by its keys: settings to begin with, the queue, grids, comparing by ear, previews."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from textual.pilot import Pilot
from textual.widgets import Button, Checkbox, Input, Select

from catalog.errors import BadRequest
from catalog.jobs import Job, JobReport, JobState
from catalog.library import Library
from catalog.store import Store
from curator.launch import next_in_line, start_convert
from curator.tui.app import CuratorApp
from curator.tui.results import Result
from curator.tui.screens.convert import ConvertScreen, free_name
from curator.tui.screens.grid_form import GridForm, around, moment
from curator.tui.widgets.listing import Listing
from curator.tui.widgets.option_form import OptionForm
from infer.options import OFFERED, ConvertOptions
from infer.presets import PRESETS
from tests.curator.tui.conftest import Settle

RATE = 8000


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A recording of three seconds."""
    path = tmp_path / "take [1].wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(3 * RATE) / 9), RATE)
    return path


def ended(library: Library, kind: str, request: dict[str, Any], result: dict[str, Any], name: str) -> Path:
    """A job that was done."""
    job = Job.create(library.jobs, kind, request, job_id=name)
    JobReport.begin(job.path).finish("done", **result)
    return job.path


def grid(library: Library, source: Path) -> Path:
    """A grid of two settings on a second of a file, from its second second on."""
    folder = library.jobs / "grid-1"
    tries = []
    for number, rate in enumerate((0.0, 0.9), 1):
        options = ConvertOptions(transpose=-12.0, index_rate=rate).to_dict()
        tries.append({"options": options, "output": str(folder / f"try {number}.wav"), "transpose": -12.0})
    made = {"model": "alto", "input": str(source), "start_s": 1.0, "seconds": 1.0, "tries": tries}
    ended(library, "grid", {"model": "alto", "options": [{}, {}]}, made, "grid-1")
    for item in tries:
        soundfile.write(str(item["output"]), np.zeros(2 * RATE), 2 * RATE)
    return folder


class Ear:
    """What would have been played, and a sound that goes on for as long as it is told."""

    def __init__(self, app: CuratorApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[tuple[str, int, int | None]] = []
        self.position_s = 0.0
        self.playing = False
        monkeypatch.setattr(app, "player", self)

    def play(self, path: Path | str, start: int = 0, end: int | None = None, manner: object = None) -> None:
        self.heard.append((Path(path).name, start, end))
        self.playing = True

    def stop(self) -> None:
        self.playing = False


async def open_room(app: CuratorApp, pilot: Pilot[Any], settle: Settle) -> ConvertScreen:
    await settle(pilot)
    await pilot.press("6")
    await settle(pilot)
    assert isinstance(app.screen, ConvertScreen)
    return app.screen


def heard(room: ConvertScreen) -> str:
    return str(room.query_one("#heard").render())


async def test_settings_begin_with_a_preset_and_are_kept_for_the_model(
    sample: Library, store: Store, settle: Settle
) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        room = await open_room(app, pilot, settle)
        form, preset = room.query_one(OptionForm), room.query_one("#preset", Select)
        assert form.values() == {name: form.values()[name] for name in OFFERED}
        assert ConvertOptions.from_dict(form.values()) == ConvertOptions()
        assert preset.value == "defaults"
        preset.value = "rap"
        await settle(pilot)
        assert ConvertOptions.from_dict(form.values()) == ConvertOptions.from_dict(PRESETS["rap"].values)
        room.query_one("#index_rate", Input).value = "0,3"
        room.query_one("#song", Checkbox).value = True
        await settle(pilot)
        assert preset.value is Select.NULL
        assert room.query_one("#backing").parent.display  # type: ignore[union-attr]
        await pilot.press("f5")
        missing = "curator models pull htdemucs" if find_spec("demucs") else "voice-curator[stems]"
        assert missing in str(room.query_one("#problem").render())
        room.query_one("#song", Checkbox).value = False
        await pilot.press("f5")
        await settle(pilot)
        wanted = {**PRESETS["rap"].values, "index_rate": 0.3}
        assert store.voice_settings() == {"alto": wanted}
        form.fill({})
        room.choose("alto")
        await settle(pilot)
        assert ConvertOptions.from_dict(form.values()) == ConvertOptions.from_dict(wanted)
        assert preset.value == "kept"


async def test_what_is_rarely_set_is_drawn_when_asked_for_and_keeps_its_value_all_the_same(
    sample: Library, settle: Settle
) -> None:
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        room = await open_room(app, pilot, settle)
        form, more = room.query_one(OptionForm), room.query_one("#more", Button)
        assert not form.query("#breaths")
        form.fill({"breaths": "convert", "cross_fade": 80.0})
        assert form.values()["breaths"] == "convert"
        assert str(more.label) == "More settings (2 changed)"
        more.press()
        await settle(pilot)
        assert form.query_one("#breaths", Select).value == "convert"
        assert form.query_one("#cross_fade", Input).value == "80"
        form.query_one("#cross_fade", Input).value = "40"
        form.query_one("#refine", Input).value = "100"
        await settle(pilot)
        assert str(more.label) == "Fewer settings (2 changed)"
        more.press()
        await settle(pilot)
        assert not form.query_one("#more-lines").display
        wanted = ConvertOptions(breaths="convert", refine=100)
        assert ConvertOptions.from_dict(form.values()) == wanted


async def test_a_grid_is_asked_for_heard_against_the_file_and_taken_over(
    sample: Library, take: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def start_grid(library: Library, model: str, source: Path, settings: Any, **stretch: Any) -> Job:
        asked.append((model, source, [(each.transpose, each.index_rate) for each in settings], stretch))
        return Job.open(grid(library, source))

    monkeypatch.setattr("curator.tui.screens.convert.start_grid", start_grid)
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        ear = Ear(app, monkeypatch)
        room = await open_room(app, pilot, settle)
        await pilot.press("f7")
        assert "Type the path" in str(room.query_one("#problem").render())
        room.query_one("#file", Input).value = str(take)
        await pilot.press("f7")
        assert isinstance(app.screen, GridForm)
        app.screen.query_one("#transposes", Input).value = "0, -12"
        app.screen.query_one("#rates", Input).value = "0 0,9"
        app.screen.query_one("#start", Input).value = "0:01"
        await pilot.press("ctrl+s")
        await settle(pilot)
        settings = [(0.0, 0.0), (0.0, 0.9), (-12.0, 0.0), (-12.0, 0.9)]
        assert asked == [("alto", take, settings, {"start_s": 1.0, "seconds": 10.0})]
        room.load()
        await settle(pilot)
        listed = room.query_one(Listing)
        assert listed.key == "grid-1/1", "the cursor waits at what was asked for"
        await pilot.press("m", "down")
        await settle(pilot)
        assert "index rate 0.9" in heard(room)
        assert "index rate 0" in heard(room).splitlines()[1]
        await pilot.press("space")
        await settle(pilot)
        ear.position_s = 0.25
        await pilot.press("b")
        await settle(pilot)
        assert room.sounding == "A"
        ear.stop()
        await pilot.press("m")
        await pilot.press("m")
        await pilot.press("o")
        await settle(pilot)
        assert ear.heard == [
            ("try 2.wav", 0, 4 * RATE // 2),
            ("try 1.wav", RATE // 2, 2 * RATE),
            (take.name, RATE, 2 * RATE),
        ]
        ear.stop()
        await pilot.press("t")
        await settle(pilot)
        now = ConvertOptions.from_dict(room.query_one(OptionForm).values())
        assert (now.transpose, now.index_rate) == (-12.0, 0.9)
        await pilot.press("escape", "d")
        await settle(pilot)
        assert not (sample.jobs / "grid-1").exists()


async def test_what_waits_is_listed_begun_in_turn_and_can_be_taken_out(
    sample: Library, take: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def start(job: Job, module: str) -> int:
        begun.append(job.id)
        JobReport.begin(job.path).progress(1, 4, "s")
        return 1

    monkeypatch.setattr(Job, "start", start)
    first, second, third = (
        start_convert(sample, "alto", [take], take.with_name(f"{n}.wav"), ConvertOptions(), queued=True)
        for n in range(3)
    )
    app = CuratorApp(sample)
    async with app.run_test(size=(100, 30)) as pilot:
        room = await open_room(app, pilot, settle)
        for _ in range(200):
            await pilot.pause(0.05)
            if begun and room.running and room.running[first.id].state == "running":
                break
        await settle(pilot)
        rows = room.query_one(Listing).list_rows
        assert list(rows)[:3] == [f"job:{job.id}" for job in (third, second, first)]
        assert [str(rows[f"job:{job.id}"]["length"]) for job in (third, first)] == ["", "25 %"]
        room.query_one(Listing).focus()
        room.query_one(Listing).go_to(f"job:{second.id}")
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert second.state() == "stopped"
        assert begun == [first.id]
        JobReport(Job.open(first.path)).finish("done", outputs=[])
        for _ in range(200):
            await pilot.pause(0.05)
            if len(begun) > 1:
                break
        assert begun == [first.id, third.id]


def test_only_one_of_the_queue_is_at_work_and_others_do_not_count(tmp_path: Path) -> None:
    def job(name: str, turn: int | None) -> Job:
        return Job(tmp_path / name, "convert", {} if turn is None else {"queued": turn}, "")

    early, late, other = job("b", 1), job("a", 2), job("c", None)
    states: list[tuple[Job, JobState]] = [(late, "waiting"), (early, "waiting"), (other, "running")]
    assert next_in_line(states) is early
    assert next_in_line([(late, "waiting"), (early, "stopping")]) is None
    assert next_in_line([(late, "waiting"), (early, "done")]) is late
    assert next_in_line([(other, "waiting")]) is None


async def test_a_set_is_heard_as_a_voice_with_one_key_and_says_what_it_leaned_on(
    sample: Library, take: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog import sets

    clip = sets.load(sample, "alto-first", verify=False).clips[0]

    def start_preview(library: Library, name: str, source: Path, out: Path | None) -> Job:
        assert out is None
        leaned = [{"clip": clip.clip, "share": 0.4}]
        made = {"set": name, "input": str(source), "output": str(library.jobs / "preview-1" / "preview.wav")}
        facts = {"seconds": 3.0, "transpose": 5.0, "distance": 0.61, "leaned_on": leaned}
        return Job.open(ended(library, "preview", {"set": name}, {**made, **facts}, "preview-1"))

    monkeypatch.setattr("curator.tui.screens.sets.start_preview", start_preview)
    app = CuratorApp(sample)
    async with app.run_test(size=(120, 40)) as pilot:
        ear = Ear(app, monkeypatch)
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("P")
        await settle(pilot)
        app.screen.query_one("#source", Input).value = str(take)
        await pilot.press("ctrl+s")
        for _ in range(200):
            await pilot.pause(0.05)
            if ear.heard:
                break
        await settle(pilot)
        assert ear.heard == [("preview.wav", 0, None)]
        said = str(app.screen.query_one("#fact-words").render())
        assert "+5 st" in said
        assert "0.61" in said
        assert "leans 40 % on" in said
        assert ".wav at" in said
        room = await open_room(app, pilot, settle)
        [made] = [each for each in room.results.values() if each.kind == "preview"]
        assert isinstance(made, Result)
        assert made.voice == "alto-first"
        assert made.facts[1].endswith(f"(clip {clip.clip})")


def test_lines_of_values_and_times_are_read_as_people_write_them() -> None:
    assert around(5.0) == "5 -7 17"
    assert around("auto") == "auto 0"
    assert moment("1:23.5") == 83.5
    assert moment("83") == 83


def test_a_free_name_lies_beside_the_file_the_folder_or_the_folder_of_several(tmp_path: Path) -> None:
    take = tmp_path / "takes" / "one.wav"
    take.parent.mkdir()
    take.write_bytes(b"")
    assert free_name(take, "alto") == tmp_path / "takes" / "one - alto.wav"
    assert free_name(take.parent, "alto", 3) == tmp_path / "takes - alto"
    assert free_name(take.parent / "*.wav", "alto", 2) == tmp_path / "takes - alto"
    (tmp_path / "takes - alto").mkdir()
    assert free_name(take.parent, "alto", 3) == tmp_path / "takes - alto 2"


def test_options_of_a_job_are_what_the_form_said(sample: Library, take: Path) -> None:
    options = ConvertOptions(index_rate=0.2, effects=("eq",))
    job = start_convert(sample, "alto", [take], take.parent / "results", options, queued=True)
    assert job.state() == "waiting"
    assert (
        ConvertOptions.from_dict(json.loads((job.path / "request.json").read_text())["request"]["options"]) == options
    )


def test_what_can_have_no_result_is_refused_before_it_waits_in_the_queue(sample: Library, take: Path) -> None:
    for model, out, words in (("alto", take, "is an input"), ("aldo", take.parent / "results", "did you mean alto")):
        with pytest.raises(BadRequest, match=words):
            start_convert(sample, model, [take], out, ConvertOptions(), queued=True)
    assert not list(sample.jobs.glob("convert-*"))
