"""Following jobs from their folders alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.processes import start_mark
from curator.tui.job_view import Follower
from curator.tui.widgets.job_strip import job_line, shown


def begin(library: Library, kind: str = "add", **request: Any) -> tuple[Job, JobReport]:
    parent = library.runs if kind == "train" else library.jobs
    job = Job.create(parent, kind, request)
    return job, JobReport.begin(job.path)


def test_a_running_job_is_found_by_an_app_that_did_not_start_it(library: Library) -> None:
    job, report = begin(library, paths=["/a/take [1].wav"], speaker="alto")
    report.progress(3, 12, "files")
    look = Follower(library).look()
    view = look.views[0]
    assert (view.id, view.state, view.done, view.total) == (job.id, "running", 3, 12)
    assert view.title == "Add take [1].wav"
    assert view.share == 0.25


def test_a_torn_last_line_is_not_an_event_yet(library: Library) -> None:
    job, report = begin(library, paths=["/a.wav"])
    report.progress(1, 4, "files")
    follower = Follower(library)
    follower.look()
    half = json.dumps({"t": 1, "type": "progress", "done": 3, "total": 4, "unit": "files"}).encode()
    with (job.path / "events.jsonl").open("ab") as file:
        file.write(half[:20])
        file.flush()
        assert follower.look().views[0].done == 1
        file.write(half[20:] + b"\n")
    assert follower.look().views[0].done == 3


def test_new_results_are_told_once_and_the_end_once(library: Library) -> None:
    job, report = begin(library, paths=["/a.wav"])
    follower = Follower(library)
    follower.look()
    report.event("recording", file="results/x.json")
    assert [each.id for each in follower.look().with_results] == [job.id]
    assert follower.look().with_results == ()
    report.event("failed", path="/b\n.wav", error="/b\n.wav is empty")
    report.finish("done")
    look = follower.look()
    assert [(view.id, view.state) for view in look.ended] == [(job.id, "done")]
    assert look.ended[0].problems == ("/b␤.wav is empty",)
    assert follower.look().ended == ()


def test_work_of_which_every_file_failed_is_not_told_as_done(library: Library) -> None:
    for kind, made in (
        ("convert", {"outputs": [], "failed": [{"path": "/a.wav"}]}),
        ("add", {"failed": 1, "known": 0}),
    ):
        job, report = begin(library, kind, paths=["/a.wav"], inputs=["/a.wav"], model="alto")
        follower = Follower(library)
        follower.look()
        report.event("failed", path="/a.wav", error="/a.wav is empty")
        report.finish("done", **made)
        view = next(view for view in follower.look().ended if view.id == job.id)
        assert (view.state, view.error) == ("failed", "/a.wav is empty")


def test_jobs_that_ended_before_the_app_was_opened_are_history(library: Library) -> None:
    _, report = begin(library, paths=["/a.wav"])
    report.finish("done")
    follower = Follower(library)
    assert follower.look().views == ()
    assert follower.look().views == ()


def test_a_job_that_started_and_ended_between_two_looks_is_told(library: Library) -> None:
    follower = Follower(library)
    follower.look()
    job, report = begin(library, "freeze", name="first")
    report.finish("done")
    look = follower.look()
    assert [view.id for view in look.ended] == [job.id]
    assert look.ended[0].title == "Freeze first"


def test_a_process_that_died_without_a_result_is_a_crash_in_words(library: Library) -> None:
    job = Job.create(library.runs, "train", {"model": "alto"})
    owner = {"pid": os.getpid(), "mark": start_mark(os.getpid())}
    (job.path / "pid.json").write_text(json.dumps(owner))
    follower = Follower(library)
    assert follower.look().views[0].state == "running"
    (job.path / "pid.json").write_text(json.dumps({"pid": owner["pid"], "mark": "another process"}))
    view = follower.look().ended[0]
    assert view.state == "crashed"
    assert "checkpoint" in view.error
    assert "crashed" in job_line(view, 80).plain


def test_a_run_that_is_continued_is_followed_again(library: Library) -> None:
    job, report = begin(library, "train", model="alto")
    follower = Follower(library)
    follower.look()
    report.progress(10, 100, "steps")
    report.finish("stopped")
    assert follower.look().ended[0].state == "stopped"
    again = JobReport.begin(job.path)
    again.progress(20, 100, "steps")
    view = follower.look().views[0]
    assert (view.state, view.done) == ("running", 20)
    again.finish("done")
    assert [each.state for each in follower.look().ended] == ["done"]


def test_failures_stay_in_the_strip_until_they_were_looked_at(library: Library) -> None:
    job, report = begin(library, paths=["/a.wav"])
    follower = Follower(library)
    follower.look()
    report.finish("failed", error="the disk is full")
    views = follower.look().views
    assert [view.error for view in shown(views)] == ["the disk is full"]
    follower.dismiss(job.id)
    assert follower.look().views == ()


def test_a_folder_that_is_no_job_is_passed_over(library: Library, tmp_path: Path) -> None:
    (library.jobs / "stray").mkdir()
    (library.jobs / "file").write_text("x")
    assert Follower(library).look().views == ()
