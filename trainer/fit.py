"""How many rows of a batch a GPU can take at once: found by trying, before a training begins.

Separate because a trial must leave no trace: what it changed is put back, so that a run is the same whatever was tried.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from trainer.state import TrainState


def rows_that_fit(batch_size: int, attempt: Callable[[int], object]) -> int:
    """The most rows, of the batch and its halves, for which `attempt` does not run out of memory.

    Raises torch.OutOfMemoryError when a single row does.
    """
    rows = batch_size
    while not _fits(attempt, rows):
        rows = -(-rows // 2)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return rows


def _fits(attempt: Callable[[int], object], rows: int) -> bool:
    try:
        attempt(rows)
    except torch.OutOfMemoryError:
        if rows == 1:
            raise
        return False
    return True


@contextmanager
def put_back(state: TrainState) -> Iterator[None]:
    """Whatever the block does to networks, optimizers and scaler is undone after it."""
    before = {name: _copy(part.state_dict()) for name, part in state.learners.items()}
    try:
        yield
    finally:
        for name, part in state.learners.items():
            part.load_state_dict(before[name])
        for optimizer in (state.optimizer_g, state.optimizer_d):
            if optimizer is not None:
                optimizer.zero_grad(set_to_none=True)


def _copy(value: Any) -> Any:
    """A copy in main memory."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
