"""What a step asks of its device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer.test_loop import toy_training
from trainer.config import TrainRequest
from trainer.dataset import Position, TrainClip
from trainer.resident import Resident
from trainer.state import TrainState
from trainer.stepper import Stepper

WAITS = {"_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select", "unique", "_unique2"}
"""Operations whose answer the processor needs before it can go on: a GPU has to finish all that it was given."""


class Asked(TorchDispatchMode):
    """Counts the operations that wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        self.operations += 1
        if name in WAITS:
            self.waits[name] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("preset", ["small", "32k"])
def test_a_step_never_waits_for_its_device(
    toy_request: Callable[..., TrainRequest], hummed: tuple[TrainClip, ...], tmp_path: Path, preset: str
) -> None:
    config = replace(toy_request(preset=preset).config(), rows_at_once=1)
    training = toy_training(config, hummed, tmp_path)
    state = TrainState.build(config, training.network, 1, training.device)
    stepper = Stepper(training, state)
    stepper.resident = Resident(training.pool, training.device)
    stream = training.batches(Position())
    stepper.step(next(stream)[0])
    with Asked() as asked:
        losses = stepper.step(next(stream)[0])
    assert asked.operations > 100
    assert asked.waits == {}
    with Asked() as asked:
        bool(losses.grad_norm > 0) if preset == "small" else bool(losses.mel > 0)  # type: ignore[union-attr]
    assert asked.waits, "waiting would have been noticed"
