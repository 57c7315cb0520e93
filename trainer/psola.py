"""A voice at another pitch, or from a throat of another length, as long as it was: one period at a time.

Separate from what training makes of it because it knows only a waveform and its f0. Method: time-domain
pitch-synchronous overlap-add (Moulines and Charpentier 1990); grains are read faster or slower to move the formants
(Lent 1989).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FRAMES_A_SECOND = 100
UNVOICED_S = 0.005
"""Distance of grains where nothing is periodic."""
STRAY = 0.2
"""A period may be longer or shorter than the f0 says by this share."""


def reshaped(wave: Floats, rate: int, f0: Floats, *, pitch: float = 1.0, formants: float = 1.0) -> Floats:
    """The wave (N,) with its f0 times `pitch` and its formants times `formants`, again (N,) and about as loud.

    `f0` (T,) is in Hz, 100 values a second, 0 where unvoiced; there the pitch stays. Factors of 1 give the wave itself.
    """
    from scipy.ndimage import map_coordinates, spline_filter1d

    if len(wave) < 2 or not len(f0):
        return wave.copy()
    places, voiced = _marks(wave, rate, f0)
    left, right = np.diff(places, prepend=-places[1]), np.diff(places, append=2 * places[-1] - places[-2])
    smooth = spline_filter1d(wave.astype(np.float64), mode="mirror")
    made, at, number = np.zeros(len(wave)), places[0], 0
    while at <= places[-1]:
        while number + 1 < len(places) and abs(places[number + 1] - at) <= abs(places[number] - at):
            number += 1
        faster = pitch if voiced[number] else 1.0
        first = max(0, int(np.ceil(at - left[number] / formants)))
        last = min(len(wave) - 1, int(np.floor(at + right[number] / formants)))
        away = (np.arange(first, last + 1) - at) * formants
        width = np.where(away < 0, left[number], right[number])
        grain = map_coordinates(smooth, [places[number] + away], order=3, mode="mirror", prefilter=False)
        grain *= 0.5 + 0.5 * np.cos(np.pi * away / width)
        # so many more or shorter grains keep their power together
        made[first : last + 1] += np.sqrt(formants / faster) * grain
        at += right[number] / faster
    return made.astype(np.float32)


def _marks(wave: Floats, rate: int, f0: Floats) -> tuple[Doubles, NDArray[np.bool_]]:
    """Where grains lie, in samples: alike places of consecutive periods, or evenly; and which are voiced."""
    places, voiced = [0.0], [False]
    while True:
        at = places[-1] + (UNVOICED_S * rate if not voiced[-1] else 0.0)
        sung = float(f0[min(int(at * FRAMES_A_SECOND / rate), len(f0) - 1)])
        if sung <= 0 or at >= len(wave):
            found = at if not voiced[-1] else at + UNVOICED_S * rate
        elif not voiced[-1]:
            found = at + float(np.abs(wave[int(at) : int(at + rate / sung) + 1]).argmax())
        else:
            found = _next(wave, places[-1], rate / sung)
        places.append(found)
        voiced.append(sung > 0)
        if found >= len(wave):
            return np.array(places), np.array(voiced)


def _next(wave: Floats, place: float, period: float) -> float:
    """Where the wave is most like it is around `place`, about a period later."""
    half, stray = int(period / 2), max(1, int(STRAY * period))
    here, there = round(place), round(place + period)
    if here - half < 0 or there + half + stray >= len(wave):
        return place + period
    around = wave[there - half - stray : there + half + stray + 1]
    likeness = np.correlate(around, wave[here - half : here + half + 1], "valid")
    best = int(likeness.argmax())
    if not 0 < best < len(likeness) - 1:
        return place + period
    before, top, after = (float(value) for value in likeness[best - 1 : best + 2])
    curve = before - 2 * top + after
    between = 0.5 * (before - after) / curve if curve < 0 else 0.0
    return place - here + there - stray + best + between
