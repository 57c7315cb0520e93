"""How many rows fit, and that trying leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from trainer.config import TrainRequest
from trainer.fit import put_back, rows_that_fit
from trainer.run import sizes
from trainer.state import TrainState


def test_rows_are_halved_until_they_fit() -> None:
    tried = []

    def attempt(rows: int) -> None:
        tried.append(rows)
        if rows > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    assert rows_that_fit(12, attempt) == 3
    assert tried == [12, 6, 3]


def test_a_single_row_that_does_not_fit_is_out_of_memory() -> None:
    def attempt(rows: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        rows_that_fit(4, attempt)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def attempt(rows: int) -> None:
        raise RuntimeError("a shape is wrong")

    with pytest.raises(RuntimeError, match="shape"):
        rows_that_fit(4, attempt)


@pytest.mark.parametrize("learned", [False, True])
def test_what_a_trial_changes_is_put_back(toy_request: Callable[..., TrainRequest], learned: bool) -> None:
    config = toy_request().config()
    state = TrainState.build(config, sizes(config, 4, 1), 7, torch.device("cpu"))

    def learn() -> None:
        for part in state.generator.parameters():
            part.grad = torch.ones_like(part)
        state.optimizer_g.step()

    if learned:
        learn()
    weights = {name: value.clone() for name, value in state.generator.state_dict().items()}
    moments = len(state.optimizer_g.state_dict()["state"])
    with put_back(state):
        learn()
    assert all(torch.equal(value, weights[name]) for name, value in state.generator.state_dict().items())
    assert len(state.optimizer_g.state_dict()["state"]) == moments
    assert all(part.grad is None for part in state.generator.parameters())
