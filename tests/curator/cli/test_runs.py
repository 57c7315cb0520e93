"""`curator runs`: what is told of a training."""

from __future__ import annotations

from pathlib import Path

from catalog.jobs import Job, JobReport
from catalog.library import Library


def test_a_run_tells_its_held_out_curve_and_the_best_save(curator, tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    library.create()
    report = JobReport.begin(Job.create(library.runs, "train", {"model": "alto", "set_name": "alto-1"}).path)
    for step, distance in ((0, 1.5), (200, 0.9), (400, 0.5), (600, 0.75)):
        report.metric(step, {"held_out/mel": distance, "held_out/phones": 0.5})
        report.metric(step + 10, {"g/mel": 1.0})
    report.event("recorded", **{"held_out/speaker": 0.875})
    report.event("cost", text="0.20 s a step", measured=True)
    shown = curator("runs", "show", "alto", "--json").json
    assert (shown["best_step"], shown["recorded"]) == (400, {"held_out/speaker": 0.875})
    assert shown["cost"] == "0.20 s a step"
    assert [point["step"] for point in shown["curve"]] == [0, 200, 400, 600]
    assert shown["curve"][2] == {"step": 400, "held_out/mel": 0.5, "held_out/phones": 0.5}
    lines = curator("runs", "show", "alto").out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("best")] == ["400"]
    assert lines[-1].endswith("likeness of 0.88.")
