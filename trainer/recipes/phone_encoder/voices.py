"""The voices that the encoder is measured on: said by flite, or read from a table of recordings of people.

Apart from the measuring because all of it is gathered once and every feature is measured on the same.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import BadRequest
from infer.phone_encoder import frame_count
from trainer.recipes.phone_encoder import sentences
from trainer.recipes.phone_encoder.align import Aligner, read_speech, read_table
from trainer.recipes.phone_encoder.labels import Segment, Utterance
from trainer.recipes.phone_encoder.measures import mel_cepstra
from trainer.recipes.phone_encoder.normalise import Features
from trainer.recipes.phone_encoder.speak import say_flite

Voices = dict[str, list[Utterance]]

_GIVEN = 48


@dataclass(frozen=True)
class Parallel:
    """Voices that say the same sentences in the same order, with the mel-cepstra of every sentence.

    One in `every` sentences is asked for, the others are what may be found.
    """

    voices: Voices
    cepstra: dict[str, list[Features]]
    every: int


def flite_voices(names: list[str], given: list[str] | None = None) -> dict[str, Parallel]:
    """flite's voices `names` with the sentences kept for measuring, and beside them those `given`."""
    found = {"synthesizers": _parallel(names, list(sentences.MEASURING), 3)}
    return found | ({"synthesizers, given sentences": _parallel(names, given, 4)} if given else {})


def say_all(voice: str, texts: tuple[str, ...] = sentences.MEASURING) -> list[Utterance]:
    """The sentences kept for measuring, or others, said by one of flite's voices."""
    return [say_flite(text, voice) for text in texts]


def _parallel(names: list[str], texts: list[str], every: int) -> Parallel:
    voices = {voice: say_all(voice, tuple(texts)) for voice in names}
    cepstra = {voice: [mel_cepstra(u.audio, frame_count(len(u.audio))) for u in said] for voice, said in voices.items()}
    return Parallel(voices, cepstra, every)


def given_sentences(path: Path) -> list[str]:
    """The first 48 sentences of the column text of a CSV file; raises BadRequest when there are fewer than 8."""
    with path.open(newline="", encoding="utf-8") as lines:
        found = [row["text"] for row in csv.DictReader(lines) if row.get("text")][:_GIVEN]
    if len(found) < 8:
        raise BadRequest(f"{path} holds {len(found)} sentences in a column called text; at least 8 are needed")
    return found


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


def alike(table: Path, speakers: list[str]) -> list[Voices]:
    """The recordings of each of `speakers`, in groups who say the same texts; those without a second are left out.

    Any language will do, because no phones are needed to compare sentences or to name the speaker.
    """
    groups: list[Voices] = []
    for speaker in speakers:
        said = [
            Utterance(audio, (Segment(None, 0.0, len(audio) / 16000),), speaker, text)
            for path, text, one in read_table(table)
            if one == speaker and text and path.exists()
            for audio in [read_speech(path)]
        ]
        for group in groups:
            first = next(iter(group.values()))
            if len({u.text for u in said} & {u.text for u in first}) > 1:
                group[speaker] = said
                break
        else:
            groups.append({speaker: said})
    return [group for group in groups if len(group) > 1]
