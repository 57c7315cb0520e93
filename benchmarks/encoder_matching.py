"""What finding sounds of another voice gains from other ways of comparing the encoder's frames.

    python -m benchmarks.encoder_matching --sentences sentences.csv

The two flite voices that the encoder never heard, as in `python -m trainer.recipes.phone_encoder.evaluate`: the share
of frames whose nearest frame is the same phone, the mel-cepstral distortion of a sentence put together from the frames
found, and for what changes the frames themselves how often a probe with a hidden layer names the speaker (chance 0.5).
The phone is that of the nearest frame, whatever is put together from it and others. The last row asks with the target's
own rendering: about as near as any comparing can come with this encoder. A minute of one processor; flite must be
installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from infer.phone_encoder import PAUSE, PHONES, PhoneEncoder, load_phone_encoder, speech_frames
from trainer.recipes.phone_encoder.evaluate import Feature, spoken_by
from trainer.recipes.phone_encoder.identity import HIDDEN, Recording, speaker_accuracy
from trainer.recipes.phone_encoder.measures import Spoken, distortion
from trainer.recipes.phone_encoder.normalise import Features, Fit, Map, level
from trainer.recipes.phone_encoder.voices import Parallel, flite_voices, given_sentences

SILENT = PHONES.index(PAUSE)
CANDIDATES = 32
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """One voice of a pair, utterance by utterance: normalised features, square roots of phone posteriors, speech."""

    features: list[Features]
    heard: list[Features]
    speech: list[NDArray[np.bool_]]
    spoken: list[Spoken]


Compared = Callable[[Frames, Frames], tuple[list[Features], list[Features]]]
Assembled = Callable[[Features, NDArray[np.float32], Rows], Features]


def unit(features: Features) -> Features:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9), np.float32)


def plain(query: Frames, target: Frames) -> tuple[list[Features], list[Features]]:
    return query.features, target.features


def in_context(query: Frames, target: Frames) -> tuple[list[Features], list[Features]]:
    """Each frame with half of the one before and the one after."""

    def stacked(frames: Features) -> Features:
        padded = np.pad(unit(frames), ((1, 1), (0, 0)), "edge")
        return np.concatenate([0.5 * padded[:-2], padded[1:-1], 0.5 * padded[2:]], axis=1)

    return [stacked(f) for f in query.features], [stacked(f) for f in target.features]


def with_posteriors(query: Frames, target: Frames) -> tuple[list[Features], list[Features]]:
    """Half of the phone posteriors beside the bottleneck."""

    def beside(voice: Frames) -> list[Features]:
        pairs = zip(voice.features, voice.heard, strict=True)
        return [np.concatenate([unit(f), 0.5 * unit(h)], axis=1) for f, h in pairs]

    return beside(query), beside(target)


def power_of(frames: Features, exponent: float, shrink: float = 0.1) -> Features:
    """The covariance of frames (N, F), drawn towards a ball by the share `shrink`, to a power."""
    covariance = np.cov(frames.T)
    ball = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh((1 - shrink) * covariance + shrink * ball)
    return np.asarray((vectors * values**exponent) @ vectors.T, np.float32)


def recoloured(query: Frames, target: Frames) -> tuple[list[Features], list[Features]]:
    """The query brought to the target's covariance over speech (CORAL: Sun, Feng and Saenko 2016)."""

    def speech(voice: Frames) -> Features:
        return np.concatenate([f[m] for f, m in zip(voice.features, voice.speech, strict=True)])

    matrix = power_of(speech(query), -0.5) @ power_of(speech(target), 0.5)
    return [f @ matrix for f in query.features], target.features


def mean_of(count: int) -> Assembled:
    return lambda cepstra, _, rows: cepstra[rows[:, :count]].mean(axis=1)


def as_conversion_weighs(cepstra: Features, likeness: NDArray[np.float32], rows: Rows) -> Features:
    """Eight neighbours by 1 / distance^4, as `infer.retrieval` blends them."""
    weights = 1 / np.square(np.maximum(2 - 2 * likeness[:, :8], 1e-6))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((cepstra[rows[:, :8]] * weights[..., None]).sum(axis=1), np.float32)


def in_one_run(cepstra: Features, likeness: NDArray[np.float32], rows: Rows, jump: float = 0.2) -> Features:
    """One of 32 candidates a frame, a jump to a frame that does not follow costing `jump` (Hunt and Black 1996)."""
    total = 1.0 - likeness[0]
    back = np.zeros(rows.shape, np.int64)
    for t in range(1, len(rows)):
        ahead = rows[t][:, None] - rows[t - 1][None, :]
        steps = total[None, :] + np.where((ahead >= 0) & (ahead <= 2), 0.0, jump)
        back[t] = steps.argmin(axis=1)
        total = steps.min(axis=1) + 1.0 - likeness[t]
    chosen = np.empty(len(rows), np.int64)
    at = int(total.argmin())
    for t in range(len(rows) - 1, -1, -1):
        chosen[t] = rows[t, at]
        at = int(back[t, at])
    return cepstra[chosen]


