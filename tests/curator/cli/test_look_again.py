"""The commands tell which clips a training found strange, and what the next run starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog import audio, registry, sets
from catalog.jobs import Job
from catalog.library import Library
from catalog.records import Blame, clip_id
from trainer import blame_file
from trainer.config import PRESETS, TrainRequest

STRANGE = Blame("0123456789abcdef", 7.25, "its f0 was found an octave too low", (0.5, 1.5))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library with the set "second" of one speaker, and her model "alto", made from another set."""
    place = Library(tmp_path / "library")
    place.create()
    audio.write_wav(tmp_path / "take.wav", np.zeros(48000, np.float32) + 0.1, 24000)
    digest = audio.sha256(tmp_path / "take.wav")[:16]
    row = {"id": clip_id(digest, 0, 48000), "recording": digest, "path": str(tmp_path / "take.wav"), "speaker": "alto",
           "start": 0, "end": 48000, "sample_rate": 24000, "scores": {}}  # fmt: skip
    sets.freeze(place, "second", [row])

    def build(folder: Path) -> dict[str, Any]:
        (folder / registry.WEIGHTS).write_bytes(b"weights")
        config = PRESETS["small"].config
        return {
            "config": {**config.network, "sample_rate": config.sample_rate},
            "network": "source-filter",
            "encoder": {"name": "phone"},
            "set": {"id": "first"},
            "run": {"id": "train-1"},
            "speakers": ["alto"],
            "look_again": [blame_file.as_row(STRANGE)],
        }

    registry.publish(place, "alto", build=build)
    job = Job.create(place.runs, "train", {"set_name": "first", "model": "alto"}, job_id="train-1")
    blame_file.write(job.path, [STRANGE, Blame("fedcba9876543210", 0.5, "")])
    return place


@pytest.mark.parametrize("command", [("runs", "show", "train-1"), ("models", "show", "alto")])
def test_a_run_and_its_model_tell_the_strangest_clips_with_their_place(curator, library, command) -> None:
    assert curator(*command, "--json").json["look_again"] == [blame_file.as_row(STRANGE)]
    text = curator(*command).out
    assert STRANGE.clip in text
    assert STRANGE.reason in text
    assert "fedcba9876543210" not in text
    assert ("curator tag add weight=0.3 CLIP" in text) is (command[0] == "runs"), "a clip that stays may count less"


@pytest.mark.parametrize(
    ("base", "expected"), [(None, "alto"), ("last", "alto"), ("preset", None), ("none", "none"), ("alto", "alto")]
)
def test_the_next_run_starts_from_the_last_model_unless_told_otherwise(
    curator, library, monkeypatch, base: str | None, expected: str | None
) -> None:
    asked: list[TrainRequest] = []

    def start_train(place: Library, request: TrainRequest, **_: Any) -> Job:
        asked.append(request)
        return Job.create(place.runs, "train", request.to_dict())

    monkeypatch.setattr("curator.launch.start_train", start_train)
    ended = curator("train", "second", "--name", "alto-2", "--detach", *(["--base", base] if base else []))
    assert ended.code == 0
    assert [request.base for request in asked] == [expected]
    assert ("starts from the model alto" in ended.err) == (base is None)


def test_going_on_from_nothing_is_refused_in_a_line(curator, library) -> None:
    registry.remove(library, "alto")
    ended = curator("train", "second", "--name", "alto-2", "--base", "last")
    assert ended.code == 2
    assert "no earlier model of alto" in ended.err
