"""Hearing a run: clips, saves, and the recording beside them."""

from __future__ import annotations

import pytest

from catalog.jobs import Job, JobReport
from catalog.library import Library
from curator.tui.run_history import RunHistory
from curator.tui.run_listening import RunListening


@pytest.fixture
def report(library: Library) -> JobReport:
    """A run of three saves of two clips each; the second save is the best."""
    report = JobReport.begin(Job.create(library.runs, "train", {"model": "alto"}).path)
    folder = report.job.path / "samples"
    folder.mkdir()
    for step, distance in ((200, 0.9), (400, 0.5), (600, 0.6)):
        report.metric(step, {"held_out/mel": distance})
        for number in (1, 2):
            path, original = f"step-{step}-{number}.flac", f"original-{number}.flac"
            (folder / path).touch()
            report.event("sample", step=step, path=path, original=original, number=number)
    return report


@pytest.fixture
def history(report: JobReport) -> RunHistory:
    history = RunHistory(report.job.path)
    history.read_on()
    return history


def name(ear: RunListening, history: RunHistory) -> str:
    path = ear.path(history)
    assert path is not None
    return path.name


def test_a_run_at_work_is_heard_at_its_newest_save_and_an_ended_one_at_its_best(history, report):
    ear = RunListening()
    assert name(ear, history) == "step-600-1.flac"
    report.finish("done")
    history.read_on()
    assert name(ear, history) == "step-400-1.flac"
    assert ear.words(history) == "clip 1 of 2, step 400, the best: the model"


def test_the_recording_is_one_key_away_from_the_rendering(history):
    ear = RunListening()
    ear.next_clip(history)
    ear.recording = True
    assert name(ear, history) == "original-2.flac"
    assert ear.words(history).endswith("the recording")
    ear.recording = False
    assert name(ear, history) == "step-600-2.flac"
    ear.next_clip(history)
    assert name(ear, history) == "step-600-1.flac"


def test_saves_are_stepped_through_to_both_ends_and_those_removed_are_passed_over(history, report):
    ear = RunListening()
    (report.job.path / "samples" / "step-400-1.flac").unlink()
    (report.job.path / "samples" / "step-400-2.flac").unlink()
    ear.turn(history, 1)
    assert name(ear, history) == "step-600-1.flac"
    ear.turn(history, -1)
    ear.turn(history, -1)
    assert name(ear, history) == "step-200-1.flac"


def test_before_the_first_save_there_is_nothing_to_hear(library):
    history = RunHistory(Job.create(library.runs, "train", {"model": "alto"}).path)
    ear = RunListening()
    ear.turn(history, 1)
    ear.next_clip(history)
    assert (ear.path(history), ear.words(history)) == (None, "")
