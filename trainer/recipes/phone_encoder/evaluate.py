"""`python -m trainer.recipes.phone_encoder.evaluate`: the encoder against cepstra, on voices it never heard.

Synthesized voices come from flite when it is installed (exact phone times); real ones from a folder with a table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from catalog.errors import CuratorError
from infer.phone_encoder import (
    MEL_HOP,
    PHONES,
    LogMel,
    PhoneEncoder,
    level_gain,
    load_phone_encoder,
    packaged_weights,
    read_card,
    speech_frames,
)
from trainer.recipes.phone_encoder import measures, sentences
from trainer.recipes.phone_encoder.align import Aligner, read_speech, read_table
from trainer.recipes.phone_encoder.corpus import HELD_OUT_VOICES
from trainer.recipes.phone_encoder.labels import UNKNOWN, Segment, Utterance, frame_labels, phone_numbers
from trainer.recipes.phone_encoder.measures import Features, Spoken
from trainer.recipes.phone_encoder.speak import flite_program, say_flite

Extractor = Callable[[NDArray[np.float32]], Features]
Voices = dict[str, list[Utterance]]


@dataclass(frozen=True)
class Feature:
    """A content feature by name, and whether it is normalised per voice."""

    name: str
    extract: Extractor
    normalise: bool


def cepstra(order: int = 20) -> Extractor:
    """The baseline: `order` cepstra of 64 log mel bands with first and second differences, at 50 Hz."""
    front = LogMel(64)
    angle = (np.arange(64) + 0.5) * np.pi / 64
    basis = np.cos(np.arange(1, order + 1)[:, None] * angle).astype(np.float32)

    def extract(audio: NDArray[np.float32]) -> Features:
        wave = torch.from_numpy(audio)[None]
        static = front(wave * level_gain(wave))[0].numpy() @ basis.T
        slope = np.gradient(static, axis=0)
        return np.concatenate([static, slope, np.gradient(slope, axis=0)], axis=1)[::2].astype(np.float32)

    return extract


def features_of(encoder: PhoneEncoder) -> list[Feature]:
    """What the table compares."""

    def bottleneck(audio: NDArray[np.float32]) -> Features:
        return encoder.encode(torch.from_numpy(audio))[0].numpy()

    def heard(audio: NDArray[np.float32]) -> Features:
        return encoder.posteriors(torch.from_numpy(audio))[0].sqrt().numpy()

    return [
        Feature("cepstra, per voice", cepstra(), True),
        Feature("phone posteriors", heard, False),
        Feature("encoder, raw", bottleneck, False),
        Feature("encoder, per voice", bottleneck, True),
    ]


def spoken_by(utterances: list[Utterance], feature: Feature) -> list[Spoken]:
    """The utterances of one voice as features with the phone of each 20 ms frame."""
    said, masks = [], []
    for utterance in utterances:
        values = feature.extract(utterance.audio)
        classes = frame_labels(utterance.segments, (len(utterance.audio) - 400) // MEL_HOP + 1)[::2]
        said.append(Spoken(values, phone_numbers(classes)[: len(values)], utterance.text))
        masks.append(speech_frames(torch.from_numpy(utterance.audio)).numpy())
    return measures.normalised(said, masks) if feature.normalise else said


def flite_voices(count: int = 40) -> Voices:
    """The sentences kept for measuring, said by the flite voices kept for measuring."""
    return {voice: [say_flite(text, voice) for text in sentences.MEASURING[:count]] for voice in HELD_OUT_VOICES}


def real_voices(table: Path, speakers: list[str], most: int) -> Voices:
    """Up to `most` recordings of each speaker of a table that can be aligned with their text."""
    aligner, voices = Aligner(), {speaker: [] for speaker in speakers}  # type: tuple[Aligner, Voices]
    for path, text, speaker in read_table(table):
        if speaker in voices and text and len(voices[speaker]) < most and path.exists():
            audio = read_speech(path)
            segments = aligner.align(audio, text)
            if segments:
                voices[speaker].append(Utterance(audio, segments, speaker, text))
    return {speaker: said for speaker, said in voices.items() if len(said) >= 4}


def parallel_voices(table: Path, speakers: list[str]) -> Voices:
    """One recording of every sentence of each speaker, in any language; no phones are needed to compare sentences."""
    voices: Voices = {speaker: [] for speaker in speakers}
    for path, text, speaker in read_table(table):
        if speaker in voices and text and path.exists() and text not in {u.text for u in voices[speaker]}:
            audio = read_speech(path)
            voices[speaker].append(Utterance(audio, (Segment(None, 0.0, len(audio) / 16000),), speaker, text))
    return voices


def agreement(first: list[Spoken], second: list[Spoken]) -> tuple[float, float]:
    """Phone and class agreement, every third utterance of one voice asked in the other two thirds of the other."""
    pool = [spoken for index, spoken in enumerate(second) if index % 3]
    return measures.phone_agreement(first[::3], pool)


def distance(first: list[Spoken], second: list[Spoken], target: list[Utterance]) -> float:
    """Mean converted distance in dB of every third sentence of a parallel pair, from the rest of the target."""
    cuts = [measures.mel_cepstra(u.audio, len(s.features)) for u, s in zip(target, second, strict=True)]
    pool = [index for index in range(len(second)) if index % 3]
    found = [
        measures.converted_distance(first[i], [second[j] for j in pool], [cuts[j] for j in pool], second[i], cuts[i])
        for i in range(0, len(first), 3)
    ]
    return float(np.mean(found))


def measure(feature: Feature, flite: Voices, real: Voices, heard: set[str], parallel: Voices) -> dict[str, float]:
    """Every figure of one feature: flite pairs, pairs of people, pairs who say the same sentences, speed.

    A voice of `heard`, one that training knew, is only ever the target of a pair.
    """
    figures: dict[str, float] = {}
    synthetic = {voice: spoken_by(said, feature) for voice, said in flite.items()}
    pairs = list(permutations(synthetic, 2))
    if pairs:
        found = [agreement(synthetic[a], synthetic[b]) for a, b in pairs]
        figures["synthesizers: same phone"], figures["synthesizers: same class"] = np.mean(found, axis=0)
        gaps = [distance(synthetic[a], synthetic[b], flite[b]) for a, b in pairs]
        figures["synthesizers: distance dB"] = float(np.mean(gaps))
        figures["synthesizers: leak"] = measures.speaker_leak(list(synthetic.values()))
    people = {voice: spoken_by(said, feature) for voice, said in real.items()}
    for kind in ("unheard", "heard"):
        chosen = [
            pair for pair in permutations(people, 2) if pair[0] not in heard and (pair[1] in heard) == (kind == "heard")
        ]
        if chosen:
            found = [agreement(people[a], people[b]) for a, b in chosen]
            title = f"people to {kind} target"
            figures[f"{title}: same phone"], figures[f"{title}: same class"] = np.mean(found, axis=0)
    for a, b in combinations(parallel, 2):
        if len({u.text for u in parallel[a]} & {u.text for u in parallel[b]}) > 1:
            one, two = spoken_by(parallel[a], feature), spoken_by(parallel[b], feature)
            figures[f"{a}, {b}: sentence contrast"] = measures.sentence_contrast(one, two)
            figures[f"{a}, {b}: leak"] = measures.speaker_leak([one, two])
    figures["times real time"] = speed(feature)
    return {name: round(float(value), 3) for name, value in figures.items()}


def speed(feature: Feature, seconds: int = 30) -> float:
    """Seconds of audio worked on in one second on one thread, the best of three."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    noise = np.random.default_rng(0).standard_normal(16000 * seconds).astype(np.float32) * 0.1
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        feature.extract(noise)
        taken.append(time.perf_counter() - begun)
    torch.set_num_threads(threads)
    return seconds / min(taken)


