"""The job-folder protocol, from outside and from inside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadRequest, JobFailed
from catalog.jobs import Job, JobReport, list_jobs, run_job
from catalog.processes import start_mark

WORKER = """
import sys, time
from pathlib import Path
from catalog.errors import BadAudio
from catalog.jobs import run_job

def work(request, report):
    report.phase("work")
    if request["do"] == "fail":
        raise BadAudio("a.wav is empty (0 bytes).")
    if request["do"] == "stumble":
        raise ZeroDivisionError("division by zero")
    if request["do"] == "die":
        import os
        os._exit(9)
    if request["do"] == "tell":
        import os
        return {name: os.environ.get(name) for name in request["names"]}
    if request["do"] == "wait":
        while not report.stop_requested():
            time.sleep(0.01)
        return {"outcome": "stopped", "steps": 3}
    for step in range(3):
        report.progress(step + 1, 3, "steps")
    return {"answer": 42}

if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that does a small job."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "small_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    return "small_worker"


@pytest.fixture
def new_job(tmp_path: Path) -> Callable[..., Job]:
    """Makes jobs in one folder."""

    def make(**request: Any) -> Job:
        return Job.create(tmp_path / "jobs", "test", request)

    return make


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def test_a_job_is_its_frozen_request(new_job: Callable[..., Job]) -> None:
    job = new_job(paths=["ä.wav"], n=3)
    again = Job.open(job.path)
    assert (again.kind, again.request, again.id) == ("test", {"paths": ["ä.wav"], "n": 3}, job.id)
    document = json.loads((job.path / "request.json").read_text(encoding="utf-8"))
    assert set(document) == {"version", "kind", "created_at", "request"}
    assert job.state() == "waiting"
    assert job.result() is None
    assert job.events() == ([], 0)


def test_two_jobs_never_share_a_folder(tmp_path: Path) -> None:
    Job.create(tmp_path, "train", {}, job_id="run-1")
    with pytest.raises(BadRequest, match="run-1 already exists"):
        Job.create(tmp_path, "train", {}, job_id="run-1")
    assert len({Job.create(tmp_path, "add", {}).id for _ in range(20)}) == 20


def test_a_folder_without_a_request_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="not a job folder"):
        Job.open(tmp_path)


def test_started_work_gives_events_and_a_result(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="count")
    pid = job.start(worker)
    events = list(job.follow(0.01))
    assert job.state() == "done"
    assert job.result() == {"outcome": "done", "answer": 42}
    assert job.outcome()["answer"] == 42
    assert [event["type"] for event in events][:1] == ["phase"]
    assert events[-1]["type"] == "done"
    last = [event for event in events if event["type"] == "progress"][-1]
    assert (last["done"], last["total"], last["unit"]) == (3, 3, "steps")
    assert json.loads((job.path / "pid.json").read_text())["pid"] == pid


