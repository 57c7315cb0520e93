"""What is heard of a stretch of sound: at another speed, without its pauses, and where in the stretch each moment lies.

Separate from the player because it is pure: samples in, samples out, and a line from heard time to the clip's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from catalog.late import np
from curator.tui.stretch import stretch

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEAM_S = 0.005
"""Length of the fades where a pause was left out."""

Samples: TypeAlias = "NDArray[np.float32]"
Doubles: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Manner:
    """How a stretch is played."""

    speed: float = 1.0
    """Times as fast, the pitch kept."""
    loop: bool = False
    """Again from its start until stopped."""
    without: tuple[tuple[float, float], ...] = ()
    """Ranges that are passed over: [start, end) in seconds from the stretch's start, in order."""


PLAIN = Manner()


@dataclass(frozen=True)
class Passage:
    """Sound to be heard, with knots of a line from heard seconds to seconds of the stretch it was made from."""

    samples: Samples
    rate: int
    heard_s: Doubles
    source_s: Doubles

    def source_at(self, heard_s: float) -> float:
        """Where in the stretch the sound at a moment comes from, in seconds."""
        return float(np.interp(heard_s, self.heard_s, self.source_s))


def passage(samples: Samples, rate: int, manner: Manner = PLAIN) -> Passage:
    """Mono `samples` (n,) at `rate` Hz as they are to be heard."""
    kept = _kept(samples.size, rate, manner.without)
    parts = [samples[first:last] for first, last in kept]
    if len(parts) > 1:
        parts = [_faded(part, rate) for part in parts]
    sound = stretch(np.concatenate(parts) if parts else samples[:0], rate, manner.speed)
    lengths = np.array([last - first for first, last in kept], np.float64)
    ends = np.cumsum(lengths)
    heard = np.stack([ends - lengths, ends], axis=1).reshape(-1) / rate / manner.speed
    source = np.array(kept, np.float64).reshape(-1) / rate
    return Passage(sound, rate, heard, source) if len(kept) else Passage(sound, rate, np.zeros(1), np.zeros(1))


def _kept(size: int, rate: int, without: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """The ranges of samples [first, last) that are heard."""
    kept, at = [], 0
    for start_s, end_s in without:
        first = min(max(round(start_s * rate), at), size)
        if first > at:
            kept.append((at, first))
        at = max(at, min(round(end_s * rate), size))
    if at < size:
        kept.append((at, size))
    return kept


def _faded(part: Samples, rate: int) -> Samples:
    """A part with short fades, so that the seams do not click."""
    length = min(round(SEAM_S * rate), part.size // 2)
    if not length:
        return part
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    part = part.copy()
    part[:length] *= ramp
    part[-length:] *= ramp[::-1]
    return part
