"""A GPU for tests on machines without one: tensors that know their shape, kind and device, and hold no numbers.

An operation on tensors of two devices fails with them as it would on a GPU, and so does reading one that lies there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from infer import excitation, mel, spectral_gain

GPU = torch.device("cuda", 0)
_KINDS = {torch.float32: np.float32, torch.float64: np.float64, torch.int64: np.int64, torch.bool: np.bool_}


@contextmanager
def toy_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside there is a GPU with bfloat16 and all the memory that is asked for; `with GPU` makes networks on it."""
    monkeypatch.setattr(Tensor, "numpy", _read)
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: self)
    # moving a network exchanges its tensors for others, which these cannot be
    monkeypatch.setattr(nn.Module, "to", lambda self, device: self)
    monkeypatch.setattr(torch, "Generator", _Generator)
    # asks the driver for the GPU before these tensors hear of it
    monkeypatch.setattr(torch, "inference_mode", lambda mode=True: torch.no_grad())
    monkeypatch.setattr(torch.autograd, "backward", _reached)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 40, 1 << 40))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    _forget()
    try:
        with FakeTensorMode():
            yield
    finally:
        _forget()


class _Generator:
    """All numbers are the same where there are none."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def manual_seed(self, seed: int) -> None:
        """No generator."""


def _read(tensor: Tensor) -> NDArray[Any]:
    if tensor.device.type != "cpu":
        raise TypeError(f"a tensor on {tensor.device} is no array")
    return np.zeros(tuple(tensor.shape), _KINDS[tensor.dtype])


def _reached(tensors: Sequence[Tensor], gradients: Sequence[Tensor | None] | None = None) -> None:
    """In place of a backward pass, zeros for all that it would reach: the real one asks the driver for the GPU."""
    for tensor, gradient in zip(tensors, gradients or [None] * len(tensors), strict=True):
        assert gradient is None or (gradient.device, gradient.shape) == (tensor.device, tensor.shape)
    seen: set[Any] = set()
    ahead = [tensor.grad_fn for tensor in tensors]
    while ahead:
        node: Any = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable") and node.variable.grad is None:
            node.variable.grad = torch.zeros_like(node.variable)
        ahead += [following for following, _ in node.next_functions]


def _forget() -> None:
    """Let go of the tensors that are kept for the next call: those without numbers are for no other test."""
    for module in (excitation, mel, spectral_gain):
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
