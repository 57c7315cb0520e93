"""CREPE (Kim, Salamon, Li and Bello, ICASSP 2018) through torchcrepe, weights inside its package."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infer.f0_methods.framing import SAMPLE_RATE

PERIODICITY = 0.1
"""Frames whose smoothed periodicity is below are unvoiced."""
BATCH_FRAMES = 512


def crepe(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float, device: str) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz every `hop` samples, 0 where unvoiced; N // hop + 1 values."""
    return _run(audio, hop, f_min, f_max, device, "full")


def crepe_tiny(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float, device: str) -> NDArray[np.float64]:
    """As `crepe` with the smallest network: about ten times faster, octave errors on pure tones."""
    return _run(audio, hop, f_min, f_max, device, "tiny")


def _run(
    audio: NDArray[np.floating], hop: int, f_min: float, f_max: float, device: str, model: str
) -> NDArray[np.float64]:
    import torch
    import torchcrepe

    pitch, periodicity = torchcrepe.predict(
        torch.from_numpy(np.asarray(audio, dtype=np.float32).copy())[None],
        SAMPLE_RATE,
        hop,
        f_min,
        f_max,
        model,
        batch_size=BATCH_FRAMES,
        device=device,
        return_periodicity=True,
    )
    periodicity = torchcrepe.filter.median(periodicity, 3)
    pitch = torchcrepe.filter.mean(pitch, 3)
    pitch[periodicity < PERIODICITY] = 0
    return np.asarray(pitch[0].cpu().numpy(), dtype=np.float64)
