from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog import audio
from catalog.errors import CuratorError
from catalog.jobs import Job, JobReport
from curator import analysis_file
from curator.executor import Done
from curator.ingest import add


class Here:
    """An executor in this process."""

    def map_unordered(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        *,
        cost: Callable[[Any], float],
        stop: Callable[[], bool],
    ) -> Iterator[Done[Any, Any]]:
        for item in sorted(items, key=cost, reverse=True):
            if stop():
                return
            try:
                yield Done(item, function(item))
            except CuratorError as error:
                yield Done(item, None, str(error))


@pytest.fixture
def folder(tmp_path: Path, take) -> Path:
    """A good recording, a copy of it, one in a sub-folder, and a file that is none."""
    place = tmp_path / "recordings"
    (place / "deep").mkdir(parents=True)
    audio.write_wav(place / "one.wav", take([3, 0.4, 3]), 16_000)
    shutil.copy(place / "one.wav", place / "same.wav")
    audio.write_flac(place / "deep" / "two.FLAC", take([6], hz=150), 16_000)
    (place / "broken.wav").write_text("no audio")
    return place


def run(tmp_path: Path, request: dict[str, Any], name: str = "job") -> tuple[dict[str, Any], Job]:
    jobs = tmp_path / "jobs"
    job = Job.open(jobs / name) if (jobs / name).exists() else Job.create(jobs, "add", request, job_id=name)
    return add(job.request, JobReport.begin(job.path), Here()), job


def events(job: Job, kind: str) -> list[dict[str, Any]]:
    return [event for event in job.events()[0] if event["type"] == kind]


def test_good_files_are_analysed_and_bad_ones_named(tmp_path: Path, folder: Path) -> None:
    result, job = run(tmp_path, {"paths": [str(folder)], "speaker": "anna"})
    assert result == {"outcome": "done", "recordings": 2, "known": 1, "failed": 1}
    found = events(job, "recording")
    assert {Path(event["path"]).name for event in found} == {"one.wav", "two.FLAC"}
    for event in found:
        analysis = analysis_file.read(job.path / event["file"])
        assert analysis.recording.speaker == "anna"
        assert event["clips"] == len(analysis.clips)
        assert event["seconds"] == pytest.approx(6.4 if event["path"].endswith("one.wav") else 6.0)
        assert 0 < event["seconds_clips"] <= event["seconds"]
    (failed,) = events(job, "failed")
    assert failed["path"].endswith("broken.wav")
    assert failed["error"].count("broken.wav") == 1
    assert events(job, "progress")[-1]["done"] == pytest.approx(events(job, "progress")[-1]["total"])


def test_what_the_catalogue_knows_is_passed_over(tmp_path: Path, folder: Path) -> None:
    known = [audio.sha256(folder / "one.wav")]
    result, job = run(tmp_path, {"paths": [str(folder / "one.wav")], "speaker": "a", "known": known})
    assert (result["recordings"], result["known"]) == (0, 1)
    assert events(job, "known")[0]["sha256"] == known[0]


def test_a_job_that_is_started_again_does_the_rest(tmp_path: Path, folder: Path) -> None:
    request = {"paths": [str(folder)], "speaker": "a"}
    _, job = run(tmp_path, request)
    finished = {path.name for path in analysis_file.found(job.path / "results")}
    lost = sorted(finished)[0]
    analysis_file.remove(job.path / "results" / lost)
    result, _ = run(tmp_path, request)
    assert result["recordings"] == 1
    assert {path.name for path in analysis_file.found(job.path / "results")} == finished


def test_a_stop_file_ends_the_job_between_files(tmp_path: Path, folder: Path) -> None:
    job = Job.create(tmp_path / "jobs", "add", {"paths": [str(folder)], "speaker": "a"}, job_id="job")
    job.ask_stop()
    result, _ = run(tmp_path, {})
    assert result["outcome"] == "stopped"
    assert events(job, "recording") == []


def test_a_missing_path_fails_alone(tmp_path: Path, folder: Path) -> None:
    paths = [str(folder / "gone"), {"path": str(folder / "one.wav")}]
    result, job = run(tmp_path, {"paths": paths, "speaker": "a"})
    assert (result["recordings"], result["failed"]) == (1, 1)
    assert "gone" in events(job, "failed")[0]["error"]


def test_slicing_settings_of_the_request_hold(tmp_path: Path, take) -> None:
    audio.write_wav(tmp_path / "long.wav", take([20]), 16_000)
    slicing = {"min_s": 2, "ideal_s": 3, "max_s": 4, "join_s": 1}
    _, job = run(tmp_path, {"paths": [str(tmp_path / "long.wav")], "speaker": "a", "slicing": slicing})
    analysis = analysis_file.read(job.path / events(job, "recording")[0]["file"])
    assert max(clip.end - clip.start for clip in analysis.clips) <= 4 * 16_000
    assert "max=4" in analysis.slicer


def test_the_job_runs_as_its_own_process_with_workers(tmp_path: Path, folder: Path) -> None:
    job = Job.create(tmp_path / "jobs", "add", {"paths": [str(folder)], "speaker": "a", "workers": 2})
    job.start("curator.ingest")
    for _ in job.follow():
        pass
    assert job.outcome()["recordings"] == 2
    assert len(analysis_file.found(job.path / "results")) == 2
