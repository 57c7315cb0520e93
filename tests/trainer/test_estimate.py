"""What a training will cost, by the last one of its kind on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from catalog import atomic
from catalog.jobs import Job
from catalog.library import Library
from trainer import estimate
from trainer.config import TrainRequest
from trainer.estimate import Cost, last_cost, length, steps_of, words

TOOK = Cost("cpu", 1200, 0.2, 12, 3.0, 10**9, 13 * 10**6, 7 * 10**7, 2 * 10**7)


@pytest.fixture
def ended(library: Library) -> Callable[..., None]:
    """Leave a run that has ended, with what it took."""

    def leave(request: TrainRequest, cost: Cost = TOOK, **more: Any) -> None:
        number = len(list(library.runs.iterdir())) if library.runs.is_dir() else 0
        job = Job.create(library.runs, "train", request.to_dict(), job_id=f"train-{number}")
        known = cost.to_dict() | {"machine": estimate.machine()} | more
        atomic.write_json(job.path / "result.json", {"outcome": "done", "cost": known})

    return leave


def asked(library: Library, **changes: Any) -> TrainRequest:
    return TrainRequest(library=str(library.root), set_name="s", model="m", **changes)


def test_without_an_earlier_run_nothing_is_said_to_be_known(library):
    assert last_cost(library, asked(library), 60.0) is None


def test_the_last_run_of_its_kind_tells_for_another_set_and_other_lengths(library, ended):
    ended(asked(library), replace(TOOK, step_s=0.5))
    ended(asked(library, steps=500, seed=3, patience=2, settings={"save_every": 50}))
    cost = last_cost(library, replace(asked(library, steps=2400), set_name="other", model="else"), 100.0)
    assert cost == replace(TOOK, steps=2400, saves=24)
    assert cost.seconds == pytest.approx(2400 * 0.2 + 24 * 3.0)
    assert words(cost).startswith(
        "0.20 s a step on this machine's processor: 2400 steps and 24 saves in 9.2 minutes, 1.0"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"preset": "40k"},
        {"settings": {"batch_size": 8}},
        {"settings": {"network": {"width": 64}}},
        {"encoder": "contentvec"},
        {"processes": 2},
        {"device": "cuda"},
    ],
)
def test_a_run_of_another_kind_tells_nothing(library, ended, other):
    ended(asked(library))
    assert last_cost(library, asked(library, **other), 60.0) is None


def test_a_run_on_another_machine_tells_nothing_of_this_one(library, ended):
    ended(asked(library), machine="elsewhere, 64 processors")
    assert last_cost(library, asked(library), 60.0) is None


def test_damaged_or_older_runs_are_passed_over(library, ended):
    ended(asked(library))
    job = Job.create(library.runs, "train", {"preset": "gone", "library": "x"})
    atomic.write_json(job.path / "result.json", {"outcome": "done", "cost": {"machine": estimate.machine()}})
    Job.create(library.runs, "train", asked(library).to_dict())
    assert last_cost(library, asked(library), 60.0) == TOOK


def test_epochs_are_counted_over_what_an_epoch_draws_and_is_not_held_out(library):
    config = asked(library, epochs=4).config()
    assert steps_of(config, 100.0) == -(-4 * 94 * 100 // (config.segment_frames * config.batch_size))
    assert steps_of(asked(library, steps=7).config(), 100.0) == 7


def test_a_run_with_a_refiner_tells_of_one_without_but_not_the_other_way(library, ended):
    ended(asked(library))
    assert last_cost(library, asked(library, refiner=True), 60.0) is None
    took = replace(TOOK, refiner_steps=2000, refiner_step_s=0.15)
    ended(asked(library, refiner=True), took)
    assert last_cost(library, asked(library, refiner=True), 60.0) == took
    plain = last_cost(library, asked(library), 60.0)
    assert plain.seconds == TOOK.seconds == took.seconds - 300
    assert "12 saves in 4.6 minutes, 2000 of its refiner in 5.0 minutes, 1.0 GB of memory" in words(took)
    assert "refiner" not in words(plain)


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 seconds"), (600, "10.0 minutes"), (7200, "2.0 hours"), (1e6, "11.6 days")]
)
def test_a_length_is_said_in_the_unit_that_suits_it(seconds, text):
    assert length(seconds) == text
