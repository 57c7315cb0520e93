"""Several processes that train one model."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from catalog.errors import BadRequest
from catalog.jobs import Job
from trainer.__main__ import main
from trainer.config import TrainRequest
from trainer.dataset import TrainClip
from trainer.device import choose_device
from trainer.loop import train
from trainer.run import sizes
from trainer.team import Team
from trainer.training import Training

WORK = Path(__file__).with_name("team_work.py")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def train_together(folder: Path, processes: int) -> list[list[dict[str, Any]]]:
    """What each process of a team wrote, for each training in the folder."""
    shared = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    environment = {**os.environ, **shared, "PYTHONPATH": str(WORK.parents[2]), "OMP_NUM_THREADS": "1"}
    team = [
        subprocess.Popen([sys.executable, str(WORK), str(folder)], env={**environment, "RANK": str(rank)})
        for rank in range(processes)
    ]
    assert [process.wait(timeout=300) for process in team] == [0] * processes
    return [
        [json.loads(path.with_name(f"{path.stem}.{rank}.json").read_text()) for rank in range(processes)]
        for path in sorted(folder.glob("*.training"))
    ]


def toy(request: TrainRequest, clips: tuple[TrainClip, ...], folder: Path) -> Training:
    config = replace(request.config(), log_every=1, save_every=100, batch_size=4)
    return Training(config, sizes(config, 4, 1), 7, torch.device("cpu"), clips, (), "data", folder)


def test_two_processes_find_the_losses_of_one_and_go_on_where_they_stopped(
    tmp_path: Path, toy_request: Callable[..., TrainRequest], hummed: tuple[TrainClip, ...]
) -> None:
    # a clip shorter than the context: the shares of a batch then hold unequal numbers of real frames
    choose_device("cpu", 1)
    clips = (hummed[0], replace(hummed[1], frames=20, audio=hummed[1].audio[: 20 * 240]))
    alone = {}
    for preset in ("32k", "small"):
        training = toy(toy_request(steps=6, preset=preset), clips, tmp_path / f"{preset}-two")
        (tmp_path / f"{preset}.training").write_bytes(pickle.dumps(training))
        alone[preset] = one_process(replace(training, folder=tmp_path / f"{preset}-one"))
    told = train_together(tmp_path, 2)
    for preset, (leader, other) in zip(("32k", "small"), told, strict=True):
        assert [run["step"] for run in leader["runs"]] == [run["step"] for run in other["runs"]] == [3, 6]
        assert leader["weights"] == pytest.approx(other["weights"], rel=1e-12)
        assert other["runs"] == leader["runs"]
        found = losses([metric for run in leader["runs"] for metric in run["metrics"]])
        assert found.keys() == alone[preset].keys()
        for step, values in alone[preset].items():
            for name, value in values.items():
                assert found[step][name] == pytest.approx(value, rel=2e-4, abs=1e-5), (preset, step, name)


def one_process(training: Training) -> dict[int, dict[str, float]]:
    sys.path.insert(0, str(WORK.parent))
    try:
        from team_work import Told
    finally:
        sys.path.remove(str(WORK.parent))
    told = Told(None)
    train(training, told)
    return losses(told.metrics)


def losses(metrics: list[dict[str, Any]]) -> dict[int, dict[str, float]]:
    """Step -> losses; what is measured at saves is left out."""
    found: dict[int, dict[str, float]] = {}
    for metric in metrics:
        values = {name: value for name, value in metric.items() if name.startswith(("g/", "d/"))}
        if values:
            found[metric["step"]] = values
    return found


def test_a_run_on_two_processes_publishes_a_model_that_names_them(
    frozen: Callable[..., Any], toy_request: Callable[..., TrainRequest]
) -> None:
    library = frozen()
    request = replace(toy_request(steps=4), processes=2)
    job = Job.create(library.runs, "train", request.to_dict(), job_id="together")
    assert subprocess.run([sys.executable, "-m", "trainer", str(job.path)], cwd=WORK.parents[2]).returncode == 0
    result = job.result()
    assert result is not None
    assert result["outcome"] == "done"
    assert result["card"]["run"]["processes"] == 2
    said = [event["type"] for event in job.events()[0]]
    assert said.count("ledger") == 1


def test_a_process_that_dies_fails_the_run_in_words(
    frozen: Callable[..., Any], toy_request: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = frozen()
    request = replace(toy_request(steps=4), processes=2)
    job = Job.create(library.runs, "train", request.to_dict(), job_id="together")

    def die(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        assert command[command.index("--nproc-per-node") + 1] == "2"
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", die)
    assert main([str(job.path)]) == 1
    result = job.result()
    assert result is not None
    assert result["error"].startswith("One of 2 processes of this training died")


def test_a_batch_that_cannot_be_shared_equally_is_refused_with_one_that_can() -> None:
    Team(0, 2).check_share(4)
    with pytest.raises(BadRequest, match="batch_size=6"):
        Team(0, 3).check_share(4)


def test_the_rows_of_all_processes_are_the_batch() -> None:
    rows = [list(range(12))[Team(rank, 3).rows(12)] for rank in range(3)]
    assert rows == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
