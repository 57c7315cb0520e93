"""Train the network that tells gaps from words: `python -m curator.recipes.boundaries OUT.npz` (three CPU minutes).

The material is made here: single words and short phrases of espeak-ng's voices (the extra `demo`), in four languages,
and of flite's where it is installed, cut to where they sound and joined with random gaps, so that every edge is known.
Weak sounds are made weaker for half of them. What is joined is heard in rooms (Polack's decaying white noise, and that
of the overlap recipe), under steady, fluttering, bursting and tonal noise, at 8 to 16 kHz, and turned down; then it is
measured as a recording is, and the network learns of every 10 ms whether a cut there would lie inside a word.
"""

from __future__ import annotations

import argparse
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import audio
from curator import boundaries, vad
from curator.activity import ActivityMeter, Tracks
from curator.frames import FRAMES_A_SECOND, runs
from curator.recipes.overlap import effects

RATE = vad.RATE
Floats = npt.NDArray[np.float32]
Times = list[tuple[float, float]]
VARIANTS = """
f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 klatt klatt2 klatt3 klatt4 croak whisper Alex Alicia Andrea Andy Annie
Diogo Gene Hugo Jacky Lee Marco Mario Michael Mike Reed Storm adam anika antonio belinda boris caleb david
edward grandma grandpa ian john linda max miguel norbert paul pedro quincy rob sandro shelby steph travis
victor zac
"""
FLITE = ("kal16", "awb", "rms", "slt")
LANGUAGES = ("de", "es", "it")
PHRASES = 0.17
"""Share of what is said that is two to four words without a gap: inside of those no cut is right either."""
GAPS_S = (0.06, 0.1, 0.1, 0.2, 0.4)
MARGIN_S = 0.015
SOUNDING = 10**-3.5
CHANNELS, BATCH, RATE_OF_LEARNING, DECAY = 32, 1024, 4e-3, 1e-2
HELD_OUT = 10


@dataclass(frozen=True)
class Lesson:
    """One joined recording: what the network sees of each cut, and whether the cut lies inside a word."""

    seen: Floats
    """(cuts, 152)."""
    inside: npt.NDArray[np.bool_]


def main() -> None:
    """Make the words, join them, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--words", type=int, default=60, help="how much every voice says")
    parser.add_argument("--passes", type=int, default=3, help="how often every voice's words are joined")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    voices = list(said(random, options.words))
    print(f"{len(voices)} voices, {sum(map(len, voices))} words and phrases", flush=True)
    lessons = [[lesson(random, words) for words in voices] for _ in range(options.passes)]
    kept = [each for round_ in lessons for number, each in enumerate(round_) if number % HELD_OUT]
    held = [each for round_ in lessons for number, each in enumerate(round_) if number % HELD_OUT == 0]
    weights = train(kept, options.epochs, options.seed)
    print(judged(weights, held or kept))
    stored: dict[str, Any] = {name: weight.astype(np.float16) for name, weight in weights.items()}
    np.savez(options.out, **stored)


def said(random: np.random.Generator, words: int) -> Iterator[list[Floats]]:
    """What each voice says, at 16 kHz, cut to where it sounds."""
    from trainer.recipes.phone_encoder import sentences
    from trainer.recipes.phone_encoder.speak import Espeak, Manner, flite_program, say_flite

    speaker = Espeak()
    english = " ".join(sentences.english(40 * words, int(random.integers(1 << 30))))
    accents = [(f"{('en-us', 'en-gb-x-rp')[n % 2]}+{variant}", english) for n, variant in enumerate(VARIANTS.split())]
    for language in LANGUAGES:
        text = " ".join(sentences.other(language, 10 * words, int(random.integers(1 << 30))))
        accents += [(f"{language}+{random.choice(VARIANTS.split())}", text) for _ in range(4)]
    for voice, text in accents:
        manners = [
            Manner(*(int(random.integers(a, b)) for a, b in ((110, 260), (5, 95), (10, 90)))) for _ in range(words)
        ]
        takes = [speaker.wave(what, voice, how) for what, how in zip(_drawn(random, text, words), manners, strict=True)]
        yield [part for wave, rate in takes for part in _sounding(audio.resample(wave, rate, RATE))]
    for voice in FLITE if flite_program() else ():
        for hz in 75 * 2 ** random.uniform(0, 2, 2):
            takes = [
                (say_flite(what, voice, f0=float(hz), stretch=float(random.uniform(0.7, 1.4))).audio, RATE)
                for what in _drawn(random, english, words)
            ]
            yield [part for wave, _ in takes for part in _sounding(wave)]


def _drawn(random: np.random.Generator, text: str, count: int) -> list[str]:
    """Words of a text, and some phrases of two to four of them."""
    words = sorted(set(text.lower().replace(".", " ").replace(",", " ").replace("?", " ").split()))
    lengths = np.where(random.random(count) < PHRASES, random.integers(2, 5, count), 1)
    return [" ".join(random.choice(words, length)) for length in lengths]


def _sounding(wave: Floats) -> list[Floats]:
    """The wave from the first to the last 30 ms within 35 dB of its loudest 10 ms; nothing of less than 80 ms."""
    hop = RATE // FRAMES_A_SECOND
    power = np.square(wave[: len(wave) // hop * hop]).reshape(-1, hop).mean(axis=1)
    loud = [part for part in runs(power > power.max(initial=0) * SOUNDING) if part[1] - part[0] >= 3]
    cut = wave[loud[0][0] * hop : loud[-1][1] * hop] if loud else wave[:0]
    return [np.asarray(cut, np.float32)] if len(cut) >= 8 * hop else []


def lesson(random: np.random.Generator, words: list[Floats]) -> Lesson:
    """Some of a voice's words joined, degraded, and measured as a recording is."""
    wave, times = joined(random, words)
    wave, rate = degraded(random, wave, times)
    meter = ActivityMeter(rate)
    meter.feed(wave)
    tracks = Tracks.of(meter.finish()[0], len(wave), rate)
    first, last = int(times[0][0] * FRAMES_A_SECOND), min(int(times[-1][1] * FRAMES_A_SECOND), len(tracks.level))
    return Lesson(boundaries.windows(tracks, first, last), inside(np.arange(first, last) / FRAMES_A_SECOND, times))


