"""A set heard as a voice without any training: the input's sounds looked up in the set's recordings and spoken again.

Separate from the conversion because it needs no model: content features say which frames of the set sound like each
frame of the input, their spectral envelopes are taken, and a vocoder speaks them with the input's own f0, voicing and
loudness. It is rough, it takes seconds, and it says which clips were leaned on: what is missing from a set is heard
before a night of training is spent on it.
Methods: Baas, van Niekerk and Kamper 2023 (kNN-VC: a frame becomes the mean of its nearest in the target), Morise,
Yokomori and Ozawa 2016 (WORLD: envelopes by CheapTrick, aperiodicity by D4C, synthesis).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog import audio
from catalog.errors import BadRequest
from infer import f0 as f0s
from infer.cuts import SAMPLE_RATE
from infer.set_sounds import FRAME_S, Floats, Passage, Progress, SetSounds, mono, sounding_frames, sounds_of, unit

if TYPE_CHECKING:
    from infer.content_encoder import ContentEncoder

NEIGHBOURS = 4
LONGEST_INPUT_S = 120.0
SYNTHESIS_S = 0.005
_FLOOR = 1e-16
_SMOOTHING = (0.25, 0.5, 0.25)


@dataclass(frozen=True)
class Heard:
    """What the preview makes of a file."""

    samples: NDArray[np.float32]
    sample_rate: int
    leaned_on: Mapping[str, float]
    """Clip id -> share of the input's sounding frames that came from it, the largest first."""
    transpose: float
    """Semitones that were applied."""
    distance: float
    """Mean squared distance of a sounding frame's unit feature to its nearest neighbours: 0 for the same sound, 2 for
    unrelated ones; how foreign the input is to the set."""


def preview(
    passages: Sequence[Passage],
    source: Path,
    encoder: ContentEncoder,
    *,
    transpose: float | None = None,
    f0_method: str = "auto",
    kept: Path | None = None,
    progress: Progress = lambda done, total, note: None,
) -> Heard:
    """Speak `source` with the sounds of `passages`; `transpose` in semitones, None brings the median f0 to the set's.

    At most two minutes of the input and five of the set are heard; what the set sounds like is kept in the file `kept`
    for the next time. `f0_method` is for the input. Raises BadRequest when the set has no passages or
    the input no sound.
    """
    if not passages:
        raise BadRequest("the set has no clips to speak with")
    method = f0s.choose(f0_method)
    voice = sounds_of(passages, encoder, progress, kept)
    wave = mono(source, voice.rate, LONGEST_INPUT_S)
    if not np.any(wave):
        raise BadRequest(f"{source} is silent")
    progress(0, 1, "finding sounds")
    slow = audio.resample(wave.astype(np.float32), voice.rate, SAMPLE_RATE)
    features = unit(encoder.encode(slow, encoder.measure(slow)))
    own_f0 = f0s.estimate(slow, method)
    sounding = sounding_frames(wave, voice.rate, len(features))
    distance, rows = _nearest(features, voice.rows)
    progress(0, 1, "speaking")
    envelope = _smooth(_envelopes(voice, passages, rows))
    shift = _shift(own_f0, voice.f0) if transpose is None else transpose
    samples = _speak(wave, voice.rate, own_f0, envelope, shift)
    counted = Counter(voice.owner[rows[sounding]].ravel().tolist())
    shares = {passages[number].clip: count / max(1, rows[sounding].size) for number, count in counted.most_common()}
    return Heard(samples, voice.rate, shares, shift, float(distance[sounding].mean()) if sounding.any() else 0.0)


def _nearest(queries: NDArray[np.float32], rows: NDArray[np.float32]) -> tuple[Floats, NDArray[np.int64]]:
    """Mean squared distance (T,) and rows (T, k) of the nearest."""
    import faiss

    scores, found = faiss.knn(queries, rows, min(NEIGHBOURS, len(rows)))
    return np.asarray(scores, np.float64).mean(axis=1), np.asarray(found, np.int64)


def _envelopes(voice: SetSounds, passages: Sequence[Passage], rows: NDArray[np.int64]) -> Floats:
    """Mean log power envelope (T, bins) of the rows (T, k); each row of the set is looked at once, and only if used."""
    import pyworld

    used, back = np.unique(rows, return_inverse=True)
    envelope = np.zeros((len(used), pyworld.get_cheaptrick_fft_size(voice.rate) // 2 + 1))
    for number in np.unique(voice.owner[used]):
        mine = np.flatnonzero(voice.owner[used] == number)
        frames = voice.place[used[mine]]
        f0, wave = voice.f0_of(number), mono(passages[number].path, voice.rate, voice.each_s)
        pitch = f0[np.minimum(2 * frames + 1, len(f0) - 1)]
        times = (frames + 0.5) * FRAME_S
        envelope[mine] = np.log(pyworld.cheaptrick(wave, pitch, times, voice.rate) + _FLOOR)
    found: Floats = envelope[back.reshape(rows.shape)].mean(axis=1)
    return found


def _smooth(envelope: Floats) -> Floats:
    """Each frame with some of its neighbours, so that picks from different places join."""
    padded = np.pad(envelope, ((1, 1), (0, 0)), mode="edge")
    smooth = np.zeros_like(envelope)
    for shift, weight in enumerate(_SMOOTHING):
        smooth += weight * padded[shift : shift + len(envelope)]
    return smooth


def _shift(own: Floats, theirs: NDArray[np.floating]) -> float:
    """Whole semitones from the input's median f0 to the set's."""
    voiced, target = own[own > 0], theirs[theirs > 0]
    if not len(voiced) or not len(target):
        return 0.0
    return float(round(12 * np.log2(np.median(target) / np.median(voiced))))


def _speak(wave: Floats, rate: int, f0: Floats, envelope: Floats, shift: float) -> NDArray[np.float32]:
    """WORLD's synthesis with the input's f0, aperiodicity and power and the given envelopes; as long as the input."""
    import pyworld

    steps = int(len(wave) / rate / SYNTHESIS_S) + 1
    times = np.arange(steps) * SYNTHESIS_S
    own = np.ascontiguousarray(f0[np.minimum((times * 100).round().astype(int), len(f0) - 1)])
    power = pyworld.cheaptrick(wave, own, times, rate)
    breath = pyworld.d4c(wave, own, times, rate)
    at = np.clip(times / FRAME_S - 0.5, 0, len(envelope) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(envelope) - 1)
    share = (at - low)[:, None]
    spoken = np.exp(envelope[low] * (1 - share) + envelope[high] * share)
    spoken *= power.sum(axis=1, keepdims=True) / spoken.sum(axis=1, keepdims=True)
    made = pyworld.synthesize(own * 2 ** (shift / 12), np.ascontiguousarray(spoken), breath, rate, SYNTHESIS_S * 1000)
    fitted = np.pad(made[: len(wave)], (0, max(0, len(wave) - len(made))))
    return np.asarray(fitted * min(1.0, 0.99 / max(np.abs(fitted).max(), 1e-9)), np.float32)
