"""A conversion on a GPU, followed without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from toy_gpu import GPU, toy_gpu
from toy_voice import sung, toy_config

from infer import sovits
from infer.content import PhoneContent
from infer.mel import MelSettings
from infer.network import Network
from infer.noise import placed
from infer.options import ConvertOptions
from infer.phone_encoder import PhoneEncoder
from infer.piece import Piece
from infer.refiner import Refiner, RefinerConfig
from infer.source_filter import SourceFilter, SourceFilterConfig
from infer.sovits import SoVitsSynthesizer
from infer.sovits_config import SoVitsConfig
from infer.speak import speak
from infer.synthesizer import Synthesizer
from infer.voice import Voice

DIM = 128
SMALL: dict[str, Any] = {"width": 16, "layers": 2, "kernel_size": 3, "bands": 16, "spk_embed_dim": 2, "gin_channels": 4}
SOVITS: dict[str, Any] = {
    "inter_channels": 16,
    "hidden_channels": 16,
    "filter_channels": 24,
    "n_layers": 1,
    "resblock_kernel_sizes": (3,),
    "resblock_dilation_sizes": ((1, 3),),
    "upsample_initial_channel": 64,
    "gin_channels": 12,
    "spk_embed_dim": 5,
}
NETWORKS: dict[str, Callable[[], Network]] = {
    "small": lambda: SourceFilter(SourceFilterConfig(24000, phone_dim=DIM, **SMALL)),
    "v2": lambda: Synthesizer(toy_config(), posterior=False),
    "v2 without f0": lambda: Synthesizer(toy_config(f0=False), posterior=False),
    "so-vits-svc 4.1": lambda: SoVitsSynthesizer(SoVitsConfig(phone_dim=DIM, volume=True, **SOVITS)),
}
FRAMES = 150
ENCODER = PhoneContent(PhoneEncoder())
"""Of which only the size of its features is asked."""


def voice_on_a_gpu(network: str) -> Voice:
    """A voice with its refiner."""
    with GPU:
        made = NETWORKS[network]().eval()
        rate = made.config.sample_rate
        sizes = RefinerConfig(rate, 512, MelSettings.published(rate, 512).n_mels, DIM, layers=2, width=16, hidden=16)
        refiner = Refiner(sizes).eval()
    voice = Voice(made, ENCODER, device=str(GPU))
    vars(voice)["refiner"] = refiner
    return voice


def piece(network: str) -> Piece:
    f0 = None if network == "v2 without f0" else np.full(FRAMES, 150.0)
    return Piece(sung(1.5), np.zeros((FRAMES, DIM), np.float32), f0, 1e-2)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    # how many frames are voiced is no question for tensors without numbers
    monkeypatch.setattr(sovits, "without_gaps", lambda f0: (f0, (f0 > 0).to(f0.dtype)))
    return monkeypatch


@pytest.mark.parametrize("span", [None, (20, 60)])
@pytest.mark.parametrize("refine", [0, 100])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_piece_is_said_on_the_gpu(
    network: str, refine: int, span: tuple[int, int] | None, gpu: pytest.MonkeyPatch
) -> None:
    with toy_gpu(gpu):
        voice = voice_on_a_gpu(network)
        said = speak(voice, piece(network), ConvertOptions(refine=refine), placed(0), span=span)
    start, stop = span or (0, FRAMES)
    assert len(said) == (stop - start) * voice.synthesizer.config.hop


@pytest.mark.parametrize("network", NETWORKS)
def test_what_was_left_on_the_processor_is_noticed(network: str, gpu: pytest.MonkeyPatch) -> None:
    with toy_gpu(gpu):
        voice = voice_on_a_gpu(network)
        voice.synthesizer.emb_g.weight = torch.nn.Parameter(torch.zeros(voice.synthesizer.emb_g.weight.shape))
        with pytest.raises(RuntimeError, match="devices"):
            speak(voice, piece(network), ConvertOptions(), placed(0))
