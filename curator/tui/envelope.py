"""The outline of a clip's sound: what a waveform of a few hundred columns needs to know.

Separate from the widget because it is computed in a thread, from samples the widget never sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.records import Activity
from curator.activity import SPEECH, Tracks
from curator.frames import FRAMES_A_SECOND

COLUMNS = 3000
CLIPPING = 0.999

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Envelope:
    """A sound in columns of equal length, left to right."""

    low: Floats
    """Lowest sample of each column, full scale 1."""
    high: Floats
    """Highest sample of each column."""
    rms: Floats
    """Root mean square of each column."""
    clipped: Flags
    """Columns that touch full scale."""
    speech: Flags | None
    """Columns in which the voice-activity detector heard speech; None when that is not known."""
    duration_s: float

    @property
    def peak(self) -> float:
        """The largest absolute sample."""
        return float(max(-self.low.min(), self.high.max(), 0.0)) if self.low.size else 0.0


def measure(samples: Floats, sample_rate: int, speech: Flags | None, columns: int = COLUMNS) -> Envelope:
    """The outline of mono `samples`; `speech` is at any even resolution over the same time.

    Sounds shorter than `columns` samples get one column a sample.
    """
    columns = max(1, min(columns, samples.size))
    if not samples.size:
        nothing = np.zeros(1, np.float32)
        return Envelope(nothing, nothing, nothing, np.zeros(1, bool), None, 0.0)
    edges = np.linspace(0, samples.size, columns + 1).astype(np.int64)[:-1]
    low = np.minimum.reduceat(samples, edges)
    high = np.maximum.reduceat(samples, edges)
    lengths = np.diff(np.append(edges, samples.size))
    rms = np.sqrt(np.add.reduceat(samples.astype(np.float64) ** 2, edges) / lengths).astype(np.float32)
    clipped = np.maximum(-low, high) >= CLIPPING
    heard = None if speech is None or not speech.size else speech[_spread(columns, speech.size)]
    return Envelope(low, high, rms, clipped, heard, samples.size / sample_rate)


def fit(envelope: Envelope, columns: int) -> Envelope:
    """The same outline in `columns` columns: extremes stay extreme, a column is speech when most of it is."""
    have = envelope.low.size
    if columns <= 0 or columns == have:
        return envelope
    if columns > have:
        at = _spread(columns, have)
        speech = None if envelope.speech is None else envelope.speech[at]
        return Envelope(
            envelope.low[at], envelope.high[at], envelope.rms[at], envelope.clipped[at], speech, envelope.duration_s
        )
    edges = np.linspace(0, have, columns + 1).astype(np.int64)[:-1]
    lengths = np.diff(np.append(edges, have))
    heard = None
    if envelope.speech is not None:
        heard = np.add.reduceat(envelope.speech.astype(np.int64), edges) * 2 > lengths
    return Envelope(
        np.minimum.reduceat(envelope.low, edges),
        np.maximum.reduceat(envelope.high, edges),
        np.sqrt(np.add.reduceat(envelope.rms**2, edges) / lengths),
        np.logical_or.reduceat(envelope.clipped, edges),
        heard,
        envelope.duration_s,
    )


def cut(envelope: Envelope, start_s: float, end_s: float) -> Envelope:
    """The columns of an outline that lie between two times, at least one."""
    have = envelope.low.size
    if envelope.duration_s <= 0 or (start_s <= 0 and end_s >= envelope.duration_s):
        return envelope
    first = min(have - 1, max(0, int(have * start_s / envelope.duration_s)))
    part = slice(first, max(first + 1, min(have, int(np.ceil(have * end_s / envelope.duration_s)))))
    return Envelope(
        envelope.low[part],
        envelope.high[part],
        envelope.rms[part],
        envelope.clipped[part],
        None if envelope.speech is None else envelope.speech[part],
        end_s - start_s,
    )


def heard_between(activity: Activity | None, start_s: float, end_s: float) -> Flags | None:
    """Where the stored activity of a recording says speech or a sustained note, between two times."""
    if activity is None or not activity.vad:
        return None
    frames = int(np.ceil(len(activity.vad) * activity.vad_hop_s * FRAMES_A_SECOND))
    probability = Tracks.of(activity, frames, FRAMES_A_SECOND).probability
    first = int(start_s * FRAMES_A_SECOND)
    return np.asarray(probability[first : max(first + 1, int(np.ceil(end_s * FRAMES_A_SECOND)))] >= SPEECH)


def _spread(columns: int, over: int) -> NDArray[np.int64]:
    return (np.arange(columns, dtype=np.int64) * over) // columns
