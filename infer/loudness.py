"""How loud each frame is: against the speech of its recording, as a source-filter voice is told, or by itself.

Separate because training and conversion must measure it alike, at two different sample rates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infer.cuts import FRAME

if TYPE_CHECKING:
    from torch import Tensor

SPEECH_DBFS = -23.0
"""Level to which the louder parts of every recording are brought for training, and that a frame of 0 dB has."""
LOWEST_DB, HIGHEST_DB = -80.0, 30.0
TOP_HZ = 7500.0
"""Above it nothing is counted: both rates have it."""
QUIETEST_SPEECH = 1e-7
"""Mean square (-70 dBFS) below which a recording is taken to hold no speech to measure against."""
_BLOCKS = 4
_MASKED_SHARE = 0.01
_LOUD_PERCENTILE = 95


def frame_loudness(wave: Tensor, sample_rate: int, speech_power: float) -> Tensor:
    """wave (B, N) -> dB (B, N // hop) of each 10 ms against `speech_power`, from -80 to 30.

    The mean square below 7.5 kHz under a Hann window of 40 ms around the middle of the frame.
    """
    import torch
    from torch.nn import functional as F

    hop = sample_rate // 100
    size = _BLOCKS * hop
    edge = (size - hop) // 2
    window = torch.hann_window(size, device=wave.device, dtype=wave.dtype)
    frames = F.pad(wave, (edge, size - hop - edge)).unfold(-1, size, hop) * window
    top = round(TOP_HZ * size / sample_rate)
    power = torch.view_as_real(torch.fft.rfft(frames)[..., 1 : top + 1]).square().sum((-1, -2))
    mean = 2 * power / (size * window.square().sum())
    return (10 * torch.log10(mean / speech_power + 1e-12)).clamp(LOWEST_DB, HIGHEST_DB)


def frame_rms(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """RMS of the 10 ms around the start of each frame: audio (N,) at 16 kHz -> (N // 160 + 1,)."""
    padded = np.pad(np.square(audio, dtype=np.float64), (FRAME // 2, FRAME), mode="reflect")
    frames = len(audio) // FRAME + 1
    rms: NDArray[np.float32] = np.sqrt(padded[: frames * FRAME].reshape(frames, FRAME).mean(axis=1)).astype(np.float32)
    return rms


def speech_power(power: NDArray[np.floating]) -> float:
    """The mean square of the louder parts of a recording, given the mean squares of its twentieths of a second.

    Counted is what lies within 20 dB of the 95th percentile; 0 when there is nothing.
    """
    if not len(power):
        return 0.0
    loud = power[power > _MASKED_SHARE * np.percentile(power, _LOUD_PERCENTILE)]
    return float(loud.mean()) if len(loud) else 0.0
