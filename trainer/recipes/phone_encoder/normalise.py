"""What is taken out of the features of one recording before voices are compared, measured on its speech frames.

Apart from the measures because agreement, distortion and the probes of the speaker must all see the same frames.
A way is fitted to the speech frames (N, F) of one recording, or of several by one voice, and gives a map for any
frames (T, F) of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Map = Callable[[Features], Features]
Fit = Callable[[Features], Map]


def level(speech: Features) -> Map:
    """Mean 0 and spread 1 of every feature: what features need that carry more than the names of phones."""
    mean, spread = speech.mean(0), speech.std(0) + 1e-5
    return lambda frames: np.asarray((frames - mean) / spread, np.float32)
