"""Noise: the level of the room, and how far the speech stands above it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from catalog.records import ScoreValue
from curator.activity import SPEECH, Tracks
from curator.frames import FRAMES_A_SECOND, Bools
from curator.scores.clip_audio import ClipAudio

ENOUGH = 30
"""Frames (0.3 s) of noise, and of speech, below which neither level is known."""
NEAREST = 100
WITHIN = 10 * FRAMES_A_SECOND
GATED_DB = -90.0
"""Quieter than any microphone: a gate, a denoiser or an editor made it."""
BURST_DB = 10.0


class Noise:
    """`noise_floor_dbfs`: mean level of the noise in the pauses. `snr_db`: speech level over it, noise subtracted.

    Speech frames are those with a probability of 0.5 or more; noise frames have less than 0.15 and no speech within
    150 ms. SNR = 10 log10((S - N) / N) with S and N the mean powers of the two (10 ms frames at the recording's rate,
    their mean removed, so an offset and rumble below some 50 Hz count on neither side). Loud voiced sounds in pauses (a
    bark, a tune) count on neither side either: `music_ratio` is for those. The noise comes from the clip
    where it holds 0.3 s of it, else from the nearest second of noise within 10 s of the clip, bursts 10 dB above its
    median left out. NULL where neither is found, where most of it is quieter than -90 dBFS (a gate or denoiser was at
    work and says nothing of the noise under the speech), and where the speech does not rise above the noise. Within
    0.8 dB of white and pink noise added at 0 to 40 dB (`benchmarks/scores.py`), as far as the recording's own noise
    allows.
    """

    name = "noise"
    version = 1
    columns = ("snr_db", "noise_floor_dbfs")

    def compute(self, clip: ClipAudio) -> Mapping[str, ScoreValue]:
        """dB and dBFS."""
        tracks = clip.tracks
        noise = noise_power(tracks, clip.frames)
        if noise is None:
            return {}
        floor = float(10 * np.log10(noise))
        speech = tracks.probability[clip.frames] >= SPEECH
        if np.count_nonzero(speech) < ENOUGH:
            return {"noise_floor_dbfs": floor}
        signal = float(_power(tracks.level[clip.frames][speech]).mean())
        if signal <= noise:
            return {"noise_floor_dbfs": floor}
        return {"noise_floor_dbfs": floor, "snr_db": float(10 * np.log10((signal - noise) / noise))}


def noise_power(tracks: Tracks, frames: slice) -> float | None:
    """Mean power of the noise in these frames of a recording or, failing that, near them; None when it is unknown."""
    inside = np.zeros(len(tracks.level), bool)
    inside[frames] = True
    found = _audible(tracks, tracks.noise & inside)
    if found is not None:
        return float(_power(tracks.level[found]).mean())
    places = np.arange(len(inside))
    distance = np.maximum(frames.start - places, places - frames.stop + 1)
    found = _audible(tracks, tracks.noise & (distance <= WITHIN))
    if found is None:
        return None
    nearest = np.flatnonzero(found)
    nearest = nearest[np.argsort(distance[nearest], kind="stable")[:NEAREST]]
    level = tracks.level[nearest]
    return float(_power(level[level <= np.median(level) + BURST_DB]).mean())


def _audible(tracks: Tracks, noise: Bools) -> Bools | None:
    """Noise frames that were not gated away; None when they are too few, or most were."""
    audible = noise & (tracks.level > GATED_DB)
    count = np.count_nonzero(audible)
    return audible if count >= ENOUGH and 2 * count >= np.count_nonzero(noise) else None


def _power(level: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.asarray(10 ** (level.astype(np.float64) / 10))
