"""SwiftF0, and where it hears no voice DIO, if the sound around does repeat itself as DIO says.

Separate from both because it is neither: the network stays right in noise and misses the soft ends of notes; DIO hears
those, but hears pitch in noise as well, which the autocorrelation of the sound tells from voice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infer.f0_methods.framing import fit
from infer.f0_methods.swift import swift
from infer.f0_methods.world import dio
from infer.octaves import strength

REPEATS = 0.6
"""Strength of the period (1 repeats exactly) from which DIO is believed."""


def combined(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz every `hop` samples, 0 where unvoiced; N // hop + 1 values."""
    found = swift(audio, hop, f_min, f_max)
    if not np.any(audio):
        return found
    second = fit(dio(audio, hop, f_min, f_max), len(found))
    missing = np.flatnonzero((found <= 0) & (second > 0))
    if len(missing):
        repeats = strength(audio, missing * hop, second[missing, None])[:, 0] >= REPEATS
        found[missing[repeats]] = second[missing[repeats]]
    return found
