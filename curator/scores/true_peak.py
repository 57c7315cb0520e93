"""True peak: how high the wave goes between its samples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import within

TAPS = 32
BLOCK = 64
ENOUGH_HZ = 192_000
OVERSAMPLED_HZ = 192_000
NEAR = 0.5

Floats = npt.NDArray[np.float32]


class TruePeak:
    """`true_peak_dbtp`: highest absolute value of the wave between the samples, dBTP (ITU-R BS.1770-4 annex 2).

    The clip oversampled to 192 kHz or more (four times at 44.1 and 48 kHz) by a Kaiser-windowed sinc of 32 taps a
    phase, only around samples within 6 dB of the highest, where alone it can be. Above 0 dBTP a converter or a codec
    will clip. Within +0.2 and -0.4 dB on the tones of EBU Tech 3341 (`benchmarks.truth`). NULL for digital silence.
    """

    name = "true peak"
    version = 1
    columns = ("true_peak_dbtp",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """dBTP."""
        size = np.abs(clip.wave)
        peak = float(size.max(initial=0))
        if peak == 0:
            return {}
        at = float(size.argmax())
        factor = int(np.ceil(OVERSAMPLED_HZ / clip.rate)) if clip.rate < ENOUGH_HZ else 1
        if factor > 1:
            blocks = np.unique(np.flatnonzero(size > NEAR * peak) // BLOCK)
            between = np.abs(_between(clip.wave, blocks, factor)).max(axis=1)
            if between.max() > peak:
                peak, at = float(between.max()), float((blocks[between.argmax()] + 0.5) * BLOCK)
        place = within(at / clip.rate, at / clip.rate, len(clip.wave) / clip.rate)
        return {"true_peak_dbtp": Placed(float(20 * np.log10(peak)), place)}


def _between(wave: Floats, blocks: npt.NDArray[np.int64], factor: int) -> Floats:
    """The values between the samples of these blocks, (blocks, values)."""
    padded = np.pad(wave, (TAPS // 2 - 1, TAPS // 2 + BLOCK))
    spans = padded[blocks[:, None] * BLOCK + np.arange(BLOCK + TAPS - 1)]
    windows = np.lib.stride_tricks.sliding_window_view(spans, TAPS, axis=1)
    return np.asarray((windows @ _phases(factor)).reshape(len(blocks), -1))


@lru_cache(maxsize=8)
def _phases(factor: int) -> Floats:
    """Interpolation filters for the points between two samples, (taps, factor - 1)."""
    late = np.arange(1, factor) / factor
    from_centre = np.arange(TAPS)[:, None] - (TAPS // 2 - 1) - late[None]
    inside = np.clip(1 - (from_centre / (TAPS / 2)) ** 2, 0, None)
    taps = np.sinc(from_centre) * np.i0(6.0 * np.sqrt(inside)) / np.i0(6.0)
    return np.asarray(taps / taps.sum(axis=0), np.float32)
