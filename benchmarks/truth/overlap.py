"""A second voice: real labelled overlap, mixtures of unseen voices, sung doubles and harmonies, and single voices.

Nothing of this folder's voices, songs or labelled recordings was in the training (`curator.recipes.overlap`); the
limits inside the score were chosen on other meetings and other voices. AUC is of the mean over 0.36 s, by which the
score decides, over the 40 ms frames in which anybody speaks. Single voices are flagged when a clip of 8 s scores above
the limit of the policy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.truth import material
from benchmarks.truth.row import Row
from catalog import audio
from curator.frames import widened
from curator.policy import default_rules
from curator.recipes.overlap import effects, mixtures
from curator.recipes.overlap.material import turns
from curator.recipes.overlap.measures import auc
from curator.recipes.overlap.singing import resung
from curator.scores.overlap import lasting
from curator.scores.overlap_network import HOP, probabilities
from curator.scores.overlap_spectrum import RATE

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
LEVELS_DB = (0, -5, -10, -15)
LIMIT = next(rule.limit for rule in default_rules() if rule.score == "overlap_ratio")
SONGS = {
    "tuning": ("doremi.wav", "sms_vignesh.flac", "sms_soprano-E4.flac"),
    "report": ("csd_en001b.mp3", "sms_singing-female.flac", "vocobox_martin_notes"),
}
"""One singer each, unaccompanied (carnatic.wav has a drone)."""
CLIP_S = 8
BORDER_S = 0.1
"""The labels of the meetings are about as exact as this."""
FINE = 4
"""Labels are read in so many parts of a frame."""


def rows(folder: Path, half: str) -> Iterator[Row]:
    """All figures; the labelled recordings are the same in either half."""
    yield from labelled(folder)
    yield from labelled_clips(folder)
    voices = unseen(folder, half)
    yield from mixed(voices)
    songs = singers(folder, half)
    yield from sung(songs)
    yield from singles(folder, voices, songs)
    yield cost(voices)


def labelled(folder: Path) -> Iterator[Row]:
    """Real and constructed conversations against their RTTM: all frames, and those that its precision decides."""
    found = [Labelled.read(path) for path in sorted(folder.glob("speech_multi_overlap/*.rttm"))]
    for each in found:
        if each.truth.any() and not each.truth.all():
            what = f"{each.name}, overlap {each.truth.mean():.0%}"
            yield Row("overlap_ratio", what, "frame AUC", auc(each.score, each.truth))
    meetings = [each for each in found if each.name.startswith("ami")]
    for name, chosen in (("all meetings", meetings), ("all labelled recordings", found)):
        score, truth, certain = (
            np.concatenate([getattr(each, part) for each in chosen]) for part in ("score", "truth", "certain")
        )
        yield Row("overlap_ratio", name, "frame AUC, pooled", auc(score, truth), (">=", 0.90))
        what = f"{name}, without {BORDER_S} s on either side of a labelled border ({1 - certain.mean():.0%} of frames)"
        yield Row("overlap_ratio", what, "frame AUC, pooled", auc(score[certain], truth[certain]), (">=", 0.90))


@dataclass(frozen=True)
class Labelled:
    """The frames of a labelled recording in which anybody speaks, (frames,) each."""

    name: str
    score: Floats
    truth: Bools
    certain: Bools
    """Farther than `BORDER_S` from where a second voice begins or ends."""

    @staticmethod
    def read(path: Path) -> Labelled:
        """Score and labels of the recording beside an RTTM file; a frame is what its middle is."""
        wave, rate = audio.read(path.with_suffix(".flac"))
        score = lasting(probabilities(audio.resample(wave, rate, RATE)))
        people = np.sum(list(turns(path, len(score) * FINE, HOP / RATE / FINE).values()), axis=0)
        border = np.diff(people > 1, prepend=people[0] > 1)
        certain = ~widened(border, round(BORDER_S * RATE * FINE / HOP))[FINE // 2 :: FINE]
        people = people[FINE // 2 :: FINE]
        spoken = people > 0
        return Labelled(path.stem, score[spoken], people[spoken] > 1, certain[spoken])


def labelled_clips(folder: Path) -> Iterator[Row]:
    """The share of 8 s clips of the labelled recordings that are flagged, by how much overlap they truly hold."""
    by_truth: dict[str, list[bool]] = {"none": [], "10 to 30 %": [], "over 30 %": []}
    for path in sorted(folder.glob("speech_multi_overlap/*.rttm")):
        wave, rate = audio.read(path.with_suffix(".flac"))
        voices = np.sum(list(turns(path, len(wave) * 100 // rate + 1, 0.01).values()), axis=0)
        for clip in material.clips_of(wave, rate, CLIP_S):
            spoken = voices[clip.frames]
            truth = (spoken > 1).sum() / max(1, (spoken > 0).sum())
            name = "none" if truth < 0.005 else "over 30 %" if truth > 0.3 else "10 to 30 %" if truth > 0.1 else None
            value = material.number("overlap", "overlap_ratio", clip)
            if name and value is not None:
                by_truth[name].append(value > LIMIT)
    for name, flags in by_truth.items():
        yield Row(
            "overlap_ratio", f"{len(flags)} labelled clips, overlap {name}", "share flagged", float(np.mean(flags))
        )


def unseen(folder: Path, half: str) -> dict[str, list[Floats]]:
    """Single voices by name, each a list of recordings at 16 kHz."""
    found = {name: material.sentences(folder, name) for name in material.SPEAKERS[half]}
    if half == "report":
        found |= {path.stem: [path] for path in sorted((folder / "speech_single" / "misc").iterdir())}
    return {name: [at_16k(path) for path in paths] for name, paths in found.items()}


def singers(folder: Path, half: str) -> list[list[Floats]]:
    """The recordings of each singer at 16 kHz."""
    places = [folder / "singing" / name for name in SONGS[half]]
    return [[at_16k(path) for path in (sorted(place.iterdir()) if place.is_dir() else [place])] for place in places]


def at_16k(path: Path) -> Floats:
    """Samples of a file."""
    wave, rate = audio.read(path)
    return np.asarray(audio.resample(wave, rate, RATE), np.float32)


def mixed(voices: dict[str, list[Floats]]) -> Iterator[Row]:
    """Two voices over each other for a part of four seconds, the second so many dB below the first."""
    random = np.random.default_rng(0)
    names = sorted(voices)
    every: list[tuple[Floats, Bools]] = []
    for level in LEVELS_DB:
        found = []
        for _ in range(60):
            first, second = random.choice(names, 2, replace=False)
            a, b = (mixtures.stretch_of(random, voices[name], faster=0.0) for name in (first, second))
            b *= np.float32(effects.rms(a) / effects.rms(b) * 10 ** (level / 20))
            mixtures.part(random, b)
            found.append(judged(random, [a, b]))
        every += found
        score, truth = (np.concatenate(part) for part in zip(*found, strict=True))
        yield Row("overlap_ratio", f"two unseen voices, second at {level} dB", "frame AUC", auc(score, truth))
    score, truth = (np.concatenate(part) for part in zip(*every, strict=True))
    yield Row(
        "overlap_ratio", "mixed speech of unseen voices, all levels", "frame AUC", auc(score, truth), (">=", 0.95)
    )


def judged(random: np.random.Generator, tracks: list[Floats]) -> tuple[Floats, Bools]:
    """What the score decides by, and truth, in the frames of a mixture over faint hiss that count and are active."""
    hiss = effects.hiss(random, mixtures.SAMPLES) * np.float32(effects.rms(tracks[0]) * 10 ** (-45 / 20))
    label, weight = mixtures.overlap(tracks, tracks, hiss)
    counts = (weight > 0) & np.any([mixtures.active(track) for track in tracks], axis=0)
    found = lasting(probabilities(np.sum([*tracks, hiss], axis=0, dtype=np.float32)))
    return found[counts], label[counts]


def sung(songs: list[list[Floats]]) -> Iterator[Row]:
    """Real singing with itself again: a double take, a chorus effect, a third, a fifth; 6 dB below."""
    random = np.random.default_rng(0)
    for name, semitones in (("double", 0.1), ("chorus effect", None), ("third above", 4.0), ("fifth below", -7.0)):
        found = []
        for wave in map(joined, songs):
            for start in range(0, len(wave) - mixtures.SAMPLES + 1, 2 * mixtures.SAMPLES):
                lead = mixtures.cut(wave, start)
                other = mixtures.chorus(random, lead) if semitones is None else resung(random, lead, semitones)
                other *= np.float32(0.5 * effects.rms(lead) / effects.rms(other))
                other[: mixtures.SAMPLES // 2] = 0
                found.append(judged(random, [lead, other]))
        score, truth = (np.concatenate(part) for part in zip(*found, strict=True))
        yield Row("overlap_ratio", f"singing with a {name}", "frame AUC", auc(score, truth))


def singles(folder: Path, voices: dict[str, list[Floats]], songs: list[list[Floats]]) -> Iterator[Row]:
    """The share of clips with one voice that are flagged: as they are, in rooms, over noise, before instruments."""
    spoken = [clip for waves in voices.values() for clip in eights(waves)]
    song = [clip for waves in songs for clip in eights(waves)]
    flags = [flagged(clip) for clip in (*spoken, *song)]
    share = float(np.mean(flags))
    yield Row("overlap_ratio", f"{len(flags)} clean clips of 8 s, one voice", "share flagged", share, ("<=", 0.02))
    yield Row("overlap_ratio", f"of these {len(spoken)} spoken", "share flagged", float(np.mean(flags[: len(spoken)])))
    yield Row("overlap_ratio", f"of these {len(song)} sung", "share flagged", float(np.mean(flags[len(spoken) :])))
    for name, clips in behind(folder, spoken, song):
        yield Row("overlap_ratio", f"one voice, {name}", "share flagged", float(np.mean([flagged(x) for x in clips])))


def behind(folder: Path, spoken: list[Floats], song: list[Floats]) -> Iterator[tuple[str, list[Floats]]]:
    """The same single voices in rooms, over noise and before instruments that the training did not have."""
    random = np.random.default_rng(1)
    both = [*spoken[::2], *song]
    rooms = [at_16k(path) for path in sorted((folder / "reverb").glob("rir_*.wav"))]
    yield "real rooms", [np.convolve(x, rooms[i % len(rooms)])[: len(x)].astype(np.float32) for i, x in enumerate(both)]
    yield "made room of 1.0 s", [effects.heard(random, x, 1.0) for x in both]
    others = {
        "sea at 15 dB": [folder / "noise" / "sms-tools_ocean.flac"],
        "chainsaw at 15 dB": [folder / "noise" / "esc10_chainsaw_1-64398-A.ogg"],
        "instruments at 15 dB": [
            folder / "music_mix" / "Kevin_MacLeod_-_Vibe_Ace.ogg",
            *(folder / "music_mix").glob("147793*"),
        ],
    }
    for name, paths in others.items():
        waves = [at_16k(path) for path in paths]
        yield name, [under(random, x, waves[i % len(waves)], 15.0) for i, x in enumerate(both)]


def under(random: np.random.Generator, wave: Floats, other: Floats, below_db: float) -> Floats:
    """A voice with a piece of another recording so far below it."""
    other = np.resize(other[int(random.integers(max(1, len(other) - len(wave)))) :], len(wave))
    gain = effects.rms(wave) / effects.rms(other) * 10 ** (-below_db / 20)
    return np.asarray(wave + gain * other, np.float32)


def eights(waves: list[Floats]) -> list[Floats]:
    """Clips of 8 s out of the recordings one after another, with short pauses."""
    wave, size = joined(waves), CLIP_S * RATE
    return [wave[at : at + size] for at in range(0, len(wave) - size + 1, size)]


def joined(waves: list[Floats]) -> Floats:
    """Recordings one after another with pauses of a quarter of a second."""
    return np.concatenate([part for wave in waves for part in (wave, np.zeros(RATE // 4, np.float32))])


def flagged(wave: Floats) -> bool:
    """Whether the score is over the policy's limit."""
    value = material.number("overlap", "overlap_ratio", material.whole(wave, RATE))
    return value is not None and value > LIMIT


def cost(voices: dict[str, list[Floats]]) -> Row:
    """CPU time of the network on clips of 10 s."""
    wave = joined([wave for waves in voices.values() for wave in waves])[: 120 * RATE]
    clips = [wave[at : at + 10 * RATE] for at in range(0, len(wave) - 10 * RATE + 1, 10 * RATE)]
    probabilities(clips[0])
    times: list[Any] = []
    for clip in clips:
        began = time.process_time()
        probabilities(clip)
        times.append((time.process_time() - began) / len(clip) * RATE * 1000)
    return Row("overlap_ratio", "clips of 10 s", "CPU ms for a second of audio", float(np.median(times)), ("<=", 4.0))
