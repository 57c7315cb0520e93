"""The mel spectrogram of a clip and its f0, small enough to keep for hundreds of clips.

Separate from the widget because it is computed in a thread, and from the scores because it is only for looking: numpy
and soxr alone, some hundredths of a second a clip, so that nothing need be stored and no heavy library is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.tui.yin import track

BANDS = 96
WINDOW_S = 0.040
FINEST_HOP_S = 0.005
MOST_FRAMES = 1000
RANGE_DB = 75.0
LOWEST_HZ = 50.0
HIGHEST_HZ = 16000.0
VOICE_HZ = 1400.0
"""Upper end of the view for f0: above the highest voiced notes, low enough to tell harmonics apart."""
CHUNK = 256

Floats = NDArray[np.float32]
Levels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """A sound as levels over time and frequency; level 255 is the clip's loudest band, 0 lies 75 dB below it."""

    full: Levels
    """(frames, bands) on the mel scale from 50 Hz to `top_hz`, lowest band first."""
    voice: Levels
    """(frames, bands) on a logarithmic scale from 50 to 1400 Hz."""
    f0_hz: Floats
    """(frames,), 0 where no voice is heard."""
    hop_s: float
    top_hz: float

    def f0_at(self, seconds: float) -> float:
        """f0 in Hz at a moment of the clip, 0 where no voice is heard."""
        return float(self.f0_hz[min(int(seconds / self.hop_s), self.f0_hz.size - 1)]) if self.f0_hz.size else 0.0


def measure(samples: Floats, rate: int) -> Spectrogram:
    """The spectrogram of mono `samples` (n,) at `rate` Hz, at most 1000 frames, one every 5 ms or more."""
    duration = samples.size / rate
    hop_s = max(FINEST_HOP_S, duration / MOST_FRAMES)
    size = max(16, 2 * round(WINDOW_S * rate / 2))
    frames = max(1, int(np.ceil(duration / hop_s)))
    centres = ((np.arange(frames) + 0.5) * hop_s * rate).astype(np.int64)
    top = min(rate / 2, HIGHEST_HZ)
    filters = _filters(rate, size, top)
    # A frame is the window around its centre; what lies beyond the clip is silence.
    padded = np.pad(samples.astype(np.float32, copy=False), size // 2 + 1)
    powers = _powers(padded, centres, size, filters)
    loudest = max(float(powers.max(initial=0.0)), 1e-12)
    levels = 10 * np.log10(np.maximum(powers / loudest, 1e-12))
    steps = np.clip((levels / RANGE_DB + 1) * 255, 0, 255).astype(np.uint8)
    return Spectrogram(steps[:, :BANDS], steps[:, BANDS:], track(samples, rate, hop_s, frames), hop_s, top)


def _powers(padded: Floats, centres: NDArray[np.int64], size: int, filters: Floats) -> Floats:
    """The power of every band in every frame, (frames, bands)."""
    window = np.hanning(size + 1)[:size].astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    powers = np.empty((centres.size, filters.shape[1]), np.float32)
    for first in range(0, centres.size, CHUNK):
        at = np.minimum(centres[first : first + CHUNK], views.shape[0] - 1)
        spectrum = np.fft.rfft(views[at] * window, axis=1)
        powers[first : first + CHUNK] = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ filters
    return powers


@lru_cache(maxsize=8)
def _filters(rate: int, size: int, top_hz: float) -> Floats:
    """Triangles for the mel bands and the logarithmic bands side by side, (bins, 2 x BANDS), each with the sum 1."""
    mel = [_hz(each) for each in np.linspace(_mel(LOWEST_HZ), _mel(top_hz), BANDS + 2)]
    low = np.geomspace(LOWEST_HZ, min(VOICE_HZ, top_hz), BANDS + 2)
    bins = np.fft.rfftfreq(size, 1 / rate)
    columns = [
        _triangle(bins, float(edges[n]), float(edges[n + 1]), float(edges[n + 2]))
        for edges in (mel, low)
        for n in range(BANDS)
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _triangle(bins: NDArray[Any], low: float, middle: float, high: float) -> NDArray[np.float64]:
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    if weights.sum() <= 0:
        # A band narrower than the distance of two bins takes its share of both.
        place = np.clip(np.interp(middle, bins, np.arange(bins.size)), 0, bins.size - 1.001)
        weights[int(place)] = 1 - place % 1
        weights[int(place) + 1] = place % 1
    return np.asarray(weights / weights.sum())


def _mel(hertz: float) -> float:
    """O'Shaughnessy's mel scale (Speech Communication, 1987)."""
    return float(2595 * np.log10(1 + hertz / 700))


def _hz(mel: float) -> float:
    return float(700 * (10 ** (mel / 2595) - 1))


def band_of(hertz: Floats, top_hz: float, *, voice: bool) -> Floats:
    """Where a frequency lies on the scale of the bands, 0 (lowest) to 1 (highest)."""
    hertz = np.maximum(hertz, 1.0)
    if voice:
        high = min(VOICE_HZ, top_hz)
        return np.asarray(np.log(hertz / LOWEST_HZ) / np.log(high / LOWEST_HZ), np.float32)
    low = _mel(LOWEST_HZ)
    return np.asarray((2595 * np.log10(1 + hertz / 700) - low) / (_mel(top_hz) - low), np.float32)
