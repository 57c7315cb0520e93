"""The device and its refusals."""

from __future__ import annotations

import pytest
import torch

from catalog.errors import BadRequest
from trainer.config import PRESETS
from trainer.device import autocast_type, choose_device


def test_a_gpu_that_is_not_there_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadRequest, match="no usable CUDA GPU here: train with --device cpu") as caught:
        choose_device("cuda")
    assert "\n" not in str(caught.value)


def test_auto_takes_the_cpu_where_there_is_no_gpu_and_the_gpu_where_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    assert choose_device("cpu").type == "cpu"


def test_mixed_precision_is_for_gpus_that_compute_it_natively(monkeypatch):
    config = PRESETS["40k"].config
    assert autocast_type(config, torch.device("cpu")) is None
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert autocast_type(config, torch.device("cuda")) is torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: False)
    assert autocast_type(config, torch.device("cuda")) is None
