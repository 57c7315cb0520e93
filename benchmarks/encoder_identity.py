"""What names the speaker in the encoder's frames: the voice or the recording, and what taking it out costs.

    python -m benchmarks.encoder_identity AUDIO [--material DIR]

Controls of the deeper probe of `python -m trainer.recipes.phone_encoder.evaluate` on the folder with MANIFEST.csv:
recordings of one voice, Kathleen, whose file names hold the second at which each was made, given out as two speakers -
from two sessions 8.7 hours apart, from one session at random, and its first and second half; and two actors of one
studio whose recordings are given out to two made-up speakers at random, sentence by sentence. All of it is chance, 0.5,
for a probe that reads only the voice. Each cell: the probe without and with a hidden layer. The last column is the
encoder `phonetic` with its features normalised by recording, which they are not in the product.

With the material that the recipe made (`DIR/material`), the layers of `phonetic` with other sharpness and context and
more or fewer numbers, after its own network and after that of `phone`: the probes on the two unheard flite voices and
on the actors, and how often the same phone is found in the other voice (for the actors: in Kathleen). flite must be
installed.
"""

from __future__ import annotations

import argparse
import csv
import re
from itertools import permutations
from pathlib import Path

import numpy as np
import torch

from infer.phone_encoder import PhoneEncoder, load_phone_encoder, packaged_weights, read_card, speech_frames
from infer.phonetic import Phonetic, PhoneticShape, load_phonetic
from trainer.recipes.phone_encoder.align import read_speech
from trainer.recipes.phone_encoder.evaluate import Feature, agreement, features_of, spoken_by
from trainer.recipes.phone_encoder.identity import HIDDEN, Recording, speaker_accuracy
from trainer.recipes.phone_encoder.labels import Utterance
from trainer.recipes.phone_encoder.normalise import level
from trainer.recipes.phone_encoder.phonetic import materials_of
from trainer.recipes.phone_encoder.phonetic_layer import fit
from trainer.recipes.phone_encoder.voices import Voices, alike, real_voices, say_all

ACTORS = ["ravdess10", "ravdess15"]
VOICE = "kathleen"
PAUSE_S = 900
"""A longer pause begins another session."""
LAYERS = (
    (1.0, 2, 12),
    (3.0, 2, 12),
    (6.0, 2, 12),
    (3.0, 0, 12),
    (3.0, 4, 12),
    (3.0, 2, 6),
    (3.0, 2, 40),
    (3.0, 4, 128),
)
"""Sharpness, frames of context and numbers of the layers of `phonetic`."""


def dated(manifest: Path) -> list[tuple[int, Path, str]]:
    """The recordings of VOICE: the second each was made, its place, what is said."""
    found = []
    with manifest.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            made = re.search(r"_(\d{10})\.wav$", row["original_path"])
            if row["speaker_id"] == VOICE and row["path"].startswith("speech_single/") and made:
                found.append((int(made[1]), manifest.parent / row["path"], row["text"]))
    return sorted(found)


def shared_out(times: list[int]) -> dict[str, tuple[list[int], list[int]]]:
    """Pairs of lists of recordings of one voice, by their place in `times`, seconds in order."""
    parts = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > PAUSE_S) + 1)
    first, last = parts[0], parts[-1]
    mixed, half = np.random.default_rng(0).permutation(first), len(first) // 2
    pairs = {
        "two sessions": (first[: len(last)], last),
        "one session, at random": (mixed[:half], mixed[half : 2 * half]),
        "one session, first and second half": (first[:half], first[half : 2 * half]),
    }
    return {title: (a.tolist(), b.tolist()) for title, (a, b) in pairs.items()}


def made_up(voices: Voices, seed: int) -> list[list[Utterance]]:
    """Two speakers who each hold half of what every voice says of each text."""
    chance = np.random.default_rng(seed)
    found: tuple[list[Utterance], list[Utterance]] = ([], [])
    turns: dict[tuple[str, str], int] = {}
    for voice, said in voices.items():
        for index in chance.permutation(len(said)):
            key = (voice, said[index].text)
            turns[key] = 1 - turns.get(key, int(chance.integers(2)))
            found[turns[key]].append(said[index])
    return list(found)


