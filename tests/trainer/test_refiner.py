"""A refiner learned from clips: it hears noise better than at first, goes on exactly, and comes with the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from catalog import registry
from catalog.errors import BadRequest
from catalog.jobs import Job, run_job
from catalog.library import Library
from infer.refiner_config import FILE, RefinerConfig
from infer.refiner_file import read_refiner
from trainer.__main__ import work
from trainer.config import TrainRequest
from trainer.dataset import TrainClip
from trainer.refiner import CHECKPOINT, Learned, RefinerTraining, train_refiner

SETTINGS = RefinerTraining(
    steps=40, layers=2, width=16, hidden=8, batch_size=2, frames=32, learning_rate=5e-3, save_every=10
)
CONFIG = RefinerConfig(24000, 240, n_mels=80, phone_dim=4, layers=2, width=16, hidden=8, most_steps=200)


@dataclass
class Told:
    """What a training said, and when it is asked to stop."""

    stop_after: int | None = None
    metrics: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    asked: int = 0
    left: list[float] = field(default_factory=list)

    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None:
        assert eta_s is not None
        self.left.append(eta_s)

    def metric(self, step: int, values: Mapping[str, float]) -> None:
        self.metrics.append((step, dict(values)))

    def stop_requested(self) -> bool:
        self.asked += 1
        return self.stop_after is not None and self.asked > self.stop_after


def learn(
    clips: tuple[TrainClip, ...], folder: Path, told: Told, settings: RefinerTraining = SETTINGS, data: str = "clips"
) -> Learned | None:
    folder.mkdir(exist_ok=True)
    where: dict[str, Any] = {"seed": 1, "data": data, "device": torch.device("cpu"), "folder": folder}
    return train_refiner(clips[:2], clips[2:], settings, CONFIG, told, **where)


def test_it_learns_to_tell_noise_from_the_clips_and_keeps_its_best(
    hummed: tuple[TrainClip, ...], tmp_path: Path
) -> None:
    told = Told()
    learned = learn(hummed, tmp_path / "a", told)
    assert learned is not None
    heard = [values["refiner/held_out_error"] for _, values in told.metrics]
    assert [step for step, _ in told.metrics] == [10, 20, 30, 40]
    assert told.left[0] > told.left[-1] >= 0
    assert min(heard) < 0.8, "hearing none of it would be 1"
    assert learned.facts()["held_out_error"] == pytest.approx(min(heard), abs=1e-5)
    assert learned.facts()["best_step"] == 10 * (1 + int(np.argmin(heard)))


def test_a_stopped_one_goes_on_to_the_bit(hummed: tuple[TrainClip, ...], tmp_path: Path) -> None:
    whole = learn(hummed, tmp_path / "whole", Told())
    assert learn(hummed, tmp_path / "part", Told(stop_after=17)) is None
    told = Told()
    rest = learn(hummed, tmp_path / "part", told)
    assert whole is not None
    assert rest is not None
    assert [step for step, _ in told.metrics] == [20, 30, 40]
    for name, value in whole.refiner.state_dict().items():
        torch.testing.assert_close(rest.refiner.state_dict()[name], value, rtol=0, atol=0)


def test_what_was_left_by_other_clips_is_not_gone_on_with(hummed: tuple[TrainClip, ...], tmp_path: Path) -> None:
    quick = replace(SETTINGS, steps=2, save_every=1)
    learn(hummed, tmp_path / "a", Told(), quick)
    told = Told()
    learn(hummed, tmp_path / "a", told, quick, data="other clips")
    assert [step for step, _ in told.metrics] == [1, 2]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"step": 5}, "no refiner setting called step"),
        ({"steps": 0}, "above 0"),
        ({"steps": True}, "above 0"),
        ({"width": 1.5}, "above 0"),
    ],
)
def test_settings_that_are_none_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        RefinerTraining.from_settings(settings)


def test_a_training_brings_it_with_the_model_and_only_when_asked(
    frozen: Callable[..., Library], toy_request: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infer.f0.extract", lambda wave, *_, **__: np.full(len(wave) // 160, 180.0))
    library = frozen()
    small = {"steps": 3, "layers": 1, "width": 8, "hidden": 4, "batch_size": 1, "frames": 24}
    for name, asked in (("with", True), ("without", False)):
        request = toy_request(steps=4, model=name, refiner=asked, settings={"refiner": small})
        job = Job.create(library.runs, "train", request.to_dict(), job_id=f"train-{name}")
        run_job(job.path, work)
        assert job.outcome()["outcome"] == "done"
        entry = registry.load(library, name)
        assert (entry.file(FILE) is not None) == asked
        assert not (job.path / CHECKPOINT).exists()
    card = registry.load(library, "with").card
    assert card["refiner"]["steps"] == 3
    assert "refiner" not in registry.load(library, "without").card
    file = registry.load(library, "with").file(FILE)
    assert file is not None
    refiner = read_refiner(file)
    assert (refiner.config.sample_rate, refiner.config.phone_dim, refiner.config.most_steps) == (24000, 128, 200)
