"""Reverberation: how long the room goes on after the voice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from curator.pitch import RATE
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst

WINDOW, HOP = 512, 160
HOP_S = HOP / RATE
BANDS_HZ = (200, 350, 550, 850, 1300, 2000, 3200, 5500)
SPAN = 16
"""Frames over which a slope is taken."""
FALLING_DB_S = -15.0
LOUD_WITHIN_DB = 35.0
DEPTH_DB = 25.0
ABOVE_FLOOR_DB = 8.0
FASTEST = 10
FEWEST_DECAYS, FEWEST_BANDS = 8, 3
SCALE, POWER = 700.0, 1.486
LONGEST_S = 3.0

Doubles = npt.NDArray[np.float64]


class Reverb:
    """`reverb_rt60_s`: estimated time in which the room's sound falls by 60 dB, seconds.

    From the decays after words, without knowing the room (decay-rate distributions: Wen, Habets and Naylor 2008). In
    seven bands from 200 to 5500 Hz the level every 10 ms; its slope over every 160 ms that falls, begins within 35 dB
    of the band's loud parts and ends 8 dB above its floor. A voice may fall slower than the room but not faster, so the
    10th percentile of a band's slopes is nearly the room's; the median over the bands becomes seconds by a curve fitted
    on rooms of known RT60. It ranks rooms from 0.2 to 1.6 s rightly (`benchmarks.truth`); in seconds it is an
    estimate. Dry voices give 0.1 to 0.4 s, after their own endings. NULL where fewer than three bands hold eight
    decays: too little speech, sustained notes only, or noise nearly as loud as the voice. Its place is where the
    slow decays are.
    """

    name = "reverb"
    version = 1
    columns = ("reverb_rt60_s",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """Seconds."""
        slopes, counted = _decays(_levels(clip.at_16k, min(clip.rate, RATE)))
        bands = [np.percentile(band[ok], FASTEST) for band, ok in zip(slopes, counted, strict=True)
                 if np.count_nonzero(ok) >= FEWEST_DECAYS]  # fmt: skip
        if len(bands) < FEWEST_BANDS:
            return {}
        seconds = SCALE * float(-np.median(bands)) ** -POWER
        if seconds > LONGEST_S:
            return {}
        slow = np.where(counted, 1 / np.maximum(-slopes, 1.0), 0.0).sum(axis=0)
        return {"reverb_rt60_s": Placed(seconds, worst(np.pad(slow, (SPAN // 2, SPAN // 2)), HOP_S))}


def _levels(wave: npt.NDArray[np.float32], rate: int) -> Doubles:
    """Level of each band that the recording has, dB, (bands, frames)."""
    import scipy.fft

    if len(wave) < WINDOW:
        return np.zeros((0, 0))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    power = np.abs(scipy.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
    edges = [round(hz * WINDOW / RATE) for hz in BANDS_HZ if hz <= rate / 2]
    sums = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1).T
    return np.asarray(10 * np.log10(sums.astype(np.float64) + 1e-12))


def _decays(levels: Doubles) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    """Slope over every span, dB/s, and whether it is a decay: both (bands, spans)."""
    if levels.shape[1] <= SPAN:
        return np.zeros((0, 0)), np.zeros((0, 0), bool)
    time = (np.arange(SPAN) - (SPAN - 1) / 2) * HOP_S
    spans = np.lib.stride_tricks.sliding_window_view(levels, SPAN, axis=1)
    slopes = spans @ (time / (time @ time))
    floor, loud = (np.percentile(levels, percent, axis=1)[:, None] for percent in (5, 95))
    lowest = spans.min(axis=2)
    above = lowest > np.maximum(floor + ABOVE_FLOOR_DB, loud - LOUD_WITHIN_DB - DEPTH_DB)
    return slopes, (slopes < FALLING_DB_S) & (spans[:, :, 0] > loud - LOUD_WITHIN_DB) & above
