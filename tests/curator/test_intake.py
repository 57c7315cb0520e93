from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog import atomic, audio, sets
from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.records import Analysis, Blame
from catalog.store import Store
from curator import analysis_file
from curator.analysis import analyse
from curator.intake import sweep, take_in_finished
from trainer import blame_file


@pytest.fixture
def store(library: Library) -> Iterator[Store]:
    with Store(library) as opened:
        yield opened


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory, take) -> Analysis:
    path = tmp_path_factory.mktemp("takes") / "voice.wav"
    audio.write_wav(path, take([6, 1.5, 6]), 16_000)
    return analyse(path, "anna")


@pytest.fixture
def analysis(tmp_path: Path, analysed: Analysis) -> Analysis:
    """The analysis of a recording whose file the test may remove."""
    path = shutil.copy(analysed.recording.path, tmp_path)
    return replace(analysed, recording=replace(analysed.recording, path=str(path)))


def ended(parent: Path, kind: str, request: dict[str, Any], result: dict[str, Any] | None, **files: Analysis) -> Job:
    """A job folder as a process leaves it; without a result the process died."""
    job = Job.create(parent, kind, request)
    for analysis in files.values():
        analysis_file.write(job.path / "results", analysis)
    if result is None:
        atomic.write_json(job.path / "pid.json", {"pid": 2**22 - 1, "mark": "gone"})
    else:
        JobReport.begin(job.path).finish(result.pop("outcome", "done"), **result)
    return job


def test_results_are_taken_in_once_and_counted_ever_after(library: Library, store: Store, analysis: Analysis) -> None:
    job = ended(library.jobs, "add", {"paths": []}, {}, one=analysis)
    first = take_in_finished(store, job).report()
    assert (first["recordings"], first["clips"]) == (1, len(analysis.clips))
    assert first["seconds_in"] == pytest.approx(13.5)
    assert 0 < first["seconds_clips"] <= 13.5
    assert take_in_finished(store, job).report() == first
    assert len(store.recordings()) == 1
    assert analysis_file.found(job.path / "results") == []


def test_a_result_left_by_a_job_that_died_is_swept_up(library: Library, store: Store, analysis: Analysis) -> None:
    job = ended(library.jobs, "add", {"paths": []}, None, one=analysis)
    assert job.state() == "crashed"
    assert sweep(store, library) == 1
    assert [recording.id for recording in store.recordings()] == [analysis.recording.id]
    assert sweep(store, library) == 0, "an ended job is looked at once"


def test_an_intake_cut_off_after_the_transaction_is_finished_later(
    library: Library, store: Store, analysis: Analysis
) -> None:
    job = ended(library.jobs, "add", {"paths": []}, {}, one=analysis)
    store.take_in(analysis)
    assert take_in_finished(store, job).report()["recordings"] == 1
    assert store.clip_table().num_rows == len(analysis.clips)


def test_failures_and_known_files_are_reported(library: Library, store: Store, analysis: Analysis) -> None:
    store.take_in(analysis)
    job = Job.create(library.jobs, "add", {"paths": []})
    report = JobReport.begin(job.path)
    report.event("failed", path="/a.wav", error="/a.wav is no audio.")
    report.event("known", path="/elsewhere/voice.wav", sha256=analysis.recording.sha256)
    report.finish("done")
    Path(analysis.recording.path).unlink()
    taken = take_in_finished(store, job).report()
    assert (taken["recordings"], taken["skipped"]) == (0, 1)
    assert taken["failed"] == [{"path": "/a.wav", "error": "/a.wav is no audio."}]
    assert store.recordings()[0].path == "/elsewhere/voice.wav"


def test_a_damaged_result_fails_alone(library: Library, store: Store, analysis: Analysis) -> None:
    job = ended(library.jobs, "add", {"paths": []}, {}, one=analysis)
    (job.path / "results" / "0000.json").write_text("{")
    taken = take_in_finished(store, job).report()
    assert taken["recordings"] == 1
    assert len(taken["failed"]) == 1
    assert take_in_finished(store, job).report() == taken


def frozen(library: Library, store: Store, analysis: Analysis) -> sets.SetInfo:
    store.take_in(analysis)
    store.decide([clip.id for clip in analysis.clips], "accepted")
    return sets.freeze(library, "voice", store.clip_table().to_pylist())


def test_a_frozen_set_is_remembered(library: Library, store: Store, analysis: Analysis) -> None:
    info = frozen(library, store, analysis)
    ended(library.jobs, "freeze", {"library": str(library.root), "name": "voice"}, {"set": {"name": "voice"}})
    sweep(store, library)
    sweep(store, library)
    assert [known.id for known in store.sets()] == [info.id]


def test_a_run_is_remembered_from_start_to_end_and_its_model_with_it(
    library: Library, store: Store, analysis: Analysis
) -> None:
    info = frozen(library, store, analysis)
    job = Job.create(library.runs, "train", {"set_name": "voice", "model": "anna"})
    take_in_finished(store, job)
    assert [(run["id"], run["outcome"], run["set_id"]) for run in store.runs()] == [(job.id, None, info.id)]
    JobReport.begin(job.path).finish("done", card={"name": "anna", "id": "0123", "run": {"id": job.id}})
    take_in_finished(store, job)
    take_in_finished(store, job)
    assert store.runs()[0]["outcome"] == "done"
    assert [card["name"] for card in store.models()] == ["anna"]


def test_a_run_that_crashed_and_was_continued_ends_as_it_ended_last(library: Library, store: Store) -> None:
    job = ended(library.runs, "train", {"set_name": "gone", "model": "anna"}, None)
    sweep(store, library)
    assert store.runs()[0]["outcome"] == "crashed"
    JobReport.begin(job.path).finish("stopped")
    assert sweep(store, library) == 1
    assert store.runs()[0]["outcome"] == "stopped"


def test_conversions_are_remembered_with_their_model(library: Library, store: Store) -> None:
    outputs = [{"input": "/a.wav", "output": "/b.wav", "seconds": 1.0, "sha256": "00"}]
    ended(library.jobs, "convert", {"model": "anna", "options": {"transpose": 2}}, {"outputs": outputs, "failed": []})
    sweep(store, library)
    sweep(store, library)
    (record,) = store.conversions()
    assert (record["model"], record["output"], record["options"]) == ("anna", "/b.wav", {"transpose": 2})


def test_activity_comes_back_from_the_catalogue_byte_for_byte(store: Store, analysis: Analysis) -> None:
    store.take_in(analysis)
    assert store.activity(analysis.recording.id) == analysis.activity
    assert np.frombuffer(analysis.activity.voicing, np.uint8).max() > 127


def test_what_a_run_says_of_its_clips_is_taken_in_with_its_end(
    library: Library, store: Store, analysis: Analysis
) -> None:
    frozen(library, store, analysis)
    clip = analysis.clips[0].id
    job = Job.create(library.runs, "train", {"set_name": "voice", "model": "anna"})
    take_in_finished(store, job)
    blame_file.write(job.path, [Blame(clip, 5.0, "the voice is unlike the others", (0.5, 1.5))])
    assert store.clip(clip)["blame"] is None
    JobReport.begin(job.path).finish("done", card={"name": "anna", "id": "0123", "run": {"id": job.id}})
    take_in_finished(store, job)
    take_in_finished(store, job)
    row = store.clip(clip)
    assert (row["blame"], row["blame_reason"]) == (5.0, "the voice is unlike the others")
    assert row["places"]["blame"] == (0.5, 1.5)
    assert store.clip_table(where="blame IS NOT NULL").num_rows == 1