def test_the_process_needs_neither_our_folder_nor_our_terminal(
    new_job: Callable[..., Job], worker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = new_job(do="wait")
    pid = job.start(worker)
    until(lambda: (job.path / "pid.json").exists())
    if hasattr(os, "getsid"):
        assert os.getsid(pid) == pid != os.getsid(0)
    job.ask_stop()
    assert list(job.follow(0.01))[-1]["outcome"] == "stopped"


def test_a_process_gets_what_is_set_for_it_unless_the_user_has_set_it(
    new_job: Callable[..., Job], worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SET_BY_BOTH", "the user's")
    job = new_job(do="tell", names=["SET_BY_BOTH", "SET_FOR_IT"])
    job.start(worker, {"SET_BY_BOTH": "ours", "SET_FOR_IT": "ours"})
    list(job.follow(0.01))
    assert job.outcome() | {"SET_BY_BOTH": "the user's", "SET_FOR_IT": "ours"} == job.outcome()


def test_a_stop_is_asked_for_and_granted(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="wait")
    job.start(worker)
    until(lambda: job.state() == "running")
    with pytest.raises(BadRequest, match="cannot be started again"):
        job.start(worker)
    job.ask_stop()
    assert job.state() in ("stopping", "stopped")
    until(lambda: job.state() == "stopped")
    assert job.result() == {"outcome": "stopped", "steps": 3}


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_sigterm_is_a_wish_to_stop(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="wait")
    pid = job.start(worker)
    until(lambda: bool(job.events()[0]))
    os.kill(pid, signal.SIGTERM)
    until(lambda: job.state() == "stopped")


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_killed_process_without_a_result_has_crashed(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="wait")
    pid = job.start(worker)
    until(lambda: bool(job.events()[0]))
    assert job.state() == "running"
    os.kill(pid, signal.SIGKILL)
    until(lambda: job.state() == "crashed")
    assert next(iter(job.follow(0.01)))["type"] == "phase"
    with pytest.raises(JobFailed, match="died without a result"):
        job.outcome()


def test_a_process_that_dies_before_it_begins_has_crashed(new_job: Callable[..., Job]) -> None:
    job = new_job(do="count")
    job.start("no_module_of_this_name")
    until(lambda: job.state() == "crashed")
    assert "no_module_of_this_name" in (job.path / "log.txt").read_text()


def test_a_job_that_stopped_may_be_started_again_and_its_events_go_on(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="wait")
    for times in (1, 2):
        job.start(worker)
        until(lambda times=times: sum(event["type"] == "phase" for event in job.events()[0]) == times)  # type: ignore[misc]
        assert job.state() == "running"
        job.ask_stop()
        until(lambda: job.state() == "stopped")


def test_a_job_that_is_done_is_not_done_again(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="count")
    job.start(worker)
    list(job.follow(0.01))
    with pytest.raises(BadRequest, match="is done"):
        job.start(worker)
    with pytest.raises(BadRequest, match="is done"):
        JobReport.begin(job.path)


def test_an_expected_failure_is_its_own_line(new_job: Callable[..., Job], worker: str) -> None:
    job = new_job(do="fail")
    job.start(worker)
    list(job.follow(0.01))
    assert job.state() == "failed"
    assert job.result() == {"outcome": "failed", "error": "a.wav is empty (0 bytes)."}
    with pytest.raises(JobFailed, match=r"a\.wav is empty"):
        job.outcome()


def test_an_unforeseen_failure_is_a_line_and_its_traceback_is_in_the_log(
    new_job: Callable[..., Job], worker: str
) -> None:
    job = new_job(do="stumble")
    job.start(worker)
    list(job.follow(0.01))
    result = job.result()
    assert result
    assert "ZeroDivisionError: division by zero" in result["error"]
    assert "\n" not in result["error"]
    assert "Traceback" in (job.path / "log.txt").read_text()


def test_a_torn_last_line_means_not_yet(new_job: Callable[..., Job]) -> None:
    job = new_job()
    events = job.path / "events.jsonl"
    events.write_bytes(b'{"type": "phase"}\n{"type": "metr')
    found, offset = job.events()
    assert [event["type"] for event in found] == ["phase"]
    with events.open("ab") as file:
        file.write(b'ic"}\n')
    found, offset = job.events(offset)
    assert [event["type"] for event in found] == ["metric"]
    assert job.events(offset) == ([], offset)


def test_a_line_torn_by_a_crash_does_not_swallow_the_next(new_job: Callable[..., Job]) -> None:
    job = new_job()
    (job.path / "events.jsonl").write_bytes(b'{"type": "phase"}\n{"type": "metr')
    report = JobReport.begin(job.path)
    report.warning("after the crash")
    assert [event["type"] for event in job.events()[0]] == ["phase", "warning"]
    report.finish("done")


def test_a_reused_process_id_is_not_the_jobs_process(new_job: Callable[..., Job]) -> None:
    job = new_job()
    (job.path / "pid.json").write_text(json.dumps({"pid": os.getpid(), "mark": "an earlier start"}))
    assert job.state() == "crashed"
    JobReport.begin(job.path).finish("done")
    assert job.state() == "done"


def test_a_folder_has_one_live_owner(new_job: Callable[..., Job]) -> None:
    job = new_job()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = {"pid": other.pid, "mark": start_mark(other.pid)}
    (job.path / "pid.json").write_text(json.dumps(owner))
    with pytest.raises(BadRequest, match=f"already run by process {other.pid}"):
        JobReport.begin(job.path)
    other.communicate(b"\n")
    JobReport.begin(job.path).finish("done")


def test_the_result_is_written_last_and_whole(new_job: Callable[..., Job]) -> None:
    job = new_job()
    report = JobReport.begin(job.path)
    assert job.state() == "running"
    report.event("sample", path=Path("a.wav"), kind="any field may be called kind")
    report.metric(3, {"g/mel": float("nan"), "g/kl": 0.5})
    report.finish("done", score=float("inf"))
    assert job.state() == "done"
    sample, metric, done = job.events()[0]
    assert (sample["path"], metric["values"]) == ("a.wav", {"g/mel": None, "g/kl": 0.5})
    assert done["type"] == "done"
    assert job.result() == {"outcome": "done", "score": None}
    assert not [path.name for path in job.path.iterdir() if ".part" in path.name]


def test_a_damaged_result_is_a_failure_in_words(new_job: Callable[..., Job]) -> None:
    job = new_job()
    (job.path / "result.json").write_text('{"outco')
    assert job.state() == "failed"
    with pytest.raises(JobFailed, match="damaged"):
        job.outcome()


def test_progress_tells_rate_and_time_left_and_is_sparing(
    new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("catalog.jobs.time.monotonic", lambda: clock[0])
    job = new_job()
    report = JobReport.begin(job.path)
    for done in range(101):
        report.progress(done, 100, "clips")
        clock[0] += 0.02
    events = [event for event in job.events()[0] if event["type"] == "progress"]
    assert 16 <= len(events) <= 22
    assert events[10]["rate"] == pytest.approx(50.0)
    assert events[10]["eta_s"] == pytest.approx((100 - events[10]["done"]) / 50, abs=0.06)
    assert events[-1]["done"] == 100
    assert events[-1]["eta_s"] == 0


def test_events_from_several_threads_stay_whole(new_job: Callable[..., Job]) -> None:
    job = new_job()
    report = JobReport.begin(job.path)

    def write() -> None:
        for _ in range(100):
            report.event("clip", text="x" * 500)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(job.events()[0]) == 400
    report.finish("done")


def test_jobs_are_listed_oldest_first_and_other_folders_passed_over(tmp_path: Path) -> None:
    assert list_jobs(tmp_path / "none") == []
    ids = [Job.create(tmp_path, "add", {}, job_id=f"job-{n}").id for n in range(3)]
    (tmp_path / "other").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "request.json").write_text("{")
    assert [job.id for job in list_jobs(tmp_path)] == ids


def test_running_on_a_bad_folder_is_exit_code_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job(tmp_path, lambda request, report: {}) == 2
    assert "not a job folder" in capsys.readouterr().err
