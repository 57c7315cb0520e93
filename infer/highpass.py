"""The 48 Hz high-pass every input passes before conversion, on whole arrays and on recordings of any length.

Separate because it must give the same samples whether the recording fits in memory or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CUTOFF_HZ = 48
ORDER = 5
SAMPLE_RATE = 16000
MARGIN = 4 * SAMPLE_RATE
"""Samples after which the filter has forgotten its start to below 1e-12."""
BLOCK = 60 * SAMPLE_RATE


@lru_cache(maxsize=1)
def _fraction() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.signal import butter

    # As one fraction, though sections would round less (its own rounding is 1e-8): voices and harvest's voicing
    # decisions are made with exactly this filter.
    above, below = butter(ORDER, CUTOFF_HZ, "high", fs=SAMPLE_RATE)
    return above, below


def highpass(audio: NDArray[np.floating]) -> NDArray[np.float64]:
    """Butterworth high-pass of order 5 forwards and backwards, so without delay: audio (N,) at 16 kHz to (N,)."""
    from scipy.signal import filtfilt

    above, below = _fraction()
    edge = min(3 * (ORDER + 1), len(audio) - 1)
    return np.asarray(filtfilt(above, below, np.asarray(audio, dtype=np.float64), padlen=max(0, edge)))


def highpass_blocks(read: Callable[[int, int], NDArray[np.floating]], samples: int) -> Iterator[NDArray[np.float64]]:
    """`highpass` of a recording of `samples` in consecutive blocks; `read(start, stop)` gives its samples."""
    for start in range(0, samples, BLOCK):
        stop = min(samples, start + BLOCK)
        left, right = max(0, start - MARGIN), min(samples, stop + MARGIN)
        yield highpass(read(left, right))[start - left : stop - left]
