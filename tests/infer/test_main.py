from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from toy_voice import publish_toy, sung

from catalog.audio import sha256
from catalog.jobs import Job, run_job
from catalog.library import Library
from infer import __main__ as job_module


@pytest.fixture
def shelf(library: Library) -> Library:
    publish_toy(library)
    return library


def recording(path: Path, seconds: float = 1.5, rate: int = 44100, channels: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.stack([sung(seconds, rate=rate)] * channels, axis=1), rate)
    return path


def convert(library: Library, inputs: list[Path], out: Path, model: str = "toy", **options: Any) -> tuple[Job, int]:
    request = {
        "library": str(library.root),
        "model": model,
        "inputs": [str(path) for path in inputs],
        "out": str(out),
        "options": {"f0_method": "swift", **options},
    }
    job = Job.create(library.jobs, "convert", request)
    return job, run_job(job.path, job_module.work)


def test_a_converted_file_can_be_traced_to_its_model_and_input(shelf: Library, tmp_path: Path) -> None:
    source = recording(tmp_path / "in.wav")
    job, code = convert(shelf, [source], tmp_path / "out.wav", transpose=3)
    result = job.result()
    assert code == 0
    assert result is not None
    [made] = result["outputs"]
    info = soundfile.info(made["output"])
    assert (info.samplerate, info.subtype) == (16000, "PCM_24")
    assert abs(info.frames - 1.5 * 16000) <= 1
    assert made["input_sha256"] == sha256(source)
    assert made["sha256"] == sha256(tmp_path / "out.wav")
    assert made["transpose"] == 3
    assert result["model_id"]
    assert made["versions"]["torch"]
    assert result["options"]["transpose"] == 3


def test_one_bad_file_is_one_line_and_the_others_go_on(shelf: Library, tmp_path: Path) -> None:
    good = recording(tmp_path / "in" / "good.wav")
    text = tmp_path / "in" / "text.wav"
    text.write_text("this is no audio")
    nan = tmp_path / "in" / "nan.wav"
    soundfile.write(nan, np.array([0.1] * 4000 + [np.nan] + [0.1] * 4000, np.float32), 16000, subtype="FLOAT")
    job, code = convert(shelf, [text, nan, good, tmp_path / "in" / "none.wav"], tmp_path / "out")
    result = job.result()
    assert code == 0
    assert result is not None
    assert [Path(made["output"]).name for made in result["outputs"]] == ["good.wav"]
    assert [Path(item["path"]).name for item in result["failed"]] == ["text.wav", "nan.wav", "none.wav"]
    assert all("\n" not in item["error"] and item["path"] in item["error"] for item in result["failed"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.wav"]


def test_an_existing_output_is_kept_unless_overwriting_was_asked_for(shelf: Library, tmp_path: Path) -> None:
    source, out = recording(tmp_path / "in.wav"), tmp_path / "out.wav"
    out.write_bytes(b"precious")
    job, _ = convert(shelf, [source], out)
    result = job.result()
    assert result is not None
    assert (result["outputs"], len(result["failed"])) == ([], 1)
    assert out.read_bytes() == b"precious"
    convert(shelf, [source], out, overwrite=True)
    assert soundfile.info(out).frames > 0


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("tyo", {}, "did you mean toy"),
        ("toy", {"f0_method": "harvst"}, "did you mean harvest"),
        ("toy", {"f0_method": "rmvpe"}, "curator models pull rmvpe"),
        ("toy", {"index_rate": 7}, "index_rate 7"),
        ("toy", {"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_followed_fails_in_one_line(
    shelf: Library, tmp_path: Path, model: str, options: dict[str, Any], words: str
) -> None:
    job, code = convert(shelf, [recording(tmp_path / "in.wav")], tmp_path / "out.wav", model, **options)
    result = job.result()
    assert code == 1
    assert result is not None
    assert words in result["error"]
    assert "\n" not in result["error"]
    assert not (tmp_path / "out.wav").exists()


def test_stopping_leaves_no_half_file_and_no_scratch(
    shelf: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = recording(tmp_path / "in.wav", seconds=3)
    monkeypatch.setattr("catalog.jobs.JobReport.stop_requested", lambda report: True)
    job, _ = convert(shelf, [source], tmp_path / "out.wav")
    assert job.state() == "stopped"
    assert not (tmp_path / "out.wav").exists()
    assert [path for path in job.path.iterdir() if path.name.startswith("scratch")] == []


def test_a_damaged_file_is_used_as_far_as_it_decodes_and_says_so(shelf: Library, tmp_path: Path) -> None:
    source = recording(tmp_path / "in.flac", seconds=6, channels=1)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    job, _ = convert(shelf, [source], tmp_path / "out.wav")
    result = job.result()
    assert result is not None
    [made] = result["outputs"]
    assert 1 < made["seconds"] < 6
    assert made["warnings"]


def test_the_job_runs_as_a_process_of_its_own(shelf: Library, tmp_path: Path) -> None:
    source = recording(tmp_path / "in.wav")
    request = {"library": str(shelf.root), "model": "toy", "inputs": [str(source)], "out": str(tmp_path / "o.flac")}
    job = Job.create(shelf.jobs, "convert", request)
    run = subprocess.run([sys.executable, "-m", "infer", str(job.path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert job.state() == "done"
    assert soundfile.info(tmp_path / "o.flac").format == "FLAC"
    events, _ = job.events()
    assert any(event["type"] == "progress" and event["unit"] == "s" for event in events)


def test_stopping_in_the_middle_of_a_file_keeps_those_that_are_done(
    shelf: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = recording(tmp_path / "a.wav"), recording(tmp_path / "b.wav", seconds=3)
    seen: list[float] = []
    told = job_module.Told.progress

    def progress(self: Any, done: float, total: float, note: str) -> None:
        seen.append(done)
        told(self, done, total, note)

    monkeypatch.setattr(job_module.Told, "progress", progress)
    # the second file begins when the first has said how far it is; it is stopped after it has been read
    monkeypatch.setattr("catalog.jobs.JobReport.stop_requested", lambda report: seen.count(0.0) > 1 and seen[-1] > 0)
    job, _ = convert(shelf, [first, second], tmp_path / "out")
    result = job.result()
    assert job.state() == "stopped"
    assert result is not None
    assert [Path(made["output"]).name for made in result["outputs"]] == ["a.wav"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.wav"]
