"""What is taken out of the features of one recording before voices are compared, measured on its speech frames.

Apart from the measures because agreement, distortion and the probes of the speaker must all see the same frames.
Each way is fitted to the speech frames (N, F) of one recording, or of several by one voice, and gives a map for any
frames (T, F) of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Matrix = NDArray[np.float64]
Map = Callable[[Features], Features]
Fit = Callable[[Features], Map]

PULL = 300
"""So many frames the reference counts for beside those of the recording: six seconds of speech."""

_FLOOR = 1e-6


def level(speech: Features) -> Map:
    """Mean 0 and spread 1 of every feature: what the product does."""
    mean, spread = speech.mean(0), speech.std(0) + 1e-5
    return lambda frames: np.asarray((frames - mean) / spread, np.float32)


def standardised(frames: Features) -> Features:
    """Frames (N, F) brought to mean 0 and spread 1."""
    return level(frames)(frames)


def power(matrix: Matrix, exponent: float) -> Matrix:
    """A symmetric matrix (F, F) without negative eigenvalues to a power."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, _FLOOR) ** exponent) @ vectors.T, np.float64)


def correlations(voices: list[Features]) -> Matrix:
    """How the features of speech go together, (F, F): the mean over voices of the covariance, each voice levelled."""
    return np.asarray(np.mean([np.cov(standardised(speech).T) for speech in voices], axis=0), np.float64)


def recolour(reference: Matrix, pull: int = PULL) -> Fit:
    """Besides mean and spread, the features go together as in `reference` (F, F), the `correlations` of other voices.

    The map between two covariances that moves the frames least (Olkin and Pukelsheim 1982; Sun, Feng and Saenko 2016
    bring domains to one covariance). The recording's own counts by its frames against `pull`, so a short one is
    hardly changed.
    """

    def fit(speech: Features) -> Map:
        levelled = level(speech)
        own = np.cov(levelled(speech).T) if len(speech) > 1 else reference
        own = (len(speech) * own + pull * reference) / (len(speech) + pull)
        root, back = power(own, 0.5), power(own, -0.5)
        turn = back @ power(root @ reference @ root, 0.5) @ back
        return lambda frames: np.asarray(levelled(frames) @ turn, np.float32)

    return fit
