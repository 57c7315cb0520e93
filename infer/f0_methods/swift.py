"""SwiftF0: a small convolutional network run by ONNX Runtime, weights inside its package."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infer.f0_methods.framing import SAMPLE_RATE, regrid

CONFIDENCE = 0.5
"""The calibrated limit between voiced and unvoiced."""
_USUAL_PEAK = 0.1
_MOST_GAIN = 30.0


@lru_cache(maxsize=1)
def _detector() -> Any:
    import os

    from swift_f0 import SwiftF0

    # Every core would be taken otherwise, also by a worker that shares the machine with others.
    threads = os.environ.get("OMP_NUM_THREADS", "")
    count = int(threads) if threads.isdigit() and int(threads) > 0 else min(2, os.cpu_count() or 1)
    # a pool that spins between its turns takes a core from everything that is computed in between
    return SwiftF0(threads=count, spin=False)


def swift(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz every `hop` samples, 0 where unvoiced; N // hop + 1 values.

    The network looks every 16 ms; values between are interpolated. Quiet audio is raised by up to 30 dB first,
    because the network calls everything below -60 dBFS silence.
    """
    grid = np.arange(len(audio) // hop + 1) * hop / SAMPLE_RATE
    peak = float(np.max(np.abs(audio))) if len(audio) else 0.0
    if peak == 0.0:
        return np.zeros(len(grid))
    gain = min(_MOST_GAIN, max(1.0, _USUAL_PEAK / peak))
    found = _detector().detect(np.asarray(audio * gain, dtype=np.float32), SAMPLE_RATE, f_min, f_max)
    return regrid(np.where(found.confidence >= CONFIDENCE, found.pitch_hz, 0.0), found.timestamps, grid)
