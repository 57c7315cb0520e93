"""Octave errors of an f0 contour, taken back: where half or twice the f0 fits the sound and its neighbours better.

Separate from the methods because any of them makes such errors, and what tells is the same for all: how much the sound
is like itself one period later.
Methods: Boersma 1993 (strength of a period from the autocorrelation of a windowed frame over that of the window, a
path through candidates that pays for jumps), on the three candidates f0 / 2, f0 and 2 f0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infer.cuts import SAMPLE_RATE

WINDOW = 640
"""40 ms: two periods of the lowest f0."""
_LAGS, _SIZE, _FINER = 330, 1024, 4
_CHUNK = 1000
_FACTORS = np.array([0.5, 1.0, 2.0])
OCTAVE_COST = 0.02
"""Strength a candidate gains with each octave it is higher: a period twice as long always fits, too."""
OWN_BONUS = 0.03
"""Strength by which what the method said is preferred: so much where a period fits wholly, and as much more as the
best of the candidates falls short of that. In noise what is alike is often the noise."""
JUMP_COST = 0.35
"""Strength an octave's jump from frame to frame costs."""
_FORGET_FRAMES = 10
_NEAR = 0.03
_IMPOSSIBLE = -1e9

Floats = NDArray[np.float64]


def repair(f0: NDArray[np.floating], audio: NDArray[np.floating], hop: int, f_min: float, f_max: float) -> Floats:
    """f0 (T,) in Hz every `hop` samples of `audio` (N,) at 16 kHz, 0 where unvoiced, with octave errors taken back.

    What is voiced stays voiced; candidates outside f_min to f_max are not chosen.
    """
    out = np.array(f0, dtype=np.float64)
    voiced = np.flatnonzero(out > 0)
    if not len(voiced):
        return out
    candidates = out[voiced, None] * _FACTORS
    strengths = strength(audio, voiced * hop, candidates)
    bonus = OWN_BONUS + 1 - strengths.max(axis=1, keepdims=True)
    scores = strengths + OCTAVE_COST * np.log2(_FACTORS) + bonus * (_FACTORS == 1)
    scores = np.where((candidates >= f_min) & (candidates <= f_max), scores, _IMPOSSIBLE)
    scores[:, 1] = np.maximum(scores[:, 1], _IMPOSSIBLE / 2)
    out[voiced] = candidates[np.arange(len(voiced)), best_path(scores, np.log2(candidates), voiced)]
    return out


def strength(audio: NDArray[np.floating], centres: NDArray[np.integer], candidates: Floats) -> Floats:
    """How alike the sound around `centres` (T,) is to itself one period of each candidate (T, K) in Hz later: up to 1.

    0 where there is silence, or the period is longer than a window can tell.
    """
    padded = np.pad(np.asarray(audio, dtype=np.float32), (WINDOW // 2, WINDOW))
    window = np.hanning(WINDOW).astype(np.float32)
    own = _correlation(window[None])[0]
    found = np.zeros_like(candidates)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    last = len(frames) - 1
    for start in range(0, len(centres), _CHUNK):
        part = slice(start, start + _CHUNK)
        cut = frames[np.minimum(centres[part], last)]
        cut = (cut - cut.mean(axis=1, keepdims=True)) * window
        alike = _correlation(cut)
        whole = alike[:, :1]
        alike = np.where(whole > 0, alike / np.maximum(whole, 1e-20), 0) / (own / own[0])
        found[part] = _near_peak(alike, _FINER * SAMPLE_RATE / candidates[part])
    return found


def _correlation(frames: NDArray[np.float32]) -> Floats:
    """Autocorrelation of frames (T, WINDOW) at every quarter of a sample up to the longest lag."""
    power = np.abs(np.fft.rfft(frames, n=_SIZE)) ** 2
    return np.asarray(np.fft.irfft(power, n=_FINER * _SIZE)[:, : _FINER * _LAGS])


def _near_peak(alike: Floats, lags: Floats) -> Floats:
    """The highest value of each row of `alike` (T, L) within 3 % of each lag (T, K)."""
    best = np.full(lags.shape, -1.0)
    rows = np.arange(len(alike))[:, None]
    for share in np.linspace(-_NEAR, _NEAR, 7):
        place = np.rint(lags * (1 + share)).astype(int)
        inside = place < alike.shape[1]
        value = alike[rows, np.minimum(place, alike.shape[1] - 1)]
        best = np.maximum(best, np.where(inside, value, 0))
    return np.asarray(np.minimum(best, 1.0))


def best_path(scores: Floats, octaves: Floats, frames: NDArray[np.integer]) -> NDArray[np.integer]:
    """Which candidate (T,) to take of `scores` (T, K) so that the sum less the cost of jumps is the highest.

    `octaves` (T, K) are the candidates' log2 f0; `frames` (T,) are their times, and a jump over a gap costs less the
    longer the gap is.
    """
    steps, count = scores.shape
    came = np.zeros((steps, count), dtype=int)
    total = scores[0]
    costs = JUMP_COST * np.exp(-(np.diff(frames) - 1) / _FORGET_FRAMES)
    for step in range(1, steps):
        jumps = np.abs(octaves[step][None, :] - octaves[step - 1][:, None]) * costs[step - 1]
        ways = total[:, None] - jumps
        came[step] = ways.argmax(axis=0)
        total = ways.max(axis=0) + scores[step]
    path = np.zeros(steps, dtype=int)
    path[-1] = int(total.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came[step, path[step]]
    return path