def inside(cuts_s: npt.NDArray[np.float64], words: Times) -> npt.NDArray[np.bool_]:
    """Whether each cut (s) lies more than 15 ms inside one of the words, which are in order."""
    starts, ends = (np.array(side) for side in zip(*words, strict=True))
    before = np.searchsorted(starts + MARGIN_S, cuts_s) - 1
    return np.asarray((before >= 0) & (cuts_s < ends[np.maximum(before, 0)] - MARGIN_S))


def joined(random: np.random.Generator, words: list[Floats]) -> tuple[Floats, Times]:
    """35 to 60 words in random order, of random loudness, with random gaps; and the time of each, s."""
    longest = random.choice(GAPS_S)
    parts, times, position = [np.zeros(RATE // 2, np.float32)], [], RATE // 2
    for number in random.choice(len(words), int(random.integers(35, 60))):
        for word in _sounding(weaker(random, words[number])):
            gap = np.zeros(round(random.uniform(0, longest) * RATE), np.float32)
            times.append((position / RATE, (position + len(word)) / RATE))
            parts += [np.asarray(word * 10 ** (random.normal(0, 2.5) / 20), np.float32), gap]
            position += len(word) + len(gap)
    return np.concatenate([*parts, np.zeros(RATE // 2, np.float32)]), times


def weaker(random: np.random.Generator, word: Floats) -> Floats:
    """A word, for half of them with its weak sounds weaker still, as careless speakers make them."""
    if random.random() < 0.5:
        return word
    power = np.convolve(word * word, np.full(RATE // 50, 50 / RATE), "same")
    return np.asarray(word * (power / max(power.max(), 1e-12) + 1e-6) ** random.uniform(0, 0.35), np.float32)


def degraded(random: np.random.Generator, wave: Floats, words: Times) -> tuple[Floats, int]:
    """The wave in a room for two of three, in noise for half, always with some room tone; and its new rate in Hz."""
    power = float(np.mean(np.concatenate([wave[round(a * RATE) : round(b * RATE)] for a, b in words]) ** 2))
    if random.random() < 0.65:
        wave = polack(random, wave) if random.random() < 0.5 else effects.heard(random, wave, random.uniform(0.15, 0.8))
    if random.random() < 0.5:
        pieces: list[Floats] = []
        while sum(map(len, pieces)) < len(wave):
            pieces.append(noise(random, int(RATE * random.uniform(3, 8))))
        wave = wave + np.concatenate(pieces)[: len(wave)] * np.sqrt(power) * 10 ** (-random.uniform(8, 30) / 20)
    wave = wave + effects.hiss(random, len(wave)) * np.sqrt(power) * 10 ** (-random.uniform(35, 60) / 20)
    wave = np.asarray(wave / np.abs(wave).max() * 10 ** (-random.uniform(0, 25) / 20), np.float32)
    rate = int(random.choice([8000, 8000, 12_000, 16_000, 16_000]))
    return audio.resample(wave, RATE, rate), rate


def polack(random: np.random.Generator, wave: Floats) -> Floats:
    """The wave in a room after Polack (1988): white noise that decays by 60 dB in 0.2 to 0.7 s, 0 to 9 dB below."""
    from scipy.signal import fftconvolve

    rt60_s = random.uniform(0.2, 0.7)
    time = np.arange(round(1.2 * rt60_s * RATE)) / RATE
    tail = random.normal(size=len(time)) * 10 ** (-3 * time / rt60_s)
    tail[: round(random.uniform(0.002, 0.02) * RATE)] = 0
    tail *= 10 ** (-random.uniform(0, 9) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(fftconvolve(wave, tail)[: len(wave)], np.float32)


def noise(random: np.random.Generator, samples: int) -> Floats:
    """Noise of unit power: an engine; or hiss that is steady, flutters, or has bursts or tones in it."""
    kind = random.integers(5)
    if kind == 0:
        return effects.motor(random, samples)
    out = np.asarray(effects.hiss(random, samples), np.float64)
    if kind == 1:
        knots = max(2, int(samples / RATE * random.uniform(2, 20)))
        swell = 10 ** random.normal(0, random.uniform(0.1, 0.4), knots)
        out *= np.interp(np.arange(samples), np.linspace(0, samples - 1, knots), swell)
    elif kind in (2, 3):
        out *= random.uniform(0.02, 0.5)
        a_second, shortest = ((1, 30), -2.5) if kind == 2 else ((0.5, 4), -1.5)
        for at in random.integers(0, samples, int(samples / RATE * random.uniform(*a_second))):
            length = int(RATE * 10 ** random.uniform(shortest, -0.7 if kind == 2 else 0))
            event = _burst(random, length) if kind == 2 else _tone(random, length)
            out[at : at + length] += event[: samples - at]
    return np.asarray(out / effects.rms(np.asarray(out, np.float32)), np.float32)


def _burst(random: np.random.Generator, samples: int) -> Floats:
    fall = np.exp(-np.arange(samples) / (samples / 4))
    return np.asarray(10 ** random.normal(0, 0.3) * effects.hiss(random, samples + 64)[:samples] * fall, np.float32)


def _tone(random: np.random.Generator, samples: int) -> Floats:
    hz = 10 ** random.uniform(2.3, 3.7) * 2 ** np.cumsum(random.normal(0, 5e-4, samples))
    return np.asarray(np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.hanning(samples), np.float32)


def train(lessons: list[Lesson], epochs: int, seed: int) -> dict[str, Floats]:
    """The weights after so many epochs: cross entropy, AdamW, one cycle of the rate of learning."""
    import torch

    torch.manual_seed(seed)
    seen = torch.from_numpy(np.concatenate([each.seen for each in lessons]))
    wanted = torch.from_numpy(np.concatenate([each.inside for each in lessons]).astype(np.float32))
    network = torch_network()
    steps = max(1, len(seen) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), RATE_OF_LEARNING, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_OF_LEARNING, total_steps=epochs * steps + 1)
    for epoch in range(epochs):
        lost = 0.0
        order = torch.randperm(len(seen))
        for step in range(steps):
            batch = order[step * BATCH : (step + 1) * BATCH]
            loss: Any = torch.nn.functional.binary_cross_entropy_with_logits(network(seen[batch])[:, 0], wanted[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            lost += float(loss.detach()) / steps
        print(f"epoch {epoch + 1}: {lost:.4f}", flush=True)
    return {name: weight.detach().numpy() for name, weight in network.named_parameters()}


def torch_network() -> Any:
    """The network as torch trains it; its parameters have the names that `boundaries.forward` looks for."""
    import torch

    return torch.nn.Sequential(
        OrderedDict(
            {
                "first": torch.nn.Linear(boundaries.INPUTS, CHANNELS),
                "bend": torch.nn.ReLU(),
                "second": torch.nn.Linear(CHANNELS, CHANNELS),
                "bend_again": torch.nn.ReLU(),
                "out": torch.nn.Linear(CHANNELS, 1),
            }
        )
    )


def judged(weights: dict[str, Floats], lessons: list[Lesson]) -> str:
    """In words, how often cuts of little probability lie inside a word after all."""
    score = boundaries.forward(np.concatenate([each.seen for each in lessons]), weights)
    truth = np.concatenate([each.inside for each in lessons])
    said = []
    for least in (0.003, 0.01, 0.03, 0.1):
        chosen = score < np.log(least / (1 - least))
        wrong = f"{truth[chosen].mean():.2%} of them inside a word" if chosen.any() else "none"
        said.append(f"below {least:g}: {chosen.mean():.1%} of the cuts, {wrong}")
    return "voices held out: " + "; ".join(said)


if __name__ == "__main__":
    main()
