"""`python -m trainer.recipes.phone_encoder.evaluate`: the encoder against cepstra, on voices it never heard.

Synthesized voices come from flite when it is installed (exact phone times); real ones from a folder with a table.
Which voices are measured on is gathered in `voices.py`, what is measured in `measures.py` and `identity.py`.
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
from infer.phonetic import FILE, Phonetic, load_phonetic
from trainer.recipes.phone_encoder import measures
from trainer.recipes.phone_encoder.corpus import training_voices
from trainer.recipes.phone_encoder.identity import HIDDEN, Recording, speaker_accuracy
from trainer.recipes.phone_encoder.labels import UNKNOWN, Utterance, frame_labels, phone_numbers
from trainer.recipes.phone_encoder.measures import Spoken
from trainer.recipes.phone_encoder.normalise import Features, Fit, correlations, level, recolour
from trainer.recipes.phone_encoder.speak import flite_program
from trainer.recipes.phone_encoder.voices import (
    Parallel,
    Voices,
    alike,
    flite_voices,
    given_sentences,
    real_voices,
    say_all,
)

Extractor = Callable[[NDArray[np.float32]], Features]


@dataclass(frozen=True)
class Feature:
    """A content feature by name, and how it is normalised per voice, if it is."""

    name: str
    extract: Extractor
    fit: Fit | None = None


@dataclass(frozen=True)
class Material:
    """What is measured on: synthesized sets by name, people, those of them that training heard, people by text."""

    synthetic: dict[str, Parallel]
    real: Voices
    heard: frozenset[str]
    alike: list[Voices]


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


def features_of(
    encoder: PhoneEncoder, heard: list[list[Utterance]] | None = None, phonetic: Phonetic | None = None
) -> list[Feature]:
    """What the table compares; `heard` is what voices that training heard say: how their features go together."""

    def bottleneck(audio: NDArray[np.float32]) -> Features:
        return encoder.encode(torch.from_numpy(audio))[0].numpy()

    def posteriors(audio: NDArray[np.float32]) -> Features:
        return encoder.posteriors(torch.from_numpy(audio))[0].sqrt().numpy()

    found = [
        Feature("cepstra, per voice", cepstra(), level),
        Feature("phone posteriors", posteriors),
        Feature("phone names", names_of(encoder)),
        Feature("encoder, raw", bottleneck),
        Feature("encoder, per voice", bottleneck, level),
    ]
    if heard:
        reference = correlations([speech_of(said, bottleneck) for said in heard])
        found.append(Feature("encoder, recoloured", bottleneck, recolour(reference)))
    if phonetic:
        found.append(Feature("phonetic, names", names_of(phonetic.network)))
        found.append(Feature("phonetic", lambda audio: phonetic.encode(torch.from_numpy(audio))[0].numpy()))
    return found


def names_of(network: PhoneEncoder) -> Extractor:
    """The most probable phone of each frame and nothing else, one of 40."""

    def extract(audio: NDArray[np.float32]) -> Features:
        likely = network.posteriors(torch.from_numpy(audio))[0].argmax(-1).numpy()
        return np.asarray(likely[:, None] == np.arange(len(PHONES)), np.float32)

    return extract


def speech_of(said: list[Utterance], extract: Extractor) -> Features:
    """The features (N, F) of all speech frames of one voice."""
    return np.concatenate([extract(u.audio)[speech_frames(torch.from_numpy(u.audio)).numpy()] for u in said])


def spoken_by(utterances: list[Utterance], feature: Feature) -> list[Spoken]:
    """The utterances of one voice as features with the phone of each 20 ms frame."""
    said, masks = [], []
    for utterance in utterances:
        values = feature.extract(utterance.audio)
        classes = frame_labels(utterance.segments, (len(utterance.audio) - 400) // MEL_HOP + 1)[::2]
        said.append(Spoken(values, phone_numbers(classes)[: len(values)], utterance.text))
        masks.append(speech_frames(torch.from_numpy(utterance.audio)).numpy())
    return measures.normalised(said, masks, feature.fit) if feature.fit else said


def agreement(first: list[Spoken], second: list[Spoken], every: int = 3) -> tuple[float, float]:
    """Phone and class agreement: one in `every` utterances of a voice asked in the other utterances of the second."""
    pool = [spoken for index, spoken in enumerate(second) if index % every]
    return measures.phone_agreement(first[::every], pool)


def distance(first: list[Spoken], second: list[Spoken], cuts: list[Features], every: int = 3) -> float:
    """Mean converted distance in dB of one in `every` sentences of a parallel pair, from the rest of the target.

    `cuts` are the mel-cepstra of `second`.
    """
    pool = [index for index in range(len(second)) if index % every]
    found = [
        measures.converted_distance(first[i], [second[j] for j in pool], [cuts[j] for j in pool], second[i], cuts[i])
        for i in range(0, len(first), every)
    ]
    return float(np.mean(found))


def measure(feature: Feature, material: Material) -> dict[str, float]:
    """Every figure of one feature: synthesized pairs, pairs of people, who speaks, speed."""
    figures: dict[str, float] = {}
    for title, parallel in material.synthetic.items():
        figures |= synthetic_figures(feature, title, parallel)
    figures |= people_figures(feature, material.real, material.heard)
    for voices in material.alike:
        figures |= alike_figures(feature, voices)
    figures["times real time"] = speed(feature)
    return {name: round(float(value), 3) for name, value in figures.items()}


def synthetic_figures(feature: Feature, title: str, parallel: Parallel) -> dict[str, float]:
    """Agreement and distance over all ordered pairs of voices that say the same sentences, and who speaks."""
    spoken = {voice: spoken_by(said, feature) for voice, said in parallel.voices.items()}
    pairs = list(permutations(spoken, 2))
    found = [agreement(spoken[a], spoken[b], parallel.every) for a, b in pairs]
    gaps = [distance(spoken[a], spoken[b], parallel.cepstra[b], parallel.every) for a, b in pairs]
    phone, kind = np.mean(found, axis=0)
    figures = {
        f"{title}: same phone": phone,
        f"{title}: same class": kind,
        f"{title}: distance dB": float(np.mean(gaps)),
    }
    return figures | identity_figures(feature, title, parallel.voices)


def people_figures(feature: Feature, real: Voices, heard: frozenset[str]) -> dict[str, float]:
    """Agreement over ordered pairs of people; a voice of `heard`, one that training knew, is only ever the target."""
    figures: dict[str, float] = {}
    people = {voice: spoken_by(said, feature) for voice, said in real.items()}
    for kind in ("unheard", "heard"):
        chosen = [
            pair for pair in permutations(people, 2) if pair[0] not in heard and (pair[1] in heard) == (kind == "heard")
        ]
        if chosen:
            found = [agreement(people[a], people[b]) for a, b in chosen]
            title = f"people to {kind} target"
            figures[f"{title}: same phone"], figures[f"{title}: same class"] = np.mean(found, axis=0)
    return figures


def alike_figures(feature: Feature, voices: Voices) -> dict[str, float]:
    """People who say the same texts: how alone a sentence stands, pair by pair, and who speaks."""
    figures: dict[str, float] = {}
    once = {voice: spoken_by(_one_of_each(said), feature) for voice, said in voices.items()}
    for a, b in combinations(voices, 2):
        figures[f"{a}, {b}: sentence contrast"] = measures.sentence_contrast(once[a], once[b])
    return figures | identity_figures(feature, ", ".join(voices), voices)


def identity_figures(feature: Feature, title: str, voices: Voices) -> dict[str, float]:
    """How often the speaker of a frame is named, by a probe without and one with a hidden layer."""
    speakers = [
        [Recording(feature.extract(u.audio), speech_frames(torch.from_numpy(u.audio)).numpy(), u.text) for u in said]
        for said in voices.values()
    ]
    chance = f"(chance {1 / len(speakers):.2f})"
    return {
        f"{title}: speaker {chance}": speaker_accuracy(speakers, fit=feature.fit),
        f"{title}: speaker, deeper probe {chance}": speaker_accuracy(speakers, hidden=HIDDEN, fit=feature.fit),
    }


def _one_of_each(said: list[Utterance]) -> list[Utterance]:
    return list({utterance.text: utterance for utterance in reversed(said)}.values())[::-1]


def speed(feature: Feature, seconds: int = 30) -> float:
    """Seconds of audio worked on in one second of one processor, on one thread, the best of three."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    noise = np.random.default_rng(0).standard_normal(16000 * seconds).astype(np.float32) * 0.1
    taken = []
    for _ in range(3):
        begun = time.process_time()
        feature.extract(noise)
        taken.append(time.process_time() - begun)
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
@click.option(
    "--sentences", type=click.Path(path_type=Path, exists=True), help="CSV with a column text: flite says it."
)
@click.option("--voices", default="", help="flite voices to measure on; those that training did not hear if left out.")
@click.option("--table", "rows", type=click.Path(path_type=Path, exists=True), help="CSV: path, text, speaker.")
@click.option("--speakers", default="", help="Speakers of the table to measure on, with commas.")
@click.option("--heard", default="", help="Those of them that training heard, with commas: only targets then.")
@click.option("--parallel", default="", help="Speakers of the table who say the same sentences, any language.")
@click.option("--most", default=45, show_default=True, help="Recordings a speaker that are aligned.")
@click.option("--into-card", is_flag=True, help="Write the figures into the card beside the weights, too.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def main(
    weights: Path | None,
    sentences: Path | None,
    voices: str,
    rows: Path | None,
    speakers: str,
    heard: str,
    parallel: str,
    most: int,
    into_card: bool,
    as_json: bool,
) -> None:
    """Measure the encoder against cepstra on voices it never heard."""
    torch.set_num_threads(1)
    try:
        encoder = load_phone_encoder(weights)
        layer = (weights or packaged_weights()).with_name(FILE)
        phonetic = load_phonetic(layer) if layer.exists() else None
        apart = _names(voices) or read_card(weights or packaged_weights())["held_out_voices"]
        given = given_sentences(sentences) if sentences else None
        known = [say_all(voice) for voice in training_voices(apart)] if flite_program() else None
        material = Material(
            flite_voices(apart, given) if flite_program() else {},
            real_voices(rows, _names(speakers), most) if rows and speakers else {},
            frozenset(_names(heard)),
            alike(rows, _names(parallel)) if rows else [],
        )
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    figures = {f.name: measure(f, material) for f in features_of(encoder, known, phonetic)}
    rights = frame_accuracy(encoder, material)
    found = {"version": encoder.version, "features": figures, "frame_accuracy": rights}
    if into_card:
        write_figures(weights or packaged_weights(), found)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    click.echo(table(figures))
    click.echo(f"\nencoder {encoder.version}; frames whose phone is right: ", nl=False)
    click.echo(", ".join(f"{name} {value:.1%}" for name, value in rights.items() if value))