def accuracy(encoder: PhoneEncoder, voices: Voices) -> float:
    """Share of spoken frames whose most probable phone is the labelled one."""
    right = total = 0
    for utterance in (u for said in voices.values() for u in said):
        guess = encoder.posteriors(torch.from_numpy(utterance.audio))[0].argmax(-1).numpy()
        classes = frame_labels(utterance.segments, (len(utterance.audio) - 400) // MEL_HOP + 1)[::2]
        truth = phone_numbers(classes)[: len(guess)]
        chosen = (truth != UNKNOWN) & (truth != len(PHONES) - 1)
        right, total = right + int((guess == truth)[chosen].sum()), total + int(chosen.sum())
    return right / max(total, 1)


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as a Markdown table, one column a feature."""
    names = list(figures)
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for row in next(iter(figures.values())):
        lines.append(f"| {row} | " + " | ".join(f"{figures[name][row]:g}" for name in names) + " |")
    return "\n".join(lines)


@click.command()
@click.option("--weights", type=click.Path(path_type=Path, exists=True), help="Weights; the packaged ones if left out.")
@click.option("--table", "rows", type=click.Path(path_type=Path, exists=True), help="CSV: path, text, speaker.")
@click.option("--speakers", default="", help="Speakers of the table to measure on, with commas.")
@click.option("--heard", default="", help="Those of them that training heard, with commas: only targets then.")
@click.option("--parallel", default="", help="Speakers of the table who say the same sentences, any language.")
@click.option("--most", default=45, show_default=True, help="Recordings a speaker.")
@click.option("--into-card", is_flag=True, help="Write the figures into the card beside the weights, too.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def main(
    weights: Path | None,
    rows: Path | None,
    speakers: str,
    heard: str,
    parallel: str,
    most: int,
    into_card: bool,
    as_json: bool,
) -> None:
    """Measure the encoder against cepstra on voices it never heard."""
    try:
        encoder = load_phone_encoder(weights)
        flite = flite_voices() if flite_program() else {}
        real = real_voices(rows, _names(speakers), most) if rows and speakers else {}
        together = parallel_voices(rows, _names(parallel)) if rows else {}
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    known = set(_names(heard))
    figures = {f.name: measure(f, flite, real, known, together) for f in features_of(encoder)}
    unheard = {voice: said for voice, said in real.items() if voice not in known}
    rights = {"synthesizers": accuracy(encoder, flite), "people": accuracy(encoder, unheard)}
    found = {"version": encoder.version, "features": figures, "frame_accuracy": rights}
    if into_card:
        write_figures(weights or packaged_weights(), found)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    click.echo(table(figures))
    click.echo(f"\nencoder {encoder.version}; frames whose phone is right: ", nl=False)
    click.echo(", ".join(f"{name} {value:.1%}" for name, value in rights.items() if value))


def write_figures(weights: Path, found: dict[str, Any]) -> None:
    """Puts the figures into the card beside `weights`; speed is left out, because it is of one machine."""
    card = read_card(weights)
    card["figures"] = {
        name: {row: value for row, value in rows.items() if row != "times real time"}
        for name, rows in found["features"].items()
    }
    card["frame_accuracy"] = {name: round(value, 3) for name, value in found["frame_accuracy"].items()}
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    weights.with_suffix(".json").write_text(text, encoding="utf-8")


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
