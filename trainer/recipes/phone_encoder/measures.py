"""How good a content feature is: the same sound found in another voice, and the distance to go.

Pure functions over arrays, apart from the command that gathers the voices to measure on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from infer.phone_encoder import PHONES
from trainer.recipes.phone_encoder.normalise import Features, Fit, level

CLASSES_OF_SOUND = {
    "vowel": "aa ae ah ao aw ay eh er ey ih iy ow oy uh uw",
    "stop": "b d g k p t",
    "affricate": "ch jh",
    "fricative": "dh f hh s sh th v z zh",
    "nasal": "m n ng",
    "approximant": "l r w y",
    "pause": "pau",
}
_CLASS = {phone: index for index, phones in enumerate(CLASSES_OF_SOUND.values()) for phone in phones.split()}
_CLASS_OF = np.array([_CLASS[phone] for phone in PHONES])
_PAUSE = len(PHONES) - 1


@dataclass(frozen=True)
class Spoken:
    """One utterance to measure on: features and phone numbers at 50 Hz, and what is said."""

    features: Features
    phones: NDArray[np.int16]
    text: str


def normalised(spoken: list[Spoken], speech: list[NDArray[np.bool_]], fit: Fit = level) -> list[Spoken]:
    """The utterances of one voice, their features normalised as `fit` finds from its speech frames."""
    change = fit(np.concatenate([s.features[m] for s, m in zip(spoken, speech, strict=True)]))
    return [Spoken(change(s.features), s.phones, s.text) for s in spoken]


def _unit(features: Features) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(np.ascontiguousarray(features, np.float32)), dim=1)


def nearest(query: Features, pool: Features, k: int) -> NDArray[np.int64]:
    """The `k` pool frames (Q, k) of the smallest cosine distance to each query frame."""
    found, target = [], _unit(pool).T
    for block in torch.split(_unit(query), 2000):
        found.append((block @ target).topk(k, dim=1).indices)
    return np.asarray(torch.cat(found).numpy(), np.int64)


def phone_agreement(query: list[Spoken], pool: list[Spoken]) -> tuple[float, float]:
    """Share of spoken query frames whose nearest pool frame is the same phone, and the same class of sound."""
    asked = np.concatenate([s.features for s in query])
    named = np.concatenate([s.phones for s in query])
    chosen = (named >= 0) & (named != _PAUSE)
    there = np.concatenate([s.phones for s in pool])
    features = np.concatenate([s.features for s in pool])[there >= 0]
    there = there[there >= 0]
    got = there[nearest(asked[chosen], features, 1)[:, 0]]
    want = named[chosen]
    return float(np.mean(got == want)), float(np.mean(_CLASS_OF[got] == _CLASS_OF[want]))


def warp(cost: NDArray[np.floating]) -> tuple[float, list[tuple[int, int]]]:
    """Dynamic time warping: the mean cost along the cheapest path through costs (A, B), and its (row, column) pairs."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    for i in range(1, rows + 1):
        above = np.minimum(total[i - 1, 1:], total[i - 1, :-1])
        line = total[i]
        for j in range(1, columns + 1):
            line[j] = cost[i - 1, j - 1] + min(above[j - 1], line[j - 1])
    path = [(rows, columns)]
    while path[-1] != (1, 1):
        i, j = path[-1]
        path.append(min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: total[at]))
    return float(total[rows, columns] / len(path)), [(i - 1, j - 1) for i, j in reversed(path)]


def path_cost(first: Features, second: Features) -> tuple[float, list[tuple[int, int]]]:
    """Two utterances warped onto each other by cosine distance: the mean distance along the path, and the path."""
    return warp(1.0 - (_unit(first) @ _unit(second).T).numpy())


def sentence_contrast(first: list[Spoken], second: list[Spoken], most: int = 12) -> float:
    """Warping cost of the same sentence by two voices over that of different sentences; lower is better."""
    same: list[float] = []
    other: list[float] = []
    for spoken in first[:most]:
        for match in second[:most]:
            (same if match.text == spoken.text else other).append(path_cost(spoken.features, match.features)[0])
    if not same or not other:
        raise ValueError("the two voices share no sentence, or say only one")
    return float(np.mean(same) / np.mean(other))


def mel_cepstra(audio: NDArray[np.float32], frames: int, order: int = 24) -> Features:
    """Mel-cepstral coefficients 1..order (frames, order) of WORLD's envelope, every 20 ms, of audio at 16 kHz."""
    import pyworld

    wave = audio.astype(np.float64)
    f0, times = pyworld.dio(wave, 16000, frame_period=20.0)
    envelope = pyworld.cheaptrick(wave, pyworld.stonemask(wave, f0, times, 16000), times, 16000)
    hz = np.linspace(0, 8000, envelope.shape[1])
    grid = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 128) / 2595) - 1)
    curve = np.stack([np.interp(grid, hz, row) for row in 0.5 * np.log(envelope)])
    angle = (np.arange(128) + 0.5) * np.pi / 128
    basis = np.cos(np.arange(1, order + 1)[:, None] * angle) * 2 / 128
    found = (curve @ basis.T).astype(np.float32)
    return found[:frames] if len(found) >= frames else np.pad(found, ((0, frames - len(found)), (0, 0)), "edge")


def distortion(made: Features, own: Features, spoken: NDArray[np.bool_]) -> float:
    """Mel-cepstral distortion in dB of `made` (A, order) against the reference `own` (B, order), over `spoken` (B,).

    10 sqrt 2 / ln 10 times the Euclidean distance (Kubichek 1993), averaged along the warping path of the smallest
    such distance, so that only the sound counts and not how fast the two are.
    """
    apart = torch.cdist(torch.from_numpy(made).double(), torch.from_numpy(own).double()).numpy()
    path = [(i, j) for i, j in warp(apart)[1] if spoken[j]]
    return float(10 * np.sqrt(2) / np.log(10) * np.mean([apart[at] for at in path]))


def converted_distance(
    query: Spoken, pool: list[Spoken], cepstra: list[Features], own: Spoken, own_cepstra: Features
) -> float:
    """Mel-cepstral distortion in dB between speech assembled from the pool and the target's own rendering.

    Every frame of `query` takes the mean cepstrum of its four nearest pool frames; its pauses do not count.
    """
    chosen = nearest(query.features, np.concatenate([s.features for s in pool]), 4)
    made = np.concatenate(cepstra)[chosen].mean(axis=1)
    return distortion(made, own_cepstra, own.phones != _PAUSE)
