"""How far single clips lie from the others, by statistics that the outliers themselves hardly move.

Separate because it knows nothing of clips: values and rows in, distances in usual spreads out. A spread is 1.4826 times
the median absolute deviation, which is the standard deviation of a normal distribution.
Methods: Huber 1964 (robust regression), Rousseeuw and van Zomeren 1990 (robust distances).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

REPEATS = 8
HUBER = 1.5
"""Spreads beyond which a value pulls a regression less the farther it is."""
NEAR_SHARE = 0.8
"""Of the rows those nearest to the middle, which say where it is and how wide they lie."""
_NORMAL = 1.4826
_TINY = 1e-9


def spread(values: Matrix) -> float:
    """The usual distance from the median."""
    return _NORMAL * float(np.median(np.abs(values - np.median(values)))) + _TINY


def above(values: Matrix, least: float = _TINY) -> Matrix:
    """By how many spreads, of at least `least`, each value lies above the median of all; below it is negative."""
    return np.asarray((values - np.median(values)) / max(least, spread(values)))


def beyond(values: Matrix, known: Matrix) -> tuple[Matrix, Matrix]:
    """What is expected of each of n values given what is known of it (n, k), and by how many spreads it lies above."""
    design = np.column_stack([np.ones(len(values)), known - np.median(known, axis=0)])
    weights = np.ones(len(values))
    for _ in range(REPEATS):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        rest = values - design @ found
        weights = np.minimum(1.0, HUBER * spread(rest) / np.maximum(np.abs(rest), _TINY))
    return design @ found, rest / spread(rest)


def distances(rows: Matrix) -> Matrix:
    """How far each of n rows (n, k) is from the middle of the others, measured by how they lie: Mahalanobis distances.

    Middle and covariance are those of the nearest rows, found by repetition; the covariance is drawn towards a round
    one, the more so the fewer rows there are.
    """
    off = rows - np.median(rows, axis=0)
    off = off / (_NORMAL * np.median(np.abs(off), axis=0) + _TINY)
    near = np.ones(len(rows), bool)
    pull = rows.shape[1] / (rows.shape[1] + len(rows))
    for _ in range(REPEATS):
        middle = off[near].mean(axis=0)
        covariance = np.atleast_2d(np.cov((off[near] - middle).T))
        round_one = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
        inverse = np.linalg.pinv((1 - pull) * covariance + pull * round_one)
        squared = np.einsum("ij,jk,ik->i", off - middle, inverse, off - middle)
        near = squared <= np.quantile(squared, NEAR_SHARE)
    return np.asarray(np.sqrt(squared))
