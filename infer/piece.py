"""What is known of one piece of a recording when a voice is to say it.

Separate because a voice's network and its refiner, which works on what the network made, both read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infer.seams import Phases


@dataclass(frozen=True)
class Piece:
    """What is known of a piece of a recording; T frames, 100 a second."""

    audio: NDArray[np.float32]
    """(N,) at 16 kHz."""
    features: NDArray[np.float32]
    """(T, dim), retrieval and protection applied."""
    f0: NDArray[np.float64] | None
    """(T,) in Hz, 0 where unvoiced; None for a voice without f0."""
    speech_power: float
    """Mean square of the louder parts of the whole recording."""
    first: int = 0
    """Frame of the recording that the piece begins with."""
    phases: Phases | None = None
    """Where in its period the source is at each frame of the recording; None starts it anew with each piece."""

    def phase(self, start: int = 0) -> float:
        """Turns at which the source starts at a frame of the piece."""
        stop = self.first + len(self.features)
        return 0.0 if self.phases is None else self.phases.at(self.first + start, stop)
