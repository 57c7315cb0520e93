"""Compiled forward passes of the networks that are trained, or the plain ones where compiling fails.

Separate because nothing else of a training depends on it: the passes keep their names, the weights their places. A step
has the same shapes throughout, so that each pass is compiled once. Compilers fail late, some parts not before the first
backward pass; so a step is tried, and whatever it changed is put back (`trainer.fit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from catalog.errors import CuratorError
from infer.source_filter import SourceFilter
from trainer.fit import put_back
from trainer.state import TrainState

BACKEND = "inductor"
"""Of torch.compile; needs a C++ compiler on a CPU and brings its own for NVIDIA GPUs."""


def compile_passes(state: TrainState, attempt: Callable[[], object]) -> str | None:
    """Compile what a step passes through and make the step `attempt` with it; gives in words why all stays as it was.

    Raises CuratorError and torch.OutOfMemoryError as the attempt does: those say nothing about the compiler.
    """
    try:
        for module, name in _passes(state):
            # beside the method of its class, which it hides until it is deleted
            setattr(module, name, torch.compile(getattr(module, name), backend=BACKEND, dynamic=False))
        with put_back(state):
            attempt()
    except (CuratorError, torch.OutOfMemoryError):
        plain_passes(state)
        raise
    except Exception as error:  # compilers fail in as many ways as they have parts
        plain_passes(state)
        return f"The networks are not compiled, and the training is none the worse for it: {_short(error)}"
    return None


def plain_passes(state: TrainState) -> None:
    """Have the networks' own passes again."""
    for module, name in _passes(state):
        module.__dict__.pop(name, None)


def _passes(state: TrainState) -> Iterator[tuple[nn.Module, str]]:
    """The methods that a step calls, with their objects."""
    generator: Any = state.generator
    yield generator, "filters" if isinstance(generator, SourceFilter) else "forward_train"
    if state.discriminator is not None:
        for judge in state.discriminator.discriminators:
            yield judge, "forward"


def _short(error: Exception) -> str:
    """The first lines of what a compiler says, which can be hundreds."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join([f"{type(error).__name__}:", *lines[:2]])[:200]
