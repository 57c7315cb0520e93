"""The device and its refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from catalog.errors import BadRequest
from trainer.config import PRESETS
from trainer.device import autocast_type, choose_device, gpu_words


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


def test_mixed_precision_is_the_best_that_a_gpu_computes_natively(monkeypatch):
    config = PRESETS["40k"].config
    assert autocast_type(config, torch.device("cpu")) is None
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert autocast_type(config, torch.device("cuda")) is torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: False)
    for capability, kind in (((7, 5), torch.float16), ((6, 1), None)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, given=capability: given)
        assert autocast_type(config, torch.device("cuda")) is kind
    assert autocast_type(replace(config, precision="fp16"), torch.device("cpu")) is torch.float16


def test_the_load_and_memory_of_a_gpu_stand_beside_the_progress(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (14_200_000_000, 24_000_000_000))
    monkeypatch.setattr(torch.cuda, "utilization", lambda _: 93)
    assert gpu_words(torch.device("cuda")) == ["GPU 93 %", "9.8 of 24.0 GB on the GPU"]
    assert gpu_words(torch.device("cpu")) == []


def test_without_the_driver_s_library_the_memory_alone_is_told(monkeypatch):
    def missing(_):
        raise ModuleNotFoundError("pynvml")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (14_200_000_000, 24_000_000_000))
    monkeypatch.setattr(torch.cuda, "utilization", missing)
    assert gpu_words(torch.device("cuda")) == ["9.8 of 24.0 GB on the GPU"]
