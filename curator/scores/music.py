"""Music behind the voice: an accompaniment, a radio, the bleed of headphones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from curator.frames import runs
from curator.pitch import HOP_S as PITCH_HOP_S
from curator.pitch import RATE, VOICED
from curator.scores.clip_audio import ClipAudio, Found, Placed
from curator.scores.places import worst

WINDOW, HOP = 1024, 320
HOP_S = HOP / RATE
BIN_HZ = RATE / WINDOW
LOWEST, HIGHEST = round(80 / BIN_HZ), round(2500 / BIN_HZ)
AROUND = 10
HIGH_DB, WITHIN_DB = 9.0, 50.0
VOICE_BINS, VOICE_SHARE = 1.6, 0.015
TAIL = 6
LASTING = 7
FALLING_DB = 2.0
ALWAYS, ALWAYS_MAINS = 0.5, 0.15
MAINS_UP_TO_HZ = 500
LINES = 2
SECOND = round(1 / HOP_S)
OFTEN = 0.06

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class Music:
    """`music_ratio`: share of the clip in which music is heard besides the voice, 0 to 1.

    Music has steady lines that the voice does not explain. In spectra of 64 ms every 20 ms a line is a peak between
    80 and 2500 Hz, 9 dB above its surroundings and at most 50 dB below the loudest, that stays in its bin for 140 ms
    without fading by more than 25 dB a second (a room's echo of the voice fades). Lines on a harmonic of the voice,
    of this moment or of the last 0.12 s, do not count, nor do those of a machine, which sound for half of the clip, or
    for 15 % of it on a harmonic of the mains. A moment with two lines or more is musical; a second in which 6 % of the
    moments are is music.

    By `benchmarks.truth` found 5 dB under the voice nine times of ten, 15 dB under it three of four, 25 dB under it
    half of the time; best in pauses and in sung notes. Under dense speech much hides behind the voice, so the share is
    a lower bound. Drums alone are not found; a second singer, or notes that ring on, may be. NULL for clips under a
    second and for digital silence.
    """

    name = "music"
    version = 1
    columns = ("music_ratio",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """Share."""
        wave = clip.at_16k
        if len(wave) < RATE or not wave.any():
            return {}
        count = np.count_nonzero(_steady(_level(wave), clip), axis=1)
        musical = count >= LINES
        heard = np.zeros(len(musical), bool)
        often = np.convolve(musical, np.full(SECOND, 1 / SECOND), "valid") >= OFTEN - 1e-9
        for first, last in runs(often):
            heard[first : last + SECOND - 1] = True
        return {"music_ratio": Placed(float(heard.mean()), worst(np.where(heard, count, 0), HOP_S))}


def _level(wave: Floats) -> Floats:
    """Spectrum in dB, (frames, bins), a little beyond the highest bin that is looked at."""
    import scipy.fft

    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    spectra = scipy.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)[:, : HIGHEST + AROUND + 1]
    return np.asarray(20 * np.log10(np.abs(spectra) + np.float32(1e-7)), np.float32)


def _steady(level: Floats, clip: ClipAudio) -> Bools:
    """Where a steady line sounds that is neither the voice nor a machine, (frames, bins)."""
    peaks = np.zeros(level.shape, bool)
    inner = level[:, 1:-1]
    peaks[:, 1:-1] = (inner >= level[:, :-2]) & (inner >= level[:, 2:])
    total = np.cumsum(np.pad(level, ((0, 0), (AROUND + 1, AROUND)), mode="edge"), axis=1, dtype=np.float64)
    around = (total[:, 2 * AROUND + 1 :] - total[:, : -2 * AROUND - 1]) / (2 * AROUND + 1)
    peaks &= (level - around > HIGH_DB) & (level > np.percentile(level.max(axis=1), 95) - WITHIN_DB)
    peaks[:, :LOWEST] = peaks[:, HIGHEST:] = False
    near = peaks.copy()
    near[:, 1:] |= peaks[:, :-1]
    near[:, :-1] |= peaks[:, 1:]
    machine = near.mean(axis=0) > _always(level.shape[1])
    free = ~_voice(clip, *level.shape) & ~machine
    near &= free
    return np.asarray(_lasting(near, level) & peaks & free)


def _always(bins: int) -> npt.NDArray[np.float64]:
    """From which share of the frames on a line in each bin is a machine's; less on harmonics of the mains."""
    hz = np.arange(bins) * BIN_HZ
    limit = np.full(bins, ALWAYS)
    for mains in (50, 60):
        on = (np.abs(hz - mains * np.round(hz / mains)) <= 0.6 * BIN_HZ) & (hz <= MAINS_UP_TO_HZ)
        limit[on] = ALWAYS_MAINS
    return limit


def _voice(clip: ClipAudio, frames: int, bins: int) -> Bools:
    """Bins on a harmonic of the voice now or a moment ago, (frames, bins)."""
    if not len(clip.pitch.hz):
        return np.zeros((frames, bins), bool)
    at = np.round((np.arange(frames) * HOP + WINDOW / 2) / RATE / PITCH_HOP_S).astype(np.int64)
    at = np.minimum(at, len(clip.pitch.hz) - 1)
    voiced = clip.pitch.confidence[at] >= VOICED
    f0 = np.where(voiced, clip.pitch.hz[at], np.inf)[:, None].astype(np.float32)
    hz = (np.arange(bins) * BIN_HZ).astype(np.float32)
    harmonic = np.maximum(np.round(hz / f0), 1)
    on = voiced[:, None] & (
        np.abs(hz - harmonic * np.where(np.isinf(f0), 0, f0)) <= np.maximum(VOICE_BINS * BIN_HZ, VOICE_SHARE * hz)
    )
    total = np.cumsum(np.pad(on, ((TAIL + 1, 0), (0, 0))), axis=0, dtype=np.int16)
    return np.asarray(total[TAIL + 1 :] > total[: -TAIL - 1])


def _lasting(near: Bools, level: Floats) -> Bools:
    """Lines that stay for `LASTING` frames without fading, (frames, bins)."""
    lasting = np.zeros(near.shape, bool)
    if len(near) < LASTING:
        return lasting
    total = np.cumsum(np.pad(near, ((1, 0), (0, 0))), axis=0, dtype=np.int16)
    sums = np.cumsum(np.pad(level, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    half = LASTING // 2
    means = (sums[half:] - sums[:-half]) / half
    begins = len(near) - LASTING + 1
    there = total[LASTING:] - total[:-LASTING] >= LASTING
    there &= means[:begins] - means[half : half + begins] < FALLING_DB
    for late in range(LASTING):
        lasting[late : late + begins] |= there
    return lasting
