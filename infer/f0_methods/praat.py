"""Praat's autocorrelation pitch tracker (Boersma, IFA Proceedings 17, 1993) through parselmouth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infer.f0_methods.framing import SAMPLE_RATE, centre

VOICING_THRESHOLD = 0.6
_WINDOW_PERIODS = 3


def pm(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz every `hop` samples, 0 where unvoiced; N // hop values or a few more.

    Audio shorter than three periods of `f_min` has no frame that Praat can judge: all unvoiced.
    """
    import parselmouth

    frames = len(audio) // hop
    if len(audio) <= SAMPLE_RATE * _WINDOW_PERIODS / f_min:
        return np.zeros(frames)
    sound = parselmouth.Sound(np.asarray(audio, dtype=np.float64), SAMPLE_RATE)
    pitch = sound.to_pitch_ac(
        time_step=hop / SAMPLE_RATE,
        voicing_threshold=VOICING_THRESHOLD,
        pitch_floor=f_min,
        pitch_ceiling=f_max,
    )
    return centre(pitch.selected_array["frequency"], frames)
