"""Fixtures of the trainer: a made voice, a frozen set of it, and settings small enough to train in a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catalog import audio, sets
from catalog.library import Library
from catalog.records import clip_id
from trainer.config import TrainRequest
from trainer.dataset import TrainClip

RATE = 24000

TOY_RVC: dict[str, Any] = {
    "inter_channels": 8,
    "hidden_channels": 8,
    "filter_channels": 16,
    "n_layers": 1,
    "upsample_rates": [10, 6, 4],
    "upsample_kernel_sizes": [20, 12, 8],
    "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]],
    "posterior_layers": 2,
    "gin_channels": 4,
    "spk_embed_dim": 2,
}
TOY_SOURCE_FILTER: dict[str, Any] = {
    "width": 16,
    "layers": 1,
    "kernel_size": 3,
    "bands": 16,
    "spk_embed_dim": 2,
    "gin_channels": 4,
}
_QUICK: dict[str, Any] = {
    "segment_frames": 16,
    "context_frames": 32,
    "batch_size": 2,
    "save_every": 4,
    "patience": 0,
    "log_every": 2,
    "threads": 1,
    "base": None,
}
TOYS: dict[str, dict[str, Any]] = {
    "small": {**_QUICK, "network": TOY_SOURCE_FILTER},
    "32k": {**_QUICK, "network": TOY_RVC, "sample_rate": RATE, "hop": RATE // 100, "discriminator": "small"},
}
"""Settings on top of a preset: networks of a few thousand weights, both at 24 kHz."""


def hum(seconds: float, pitch: float, seed: int, rate: int = RATE) -> NDArray[np.float32]:
    """A voice-like sound: harmonics that glide, with pauses and a little noise, peak below 0.6."""
    time = np.arange(int(seconds * rate)) / rate
    glide = pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time + seed))
    phase = 2 * np.pi * np.cumsum(glide) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    envelope = np.clip(np.sin(2 * np.pi * 1.3 * time + seed) + 0.6, 0, 1)
    noise = 1e-3 * np.random.default_rng(seed).standard_normal(len(time))
    return (0.2 * envelope * tone + noise).astype(np.float32)


@pytest.fixture(autouse=True)
def as_in_a_training() -> None:
    """Numbers too small to matter are zero, as `trainer.device` has it: made voices fall silent, and a processor is
    many times slower on what is left of them."""
    torch.set_flush_denormal(True)


@pytest.fixture
def frozen(library: Library) -> Callable[..., Library]:
    """Make a frozen set called "hums" from {recording: (pitch, clip lengths in s)} in the library."""

    def make(
        recordings: dict[str, tuple[float, list[float]]] | None = None, *, speaker: str = "ana", rate: int = RATE
    ) -> Library:
        rows = []
        for number, (name, (pitch, lengths)) in enumerate(
            (recordings or {"one": (180.0, [1.5] * 4), "two": (200.0, [1.2])}).items()
        ):
            wave = hum(sum(lengths), pitch, number, rate)
            path = library.root / f"{name}.wav"
            audio.write_wav(path, wave, rate)
            digest = audio.sha256(path)[:16]
            at = 0
            for length in lengths:
                end = at + int(length * rate)
                rows.append(
                    {
                        "id": clip_id(digest, at, end),
                        "recording": digest,
                        "path": str(path),
                        "speaker": speaker,
                        "start": at,
                        "end": end,
                        "sample_rate": rate,
                        "verdict": "accepted",
                        "scores": {},
                    }
                )
                at = end
        sets.freeze(library, "hums", rows)
        return library

    return make


@pytest.fixture
def toy_request(library: Library) -> Callable[..., TrainRequest]:
    """A request for a toy model of the set "hums" by a preset of `TOYS`; settings given replace the toy's."""

    def make(*, steps: int = 8, **changes: Any) -> TrainRequest:
        preset = changes.pop("preset", "small")
        settings = {**TOYS[preset], **changes.pop("settings", {})}
        return TrainRequest(
            library=str(library.root),
            set_name="hums",
            model=changes.pop("model", "ana"),
            preset=preset,
            steps=steps,
            device="cpu",
            settings=settings,
            **changes,
        )

    return make


@pytest.fixture
def make_clip() -> Callable[..., TrainClip]:
    """Make a clip whose features tell their own place: content row i holds i, f0 frame i holds 100 + i."""
    return counting_clip


@pytest.fixture
def clips() -> tuple[TrainClip, ...]:
    """Three such clips: 5 s, 1.5 s and 0.2 s."""
    return tuple(counting_clip(f"clip{number}", frames) for number, frames in enumerate((500, 150, 20)))


@pytest.fixture
def hummed() -> tuple[TrainClip, ...]:
    """Three clips of a made voice with its true f0, and content that tells loud from soft."""
    return tuple(hummed_clip(f"hum{number}", 150.0 + 30 * number, number) for number in range(3))


def hummed_clip(name: str, pitch: float, seed: int, frames: int = 100) -> TrainClip:
    """See `hummed`."""
    wave = hum(frames / 100, pitch, seed)
    level = np.sqrt(np.square(wave.reshape(-1, 480)).mean(axis=1))
    content = np.stack([level, np.roll(level, 1), level**2, np.ones_like(level)], axis=1).astype(np.float32)
    time = np.arange(frames) / 100
    f0 = (pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time + seed))).astype(np.float32)
    return TrainClip(name, f"of {name}", 0, frames, wave, 1.0, content, f0)


def counting_clip(name: str, frames: int, *, speaker: int = 0, hop: int = 240, dim: int = 4) -> TrainClip:
    """See `make_clip`."""
    return TrainClip(
        clip=name,
        recording=f"of {name}",
        speaker=speaker,
        frames=frames,
        audio=np.arange(frames * hop, dtype=np.float32) / (frames * hop),
        gain=1.0,
        content=np.repeat(np.arange((frames + 1) // 2, dtype=np.float32)[:, None], dim, axis=1),
        f0=100 + np.arange(frames, dtype=np.float32),
    )
