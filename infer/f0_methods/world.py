"""Harvest and DIO, the estimators of the WORLD vocoder, through pyworld.

Harvest: M. Morise, Interspeech 2017. DIO: Morise, Kawahara and Katayose, AES 35th conference, 2009; both refined
by StoneMask (Morise, Yokomori and Ozawa, IEICE Transactions E99-D, 2016).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infer.f0_methods.framing import SAMPLE_RATE


def harvest(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz, one value every `hop` samples from sample 0 on, 0 where unvoiced."""
    import pyworld

    signal = np.ascontiguousarray(audio, dtype=np.float64)
    found, times = pyworld.harvest(
        signal, SAMPLE_RATE, f0_floor=f_min, f0_ceil=f_max, frame_period=1000 * hop / SAMPLE_RATE
    )
    return np.asarray(pyworld.stonemask(signal, found, times, SAMPLE_RATE))


def dio(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float) -> NDArray[np.float64]:
    """As `harvest`, faster and less sure in noise."""
    import pyworld

    signal = np.ascontiguousarray(audio, dtype=np.float64)
    found, times = pyworld.dio(
        signal, SAMPLE_RATE, f0_floor=f_min, f0_ceil=f_max, frame_period=1000 * hop / SAMPLE_RATE
    )
    return np.asarray(pyworld.stonemask(signal, found, times, SAMPLE_RATE))