WAYS: dict[str, tuple[Compared, Assembled]] = {
    "four nearest, their mean": (plain, mean_of(4)),
    "the nearest": (plain, mean_of(1)),
    "eight nearest, their mean": (plain, mean_of(8)),
    "eight, weighed as conversion does": (plain, as_conversion_weighs),
    "one of 32, jumps cost": (plain, in_one_run),
    "four, in context": (in_context, mean_of(4)),
    "four, posteriors beside": (with_posteriors, mean_of(4)),
    "four, target's covariance": (recoloured, mean_of(4)),
}


def frames_of(encoder: PhoneEncoder, parallel: Parallel, voice: str) -> Frames:
    said = parallel.voices[voice]
    spoken = spoken_by(said, Feature("", lambda audio: encoder.encode(torch.from_numpy(audio))[0].numpy(), level))
    heard = [encoder.posteriors(torch.from_numpy(u.audio))[0].sqrt().numpy() for u in said]
    speech = [speech_frames(torch.from_numpy(u.audio)).numpy() for u in said]
    return Frames([s.features for s in spoken], heard, speech, spoken)


def figures(query: Frames, target: Frames, cuts: list[Features], every: int, way: str) -> Iterator[tuple[float, float]]:
    """Agreement and distortion of each sentence asked for, one in `every`, from the others of the target."""
    compare, assemble = WAYS[way]
    asked, found = compare(query, target)
    there = [index for index in range(len(found)) if index % every]
    pool = unit(np.concatenate([found[i] for i in there]))
    phones = np.concatenate([target.spoken[i].phones for i in there])
    cepstra = np.concatenate([cuts[i] for i in there])
    for i in range(0, len(asked), every):
        likeness = unit(asked[i]) @ pool.T
        rows = np.argsort(-likeness, axis=1)[:, :CANDIDATES]
        named = query.spoken[i].phones
        chosen = (named >= 0) & (named != SILENT)
        made = assemble(cepstra, np.take_along_axis(likeness, rows, axis=1), rows)
        own = target.spoken[i].phones != SILENT
        yield float(np.mean(phones[rows[chosen, 0]] == named[chosen])), distortion(made, cuts[i], own)


def whitened(speech: Features) -> Map:
    levelled = level(speech)
    matrix = power_of(levelled(speech), -0.5)
    return lambda frames: np.asarray(levelled(frames) @ matrix, np.float32)


def named(encoder: PhoneEncoder, parallel: Parallel, fit: Fit) -> float:
    """How often the deeper probe names the speaker of a frame."""
    speakers = [
        [
            Recording(
                encoder.encode(torch.from_numpy(u.audio))[0].numpy(),
                speech_frames(torch.from_numpy(u.audio)).numpy(),
                u.text,
            )
            for u in said
        ]
        for said in parallel.voices.values()
    ]
    return speaker_accuracy(speakers, hidden=HIDDEN, fit=fit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, help="CSV with a column text: sentences to say besides the recipe's")
    given = parser.parse_args().sentences
    torch.set_num_threads(1)
    encoder = load_phone_encoder()
    for title, parallel in flite_voices(["awb", "rms"], given_sentences(given) if given else None).items():
        voices = {voice: frames_of(encoder, parallel, voice) for voice in parallel.voices}
        print(f"\n| {title} | same phone | distance |\n|---|---|---|")
        for way in WAYS:
            pairs = permutations(voices, 2)
            found = [
                f for a, b in pairs for f in figures(voices[a], voices[b], parallel.cepstra[b], parallel.every, way)
            ]
            phone, apart = np.mean(found, axis=0)
            print(f"| {way} | {phone:.3f} | {apart:.2f} dB |", flush=True)
        own = [
            f
            for v in voices
            for f in figures(voices[v], voices[v], parallel.cepstra[v], parallel.every, next(iter(WAYS)))
        ]
        phone, apart = np.mean(own, axis=0)
        print(f"| four, asked by the target itself | {phone:.3f} | {apart:.2f} dB |")
        print(f"\nspeaker named: normalised {named(encoder, parallel, level):.2f}", end=", ")
        print(f"whitened {named(encoder, parallel, whitened):.2f}", flush=True)


if __name__ == "__main__":
    main()