def named(feature: Feature, speakers: list[list[Utterance]]) -> str:
    """How often the speaker of a frame is named, by a probe without and one with a hidden layer."""
    given = [
        [Recording(feature.extract(u.audio), speech_frames(torch.from_numpy(u.audio)).numpy(), u.text) for u in said]
        for said in speakers
    ]
    plain, deeper = (speaker_accuracy(given, hidden=hidden, fit=feature.fit) for hidden in (0, HIDDEN))
    return f"{plain:.2f}, {deeper:.2f}"


def controls(features: list[Feature], manifest: Path, actors: Voices) -> None:
    rows = dated(manifest)
    spoken = [Utterance(read_speech(path), (), VOICE, text) for _, path, text in rows]
    print("| speakers | " + " | ".join(f.name for f in features) + " |\n|---|" + "---|" * len(features))
    for title, pair in shared_out([made for made, _, _ in rows]).items():
        speakers = [[spoken[i] for i in part] for part in pair]
        print(f"| {title} | " + " | ".join(named(f, speakers) for f in features) + " |", flush=True)
    print("| two actors, mixed | " + " | ".join(named(f, made_up(actors, 0)) for f in features) + " |")
    print("| two actors | " + " | ".join(named(f, list(actors.values())) for f in features) + " |", flush=True)


def trade(target: PhoneEncoder, own: PhoneEncoder, material: Path, pairs: Voices, people: Voices) -> None:
    """`people` are the actors and, last, the voice in whom their phones are looked for."""
    materials = materials_of(material, list(pairs))
    actors = {voice: said for voice, said in people.items() if voice != VOICE}
    print("\n| network, sharpness, context, numbers | synthetic: speaker | same phone | actors: speaker | same phone |")
    print("|---|---|---|---|---|")
    for name, network in (("own", own), ("that of phone", target)):
        for sharpness, context, numbers in LAYERS:
            phonetic = Phonetic(network, PhoneticShape(context, sharpness, numbers)).eval()
            fit(phonetic, target, materials)
            feature = features_of(target, phonetic=phonetic)[-1]
            spoken = {voice: spoken_by(said, feature) for voice, said in pairs.items()}
            found = np.mean([agreement(spoken[a], spoken[b])[0] for a, b in permutations(spoken, 2)])
            pool = spoken_by(people[VOICE], feature)
            real = np.mean([agreement(spoken_by(said, feature), pool)[0] for said in actors.values()])
            voices, acted = named(feature, list(pairs.values())), named(feature, list(actors.values()))
            cells = [voices, f"{found:.3f}", acted, f"{real:.3f}"]
            print(f"| {name}, {sharpness:g}, {context}, {numbers} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path, help="folder with MANIFEST.csv")
    parser.add_argument("--material", type=Path, help="folder with the recipe's material")
    arguments = parser.parse_args()
    manifest = arguments.audio / "MANIFEST.csv"
    torch.set_num_threads(1)
    network = load_phone_encoder()
    phonetic = load_phonetic()
    features = {f.name: f for f in features_of(network, phonetic=phonetic)}
    (actors,) = alike(manifest, ACTORS)
    normalised = Feature("phonetic, normalised", features["phonetic"].extract, level)
    shown = ("cepstra, per voice", "encoder, raw", "encoder, per voice", "phonetic, names", "phonetic")
    compared = [features[name] for name in shown]
    controls([*compared, normalised], manifest, actors)
    if arguments.material:
        people = real_voices(manifest, [*ACTORS, VOICE], 45)
        apart = read_card(packaged_weights())["held_out_voices"]
        trade(network, phonetic.network, arguments.material, {voice: say_all(voice) for voice in apart}, people)


if __name__ == "__main__":
    main()
