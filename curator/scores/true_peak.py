"""True peak: how high the wave goes between its samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import within
from infer.true_peak import SPAN, between, factor_of

NEAR = 0.5


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
        factor = factor_of(clip.rate)
        if factor > 1:
            blocks = np.unique(np.flatnonzero(size > NEAR * peak) // SPAN)
            inner = np.abs(between(clip.wave, blocks, factor)).max(axis=1)
            if inner.max() > peak:
                peak, at = float(inner.max()), float((blocks[inner.argmax()] + 0.5) * SPAN)
        place = within(at / clip.rate, at / clip.rate, len(clip.wave) / clip.rate)
        return {"true_peak_dbtp": Placed(float(20 * np.log10(peak)), place)}