def frame_accuracy(encoder: PhoneEncoder, material: Material) -> dict[str, float]:
    """`accuracy` on each synthesized set, and on the people whom training did not hear."""
    unheard = {voice: said for voice, said in material.real.items() if voice not in material.heard}
    rights = {title: accuracy(encoder, parallel.voices) for title, parallel in material.synthetic.items()}
    return rights | {"people": accuracy(encoder, unheard)}


def write_figures(weights: Path, found: dict[str, Any]) -> None:
    """Puts the figures into the card beside `weights`, and those of phonetic into its own beside it.

    Speed is left out, because it is of one machine.
    """
    columns = {
        name: {row: value for row, value in rows.items() if row != "times real time"}
        for name, rows in found["features"].items()
    }
    phonetic = {name: rows for name, rows in columns.items() if name.startswith("phonetic")}
    rights = {name: round(value, 3) for name, value in found["frame_accuracy"].items()}
    others = {name: rows for name, rows in columns.items() if name not in phonetic}
    _add_to_card(weights, {"figures": others, "frame_accuracy": rights})
    if phonetic:
        _add_to_card(weights.with_name(FILE), {"figures": phonetic})


def _add_to_card(weights: Path, facts: dict[str, Any]) -> None:
    text = json.dumps(read_card(weights) | facts, indent=1, ensure_ascii=False) + "\n"
    weights.with_suffix(".json").write_text(text, encoding="utf-8")


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
