"""A run's story, read as it grows."""

from __future__ import annotations

from catalog.jobs import Job, JobReport
from catalog.library import Library
from curator.tui.run_history import RunHistory


def test_losses_are_read_on_and_a_resumed_run_replaces_the_steps_it_does_again(library: Library) -> None:
    job = Job.create(library.runs, "train", {"model": "alto"})
    report = JobReport.begin(job.path)
    for step in (10, 20, 30):
        report.metric(step, {"g/mel": 50.0 - step, "g/adv": float("nan")})
    history = RunHistory(job.path)
    assert history.read_on()
    assert history.curves == {"g/mel": [(10, 40), (20, 30), (30, 20)]}
    assert not history.read_on()
    report.finish("stopped")
    again = JobReport.begin(job.path)
    again.metric(20, {"g/mel": 29.0})
    again.event("sample", step=20, path="step-20.wav")
    again.warning("slow\ndisk")
    history.read_on()
    assert history.curves["g/mel"] == [(10, 40), (20, 29)]
    assert history.newest == {"g/mel": 29}
    assert history.samples == [job.path / "samples" / "step-20.wav"]
    assert history.problems == ["slow␤disk"]
    assert history.state == "running"
    again.finish("failed", error="out of memory")
    history.read_on()
    assert (history.state, history.error()) == ("failed", "out of memory")
