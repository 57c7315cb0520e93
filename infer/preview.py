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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog import audio
from catalog.errors import BadRequest
from infer import f0 as f0s
from infer.cuts import SAMPLE_RATE

if TYPE_CHECKING:
    from infer.content import ContentEncoder

NEIGHBOURS = 4
LONGEST_SET_S = 600.0
"""So much of a set, spread over its clips, is listened to."""
LONGEST_INPUT_S = 120.0
HIGHEST_RATE, LOWEST_RATE = 32_000, 16_000
FRAME_S = 0.02
"""Of content features; envelopes are read at the same places."""
SYNTHESIS_S = 0.005
_FLOOR = 1e-16
_SMOOTHING = (0.25, 0.5, 0.25)

Floats = NDArray[np.float64]
Progress = Callable[[float, float, str], None]


@dataclass(frozen=True)
class Passage:
    """One clip of the set: its id and its file."""

    clip: str
    path: Path


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


@dataclass(frozen=True)
class _Voice:
    """The set, listened to: one row a frame of 20 ms over all passages."""

    rate: int
    waves: Sequence[Floats]
    f0: Sequence[Floats]
    """100 values a second, in Hz."""
    rows: NDArray[np.float32]
    """Content features of unit length."""
    owner: NDArray[np.int64]
    place: NDArray[np.int64]
    """Passage, and frame within it, of each row."""


def preview(
    passages: Sequence[Passage],
    source: Path,
    encoder: ContentEncoder,
    *,
    transpose: float | None = None,
    f0_method: str = "auto",
    progress: Progress = lambda done, total, note: None,
) -> Heard:
    """Speak `source` with the sounds of `passages`; `transpose` in semitones, None brings the median f0 to the set's.

    At most two minutes of the input and ten of the set are heard. Raises BadRequest when the set has no passages or
    the input no sound.
    """
    if not passages:
        raise BadRequest("the set has no clips to speak with")
    method = f0s.choose(f0_method)
    voice = _listen(passages, encoder, method, progress)
    wave, _ = _mono(source, voice.rate, LONGEST_INPUT_S)
    if not np.any(wave):
        raise BadRequest(f"{source} is silent")
    progress(0, 1, "finding sounds")
    slow = audio.resample(wave.astype(np.float32), voice.rate, SAMPLE_RATE)
    features = _unit(encoder.encode(slow, encoder.measure(slow)))
    own_f0 = f0s.estimate(slow, method)
    sounding = _sounding(wave, voice.rate, len(features))
    distance, rows = _nearest(features, voice.rows)
    progress(0, 1, "speaking")
    envelope = _smooth(_envelopes(voice, rows))
    shift = _shift(own_f0, voice.f0) if transpose is None else transpose
    samples = _speak(wave, voice.rate, own_f0, envelope, shift)
    counted = Counter(voice.owner[rows[sounding]].ravel().tolist())
    shares = {passages[number].clip: count / max(1, rows[sounding].size) for number, count in counted.most_common()}
    return Heard(samples, voice.rate, shares, shift, float(distance[sounding].mean()) if sounding.any() else 0.0)


def _listen(passages: Sequence[Passage], encoder: ContentEncoder, method: str, progress: Progress) -> _Voice:
    infos = [audio.probe(passage.path) for passage in passages]
    rate = int(np.clip(min(info.sample_rate for info in infos), LOWEST_RATE, HIGHEST_RATE))
    each_s = LONGEST_SET_S / len(passages)
    waves, heard, f0 = [], [], []
    for number, passage in enumerate(passages):
        wave, _ = _mono(passage.path, rate, max(each_s, 1.0))
        waves.append(wave)
        heard.append(audio.resample(wave.astype(np.float32), rate, SAMPLE_RATE))
        f0.append(f0s.estimate(heard[-1], method))
        progress(number + 1, len(passages), "listening to the set")
    # measured over all together, so that a clip of one vowel does not lose it as its mean
    statistics = encoder.measure(np.concatenate(heard))
    rows, owner, place = [], [], []
    for number, slow in enumerate(heard):
        features = encoder.encode(slow, statistics)
        kept = np.flatnonzero(_sounding(waves[number], rate, len(features)))
        rows.append(_unit(features[kept]))
        owner.append(np.full(len(kept), number))
        place.append(kept)
    if not sum(map(len, rows)):
        raise BadRequest("the set holds nothing but silence")
    return _Voice(rate, waves, f0, np.concatenate(rows), np.concatenate(owner), np.concatenate(place))


def _mono(path: Path, rate: int, longest_s: float) -> tuple[Floats, float]:
    """The first `longest_s` of a file, mono at `rate`, and how long that is in seconds."""
    info = audio.probe(path)
    wave, own = audio.read(path, 0, min(info.samples or 1 << 62, round(longest_s * info.sample_rate)), mono=True)
    found = audio.resample(np.asarray(wave, np.float32), own, rate).astype(np.float64)
    return found, len(found) / rate


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(norm, 1e-9), np.float32)


def _sounding(wave: Floats, rate: int, frames: int) -> NDArray[np.bool_]:
    """Frames of 20 ms within 40 dB of the loudest."""
    size = round(FRAME_S * rate)
    padded = np.pad(wave, (0, max(0, frames * size - len(wave))))[: frames * size]
    power = np.square(padded).reshape(frames, size).mean(axis=1)
    return np.asarray(power > power.max(initial=0) * 1e-4)


def _nearest(queries: NDArray[np.float32], rows: NDArray[np.float32]) -> tuple[Floats, NDArray[np.int64]]:
    """Mean squared distance (T,) and rows (T, k) of the nearest."""
    import faiss

    scores, found = faiss.knn(queries, rows, min(NEIGHBOURS, len(rows)))
    return np.asarray(scores, np.float64).mean(axis=1), np.asarray(found, np.int64)


def _envelopes(voice: _Voice, rows: NDArray[np.int64]) -> Floats:
    """Mean log power envelope (T, bins) of the rows (T, k); each row of the set is looked at once, and only if used."""
    import pyworld

    used, back = np.unique(rows, return_inverse=True)
    envelope = np.zeros((len(used), pyworld.get_cheaptrick_fft_size(voice.rate) // 2 + 1))
    for number in np.unique(voice.owner[used]):
        mine = np.flatnonzero(voice.owner[used] == number)
        frames = voice.place[used[mine]]
        f0 = voice.f0[number]
        pitch = f0[np.minimum(2 * frames + 1, len(f0) - 1)]
        times = (frames + 0.5) * FRAME_S
        envelope[mine] = np.log(pyworld.cheaptrick(voice.waves[number], pitch, times, voice.rate) + _FLOOR)
    found: Floats = envelope[back.reshape(rows.shape)].mean(axis=1)
    return found


def _smooth(envelope: Floats) -> Floats:
    """Each frame with some of its neighbours, so that picks from different places join."""
    padded = np.pad(envelope, ((1, 1), (0, 0)), mode="edge")
    return sum(weight * padded[shift : shift + len(envelope)] for shift, weight in enumerate(_SMOOTHING))  # type: ignore[return-value]


def _shift(own: Floats, theirs: Sequence[Floats]) -> float:
    """Whole semitones from the input's median f0 to the set's."""
    voiced, target = own[own > 0], np.concatenate(theirs)
    target = target[target > 0]
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
