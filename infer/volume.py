"""The loudness contour of the input, mixed into the output: on whole arrays and on recordings of any length.

Separate because it needs the contours of two complete recordings but only ever two numbers a second of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-6
SOUNDING = 10 ** (-30 / 20)
"""Moments whose RMS lies further than 30 dB below the louder ones are pauses."""
_LOUD_PERCENTILE = 95
CEILING = 0.99
"""Highest sample the mix may raise anything to."""


class Contour:
    """RMS every half second over windows of a second, and the peak near each, of audio fed in blocks."""

    def __init__(self, sample_rate: int) -> None:
        self._cell = sample_rate // 2
        self._window = sample_rate
        self._energy: list[float] = []
        self._peak: list[float] = []
        self._held: NDArray[np.floating] = np.zeros(0)
        self._samples = 0

    def feed(self, block: NDArray[np.floating]) -> None:
        """Take in the next samples."""
        self._samples += len(block)
        joined = np.concatenate([self._held, block]) if len(self._held) else block
        whole = len(joined) // self._cell
        for index in range(whole):
            self._close(joined[index * self._cell : (index + 1) * self._cell])
        self._held = joined[whole * self._cell :].copy()

    def _close(self, cell: NDArray[np.floating]) -> None:
        wide = cell.astype(np.float64)
        self._energy.append(float(wide @ wide))
        self._peak.append(float(np.abs(wide).max(initial=0.0)))

    def _cells(self, values: list[float], last: float) -> NDArray[np.float64]:
        return np.array([*values, last, 0.0])

    def rms(self) -> NDArray[np.float64]:
        """RMS at 0, 0.5, 1 s and so on: 1 + samples // half a second values, with silence beyond both ends."""
        wide = self._held.astype(np.float64)
        cells = self._cells(self._energy, float(wide @ wide))
        points = 1 + self._samples // self._cell
        before = np.concatenate([[0.0], cells])[:points]
        return np.asarray(np.sqrt((before + cells[:points]) / self._window))

    def peaks(self) -> NDArray[np.float64]:
        """The highest sample that each point of `rms` can act on once it is stretched over the recording: (points,)."""
        cells = self._cells(self._peak, float(np.abs(self._held).max(initial=0.0)))
        points = 1 + self._samples // self._cell
        padded = np.pad(cells, (2, 3))
        return np.asarray(np.max([padded[shift : shift + points] for shift in range(4)], axis=0))


def at(points: NDArray[np.floating], total: int, start: int, stop: int) -> NDArray[np.float64]:
    """A contour of `points` stretched over `total` samples, at samples [start, stop): linear between points.

    Each point stands in the middle of its share of the recording, as image scaling does it.
    """
    position = (np.arange(start, stop) + 0.5) * len(points) / total - 0.5
    return np.asarray(np.interp(position, np.arange(len(points)), points))


def gain(
    source: NDArray[np.floating],
    output: NDArray[np.floating],
    mix: float,
    span: tuple[int, int, int],
    peaks: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Factor for samples [start, stop) of `total` that gives the output the source's loudness contour.

    `source` and `output` are RMS contours, `span` is (total, start, stop). `mix` 1 leaves the output alone, 0
    follows the source entirely: source^(1 - mix) * output^(mix - 1). With the output's `peaks` the factor never
    raises a sample above 0.99, so that one silent moment of the model cannot force the rest to be turned down.
    """
    total, start, stop = span
    wanted = at(source, total, start, stop) ** (1 - mix)
    present = np.maximum(at(output, total, start, stop), FLOOR) ** (mix - 1)
    return bounded(wanted * present, peaks, span)


def bounded(
    factor: NDArray[np.float64], peaks: NDArray[np.floating] | None, span: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Factors for the samples of `span` that raise none above 0.99, given the output's `peaks`; None bounds nothing."""
    if peaks is None:
        return factor
    room = np.maximum(1.0, CEILING / np.maximum(at(peaks, *span), FLOOR))
    return np.minimum(factor, room)


def steady(
    source: NDArray[np.floating], output: NDArray[np.floating], mix: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """RMS contours of input and output -> the factors for the output, one a point of its contour, as `gain` means
    them but steady in pauses; and the factors that then bring the input to the level of the output.

    In a pause both contours tell of noise alone, and a factor that follows them raises it and lets it sink with every
    word. Here what is sounding on either side decides, in straight lines of level between; where the model makes more
    noise in a pause than there was, the factor follows down.
    """
    points = len(output)
    wanted = np.log(np.maximum(at(source, points, 0, points), FLOOR))
    present = np.log(np.maximum(output, FLOOR))
    factor, level = (1 - mix) * (wanted - present), mix * (present - wanted)
    sounding = wanted > np.percentile(wanted, _LOUD_PERCENTILE) + np.log(SOUNDING)
    places = np.arange(points)
    if sounding.any():
        held = np.interp(places, places[sounding], factor[sounding])
        factor = np.where(sounding, factor, np.minimum(held, factor))
        level = np.interp(places, places[sounding], level[sounding])
    return np.exp(factor), np.exp(level)
