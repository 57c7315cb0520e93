"""A voice small enough for a test: random weights, a real network, the embedded content encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catalog import registry
from catalog.library import Library
from infer.content import load_encoder
from infer.network import Network
from infer.retrieval import build_index
from infer.source_filter import SourceFilter, SourceFilterConfig
from infer.synthesizer import Synthesizer, SynthesizerConfig
from infer.weights import write_safetensors

RATE = 16000


def toy_config(*, f0: bool = True, sample_rate: int = 16000) -> SynthesizerConfig:
    """The sizes of a network that speaks many times faster than real time."""
    return SynthesizerConfig(
        sample_rate=sample_rate,
        spec_channels=65,
        upsample_rates=(10, 4, 2, 2) if sample_rate == 16000 else (10, 10, 2, 2),
        upsample_kernel_sizes=(20, 8, 4, 4) if sample_rate == 16000 else (20, 20, 4, 4),
        inter_channels=8,
        hidden_channels=8,
        filter_channels=16,
        n_layers=1,
        resblock_kernel_sizes=(3,),
        resblock_dilation_sizes=((1, 3, 5),),
        upsample_initial_channel=16,
        spk_embed_dim=2,
        gin_channels=4,
        phone_dim=128,
        f0=f0,
    )


def publish_toy(
    library: Library, name: str = "toy", *, index: bool = True, f0: bool = True, sample_rate: int = 16000
) -> dict[str, Any]:
    """Put a voice of random weights into the registry."""
    torch.manual_seed(0)
    return _publish(library, name, Synthesizer(toy_config(f0=f0, sample_rate=sample_rate), posterior=False), index)


def publish_small(library: Library, name: str = "small") -> dict[str, Any]:
    """Put a source-filter voice of random weights into the registry."""
    torch.manual_seed(0)
    sizes = {"width": 16, "layers": 2, "kernel_size": 3, "bands": 16, "spk_embed_dim": 2, "gin_channels": 4}
    return _publish(library, name, SourceFilter(SourceFilterConfig(24000, phone_dim=128, **sizes)), index=True)


def _publish(library: Library, name: str, network: Network, index: bool) -> dict[str, Any]:
    config = network.config
    encoder = load_encoder("phone", library.weights)

    def build(folder: Path) -> dict[str, Any]:
        write_safetensors(folder / "model.safetensors", network, half=False)
        if index:
            rows = np.random.default_rng(0).standard_normal((500, 128)).astype(np.float32)
            build_index(rows, folder / "index.faiss")
        return {
            "version": "v2",
            "f0": config.f0,
            "sample_rate": config.sample_rate,
            "config": config.to_dict(),
            "encoder": {"name": encoder.name, "version": encoder.version, "dim": encoder.dim},
            "f0_stats": {"p5": 150.0, "p50": 220.0, "p95": 330.0},
        }

    return registry.publish(library, name, build=build)


def sung(seconds: float, hz: float = 110.0, rate: int = RATE, seed: int = 0) -> NDArray[np.float32]:
    """Two-second tones with pauses between, over a little noise."""
    t = np.arange(round(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 6))
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return (0.15 * np.asarray(voice) * (t % 2 < 1.6) + 1e-4 * noise).astype(np.float32)
