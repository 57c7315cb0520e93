"""A run's story, read as it grows."""

from __future__ import annotations

from catalog.jobs import Job, JobReport
from catalog.library import Library
from curator.tui.run_history import RunHistory, Sample
from curator.tui.run_words import run_words


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
    again.event("sample", step=20, path="step-20-2.flac", original="original-2.flac", number=2)
    again.warning("slow\ndisk")
    history.read_on()
    assert history.curves["g/mel"] == [(10, 40), (20, 29)]
    assert history.newest == {"g/mel": 29}
    folder = job.path / "samples"
    assert history.samples == {20: {2: Sample(20, 2, folder / "step-20-2.flac", folder / "original-2.flac")}}
    assert history.problems == ["slow␤disk"]
    assert history.state == "running"
    again.finish("failed", error="out of memory")
    history.read_on()
    assert (history.state, history.error()) == ("failed", "out of memory")


def test_the_best_save_and_the_saves_since_are_known_while_the_run_goes_on(library: Library) -> None:
    job = Job.create(library.runs, "train", {"model": "alto"})
    report = JobReport.begin(job.path)
    for step, distance in ((0, 0.1), (200, 0.9), (400, 0.5), (600, 0.6), (800, 0.55)):
        report.metric(step, {"held_out/mel": distance})
    history = RunHistory(job.path)
    assert history.best_step is None
    history.read_on()
    report.event("look_again", clips=3, of=40)
    history.read_on()
    assert "look again  at 3 clips: 2, then o" in run_words(history, 80).plain
    assert (history.best_step, history.waited) == (400, 2)
