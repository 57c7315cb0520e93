"""Noise: the level of the room, and how far the speech stands above it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from curator.activity import STILL_SPEECH
from curator.frames import FRAME_S, FRAMES_A_SECOND, Bools, widened
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst

ENOUGH = 30
"""Frames (0.3 s) of noise, and of speech, below which neither level is known."""
GUARD_FRAMES = 8
"""On either side of speech: its tail in the room, and what its edges missed."""
NEAREST = 100
WITHIN = 10 * FRAMES_A_SECOND
GATED_DB = -90.0
"""Quieter than any microphone: a gate, a denoiser or an editor made it."""
BURST_DB = 10.0


class Noise:
    """`noise_floor_dbfs`: mean level of the noise in the pauses. `snr_db`: speech level over it, noise subtracted.

    Noise is all that sounds in the pauses: the frames more than 80 ms from speech and its tail (`Tracks.heard`).
    Speech frames have a probability of 0.35 or more. SNR = 10 log10((S - N) / N) with S and N the mean powers of the
    two (10 ms frames at the recording's rate, their mean removed, so an offset and rumble below some 50 Hz count on
    neither side). The noise comes from the clip where it holds 0.3 s of it, else from the nearest second of noise
    within 10 s of the clip, bursts 10 dB above its median left out. NULL where neither is found, where most of it is
    quieter than -90 dBFS (a gate or denoiser was at work and says nothing of the noise under the speech), and where the
    speech does not rise above the noise. Both are worst where the pauses are loudest.

    By `benchmarks.truth` the error is 0.8 dB in the median over real noises from 0 to 35 dB; it grows at 0 dB, where
    the speech mask loses words. Sounds that the mask takes for a voice (a chainsaw at the level of the speech) are
    counted as one.
    """

    name = "noise"
    version = 2
    columns = ("snr_db", "noise_floor_dbfs")

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """dB and dBFS."""
        tracks, frames = clip.tracks, clip.frames
        first, last = max(0, frames.start - WITHIN), frames.stop + WITHIN
        pauses = ~widened(tracks.heard[first:last], GUARD_FRAMES)
        inside = slice(frames.start - first, frames.stop - first)
        noise = _noise_power(tracks.level[first:last], pauses, inside)
        if noise is None:
            return {}
        pause, level = pauses[inside], tracks.level[frames]
        place = worst(np.where(pause, _power(level), 0.0), FRAME_S)
        scores: dict[str, Found] = {"noise_floor_dbfs": Placed(float(10 * np.log10(noise)), place)}
        speech = (tracks.probability[frames] >= STILL_SPEECH) & ~pause
        if np.count_nonzero(speech) >= ENOUGH:
            signal = float(_power(level[speech]).mean())
            if signal > noise:
                scores["snr_db"] = Placed(float(10 * np.log10((signal - noise) / noise)), place)
        return scores


def _noise_power(level: npt.NDArray[np.float32], pauses: Bools, inside: slice) -> float | None:
    """Mean power of the noise in these frames or, failing that, near them; None when it is unknown."""
    here = np.zeros(len(level), bool)
    here[inside] = True
    found = _audible(level, pauses & here)
    if found is not None:
        return float(_power(level[found]).mean())
    found = _audible(level, pauses)
    if found is None:
        return None
    places = np.flatnonzero(found)
    distance = np.maximum(inside.start - places, places - inside.stop + 1)
    nearest = level[places[np.argsort(distance, kind="stable")[:NEAREST]]]
    return float(_power(nearest[nearest <= np.median(nearest) + BURST_DB]).mean())


def _audible(level: npt.NDArray[np.float32], noise: Bools) -> Bools | None:
    """Noise frames that were not gated away; None when they are too few, or most were."""
    audible = noise & (level > GATED_DB)
    count = np.count_nonzero(audible)
    return audible if count >= ENOUGH and 2 * count >= np.count_nonzero(noise) else None


def _power(level: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.asarray(10 ** (level.astype(np.float64) / 10))
