"""Noise: the level of the room, and how far the speech stands above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
DOUBT, DOUBT_FRAMES, ANY_SPEECH = 0.6, 4, 0.2
"""Where the noise is loud: the probability beyond 40 ms of which all is noise, and that from which on is speech."""
SURELY_NOISY_DB, SURELY_CLEAR_DB = 10.0, 20.0
"""Below the one, what may be speech counts as noise; above the other it does not; between, both estimates count."""
NEAREST = 100
WITHIN = 10 * FRAMES_A_SECOND
GATED_DB = -90.0
"""Quieter than any microphone: a gate, a denoiser or an editor made it."""
BURST_DB = 10.0


class Noise:
    """`noise_floor_dbfs`: mean level of the noise in the pauses. `snr_db`: speech level over it, noise subtracted.

    SNR = 10 log10((S - N) / N) with S and N the mean powers of speech frames and of noise (10 ms frames at the
    recording's rate, their mean removed, so an offset and rumble below some 50 Hz count on neither side). Speech
    frames have a probability of 0.35 or more. Noise is all that sounds in the pauses: the frames more than 80 ms from
    speech and its tail in the room (`Tracks.heard`). Where that or a second estimate finds the noise loud, the second
    counts: its noise is the frames more than 40 ms from a probability of 0.6, its speech those of 0.2 or more, and
    what is in doubt counts on both sides. For a loud noise hides tails and words, draws the edges of speech outward
    and is itself taken for a voice now and then, and leaving out what may be speech leaves out the loudest of it.
    Below 10 dB of its SNR the second estimate stands, above 20 dB (where a tail would count as noise) the first,
    between them both are weighed in dB.

    The noise comes from the clip where it holds 0.3 s of it, else from the nearest second of noise within 10 s of the
    clip, bursts 10 dB above its median left out. NULL where neither is found, where most of it is quieter than -90 dBFS
    (a gate or denoiser was at work and says nothing of the noise under the speech), and where the speech does not rise
    above the noise. Both are worst where the pauses are loudest. Valid from 0 to 35 dB, where `benchmarks.truth`
    measures it (real noises; the README states the errors); sounds that the mask takes for a voice (a chainsaw at
    the level of the speech) are counted as one.
    """

    name = "noise"
    version = 3
    columns = ("snr_db", "noise_floor_dbfs")

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """dB and dBFS."""
        tracks, frames = clip.tracks, clip.frames
        first, last = max(0, frames.start - WITHIN), frames.stop + WITHIN
        near = slice(first, last)
        inside = slice(frames.start - first, frames.stop - first)
        level, probability = tracks.level[near], tracks.probability[near]
        pauses = ~widened(tracks.heard[near], GUARD_FRAMES)
        sure = ~widened(probability >= DOUBT, DOUBT_FRAMES)
        found = _weighed(
            _estimate(level, pauses, (probability >= STILL_SPEECH) & ~pauses, inside),
            _estimate(level, sure, probability >= ANY_SPEECH, inside),
        )
        if found is None:
            return {}
        place = worst(np.where(pauses[inside], _power(level[inside]), 0.0), FRAME_S)
        scores: dict[str, Found] = {"noise_floor_dbfs": Placed(found.floor, place)}
        if found.snr is not None:
            scores["snr_db"] = Placed(found.snr, place)
        return scores


@dataclass(frozen=True)
class Estimate:
    """Level of the noise (dBFS) and of the speech over it (dB); None where the speech is unknown or not above it."""

    floor: float
    snr: float | None


def _estimate(level: npt.NDArray[np.float32], pauses: Bools, speech: Bools, inside: slice) -> Estimate | None:
    """What follows from one belief of where pauses and speech are; None where the noise is unknown."""
    noise = _noise_power(level, pauses, inside)
    if noise is None:
        return None
    floor = float(10 * np.log10(noise))
    if np.count_nonzero(speech[inside]) < ENOUGH:
        return Estimate(floor, None)
    signal = float(_power(level[inside][speech[inside]]).mean())
    return Estimate(floor, float(10 * np.log10((signal - noise) / noise)) if signal > noise else None)


def _weighed(first: Estimate | None, second: Estimate | None) -> Estimate | None:
    """The two estimates by how noisy the second finds the clip."""
    if second is None or second.snr is None:
        return first
    share = float(np.clip((SURELY_CLEAR_DB - second.snr) / (SURELY_CLEAR_DB - SURELY_NOISY_DB), 0, 1))
    if first is None or first.snr is None:
        return second if share == 1 else first
    return Estimate(first.floor + share * (second.floor - first.floor), first.snr + share * (second.snr - first.snr))


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
