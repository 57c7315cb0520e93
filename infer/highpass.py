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
_STEADY = tuple(
    float.fromhex(value)
    for value in (
        "-0x1.f09ea8f571c2ap-1",
        "0x1.f09ea90b1f209p+1",
        "-0x1.7476fed844eecp+2",
        "0x1.f09ea9352b476p+1",
        "-0x1.f09ea94990411p-1",
    )
)
"""State of the filter after endless ones, as LAPACK solves for it on processors with AVX-512.

Written out because `scipy.signal.filtfilt` solves it anew each time: the equations are so ill-conditioned that the
answer's seventh digit depends on the processor's BLAS kernel, and with it every sample by 1e-8 and, on the edge, a
voicing decision of harvest. This way a recording gives the same samples on every machine: those of RVC on such a
processor.
"""


@lru_cache(maxsize=1)
def _fraction() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.signal import butter

    # As one fraction, though sections would round less (its own rounding is 1e-8): voices and harvest's voicing
    # decisions are made with exactly this filter.
    above, below = butter(ORDER, CUTOFF_HZ, "high", fs=SAMPLE_RATE)
    return above, below


def highpass(audio: NDArray[np.floating]) -> NDArray[np.float64]:
    """Butterworth high-pass of order 5 forwards and backwards, so without delay: audio (N,) at 16 kHz to (N,).

    The ends are continued by the audio turned about its first and last sample (Gustafsson 1996 compares such starts).
    """
    samples = np.asarray(audio, dtype=np.float64)
    edge = min(3 * (ORDER + 1), len(samples) - 1)
    left, right = samples[edge:0:-1], samples[-2 : -(edge + 2) : -1]
    around = np.concatenate([2 * samples[0] - left, samples, 2 * samples[-1] - right])
    both_ways = _one_way(_one_way(around)[::-1])[::-1]
    return np.ascontiguousarray(both_ways[edge : edge + len(samples)])


def _one_way(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filtered forwards, from a state as if the first sample had always been there."""
    from scipy.signal import lfilter

    above, below = _fraction()
    filtered, _ = lfilter(above, below, samples, zi=np.asarray(_STEADY) * samples[0])
    return np.asarray(filtered)


def highpass_blocks(read: Callable[[int, int], NDArray[np.floating]], samples: int) -> Iterator[NDArray[np.float64]]:
    """`highpass` of a recording of `samples` in consecutive blocks; `read(start, stop)` gives its samples."""
    for start in range(0, samples, BLOCK):
        stop = min(samples, start + BLOCK)
        left, right = max(0, start - MARGIN), min(samples, stop + MARGIN)
        yield highpass(read(left, right))[start - left : stop - left]
