"""One training example: four seconds of one voice or of several, and the frames in which a second one is heard.

Separate from the material because here lies what counts as overlap. A voice is active where it is within 35 dB of its
own loud passages, short gaps (0.16 s, stops and breaths) closed; a frame is overlap where two are active and the weaker
is heard: no more than 15 dB below the stronger and 6 dB below what lies behind. Where that is a matter of opinion the
frame's weight is nought.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from catalog import audio
from curator.recipes.overlap import effects
from curator.recipes.overlap.effects import rms
from curator.recipes.overlap.material import Floats, Material, Meeting
from curator.scores.overlap_spectrum import RATE

Generator = np.random.Generator
Bools = npt.NDArray[np.bool_]
SECONDS = 4
SAMPLES = SECONDS * RATE
STEP = 640
FRAMES = SAMPLES // STEP
ACTIVE_DB = -35.0
HEARD_DB = -15.0
UNHEARD_DB = -25.0
OVER_BACKGROUND_DB = -6.0
GAP_FRAMES = 4
MEETINGS = 0.16
"""Share of the examples that are pieces of labelled recordings."""


@dataclass(frozen=True)
class Example:
    """Samples (64,000,), and for each of 100 frames whether two voices are heard and how much the frame counts."""

    wave: Floats
    label: Bools
    weight: Floats


def example(random: Generator, material: Material, meetings: float = MEETINGS) -> Example:
    """A random one: speech, song or a piece of a meeting, with everything that may befall a recording."""
    kind = random.random()
    if material.meetings and kind < meetings:
        return meeting(random, material)
    sung = bool(material.songs) and kind > 0.74
    tracks = song_tracks(random, material) if sung else speech_tracks(random, material)
    rt60 = effects.room(random, 2.2 if sung else 1.0) if random.random() < 0.65 else None
    wet = [effects.heard(random, track, rt60) if track.any() else track for track in tracks]
    return finished(random, material, tracks, wet)


def speech_tracks(random: Generator, material: Material) -> list[Floats]:
    """One to three voices: alone, taking turns, talking over each other."""
    count = random.choice([1, 2, 3], p=[0.3, 0.6, 0.1])
    chosen = random.choice(len(material.voices), count, replace=random.random() < 0.12)
    tracks = [stretch_of(random, material.voices[index]) for index in chosen]
    for track in tracks[1:]:
        track *= np.float32(rms(tracks[0]) / rms(track) * 10 ** (random.uniform(-15, 0) / 20))
        part(random, track)
    if count == 2 and random.random() < 0.3:
        turn = int(random.uniform(0.2, 0.8) * SAMPLES)
        tracks[0][turn:] = 0
        tracks[1][: max(0, turn + int(random.uniform(-0.6, 0.5) * RATE))] = 0
    return shuffled(random, tracks)


def song_tracks(random: Generator, material: Material) -> list[Floats]:
    """A sung line alone, doubled, through a chorus effect, harmonised, or with another voice."""
    song = material.songs[random.integers(len(material.songs))]
    start = int(random.uniform(0, max(1, len(song.lead) - SAMPLES)))
    lead = cut(song.lead, start)
    way = random.random()
    if way < 0.40:
        return [lead if random.random() < 0.7 else cut(song.harmonies[0], start)]
    if way < 0.58:
        others = [cut(song.doubles[0], start + int(random.uniform(-0.05, 0.05) * RATE))]
    elif way < 0.67:
        others = [chorus(random, lead)]
    elif way < 0.88:
        others = [cut(other, start) for other in song.harmonies[: random.integers(1, 3)]]
    elif way < 0.94:
        line = material.songs[random.integers(len(material.songs))].lead
        others = [cut(line, int(random.uniform(0, max(1, len(line) - SAMPLES))))]
    else:
        others = [stretch_of(random, material.voices[random.integers(len(material.voices))])]
    for other in others:
        other *= np.float32(rms(lead) / rms(other) * 10 ** (random.uniform(-13, 0) / 20))
        if random.random() < 0.5:
            part(random, other)
    return shuffled(random, [lead, *others])


def chorus(random: Generator, wave: Floats) -> Floats:
    """The voice again as a doubling effect makes it: 15 to 45 ms late, its delay and so its pitch wandering."""
    time = np.arange(len(wave))
    turns = random.uniform(0.2, 1.0) * time / RATE + random.uniform(0, 1)
    late = random.uniform(0.015, 0.045) + random.uniform(0.001, 0.006) * np.sin(2 * np.pi * turns)
    return np.asarray(np.interp(time - late * RATE, time, wave), np.float32)


def meeting(random: Generator, material: Material) -> Example:
    """A piece of a labelled recording, faster or slower, for two of three with somebody else over a part of it."""
    wave, voices = piece_of(random, material.meetings)
    weight = sure(voices)
    if random.random() < 0.33 or rms(wave) < 1e-4:
        return befallen(random, material, Example(wave, voices > 1, weight))
    others = bool(random.random() < 0.5)
    over, guests = piece_of(random, material.meetings) if others else guest(random, material)
    over *= np.float32(rms(wave) / max(rms(over), 1e-5) * 10 ** (random.uniform(-10, 8) / 20))
    near = np.abs(10 * np.log10(power(over) / power(wave))) < -HEARD_DB
    counted = np.where(near | (voices == 0), guests, 0)
    weight = weight * ((guests == 0) | near | (voices == 0)) * (sure(guests) if others else 1)
    return befallen(random, material, Example(wave + over, voices + counted > 1, weight.astype(np.float32)))


def piece_of(random: Generator, meetings: list[Meeting]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Four seconds of one of these, up to a quarter of an octave faster or slower, and how many people speak in it."""
    chosen = meetings[random.integers(len(meetings))]
    speed = 2 ** random.uniform(-0.25, 0.25)
    length = int(SAMPLES * speed) + 1
    start = int(random.uniform(0, len(chosen.wave) - length))
    wave = audio.resample(chosen.wave[start : start + length], round(RATE * speed), RATE)[:SAMPLES]
    return np.pad(wave, (0, SAMPLES - len(wave))), labelled(chosen, start, speed)


def guest(random: Generator, material: Material) -> tuple[Floats, npt.NDArray[np.int64]]:
    """A voice in a room over a part of four seconds, and the frames in which it speaks as 1."""
    over = stretch_of(random, material.voices[random.integers(len(material.voices))])
    part(random, over)
    if not over.any():
        return over, np.zeros(FRAMES, np.int64)
    return effects.heard(random, over, effects.room(random, 0.8)), active(over).astype(np.int64)


def labelled(chosen: Meeting, start: int, speed: float) -> npt.NDArray[np.int64]:
    """How many people speak in each frame of a passage played at a speed."""
    at = ((start + (np.arange(FRAMES) + 0.5) * STEP * speed) * 100 / RATE).astype(int)
    return np.asarray(chosen.voices[np.minimum(at, len(chosen.voices) - 1)])


def sure(values: npt.NDArray[np.int64]) -> Floats:
    """Nought within 0.08 s of a change of a person's label, which is no more exact than that."""
    change = np.flatnonzero(np.diff(values)) + 1
    weight = np.ones(len(values), np.float32)
    for at in change:
        weight[max(0, at - 2) : at + 2] = 0
    return weight


def finished(random: Generator, material: Material, dry: list[Floats], wet: list[Floats]) -> Example:
    """The tracks together in a recording, labelled."""
    wave = np.asarray(np.sum(wet, axis=0), np.float32)
    behind = background(random, material, wave)
    label, weight = overlap(dry, wet, behind)
    return befallen(random, material, Example(wave + behind, label, weight), background_too=False)


def befallen(random: Generator, material: Material, clean: Example, *, background_too: bool = True) -> Example:
    """The same recording after noise, a narrow band, a codec, too much drive."""
    wave = clean.wave
    if background_too and random.random() < 0.3:
        wave = wave + background(random, material, wave)
    if random.random() < 0.12:
        wave = effects.narrowed(random, wave)
    if random.random() < 0.12:
        wave = effects.coded(random, wave)
    if random.random() < 0.06:
        top = np.float32(np.abs(wave).max() * random.uniform(0.2, 0.7))
        wave = np.clip(wave, -top, top) if random.random() < 0.5 else top * np.tanh(wave / top)
    return Example(np.asarray(wave, np.float32), clean.label, clean.weight)


def background(random: Generator, material: Material, wave: Floats) -> Floats:
    """What lies behind the voices: hiss, a noise of the world, instruments, or next to nothing."""
    level = np.float32(max(rms(wave), 1e-4))
    behind = effects.hiss(random, SAMPLES) * level * np.float32(10 ** (-random.uniform(10, 65) / 20))
    if random.random() < 0.1:
        behind = behind + effects.motor(random, SAMPLES) * level * np.float32(10 ** (-random.uniform(3, 30) / 20))
    if material.noise and random.random() < 0.3:
        behind = behind + scaled(random, material.noise, level, 0.0, 35.0)
    if material.music and random.random() < 0.22:
        behind = behind + scaled(random, material.music, level, 0.0, 30.0)
    return np.asarray(behind, np.float32)


def scaled(random: Generator, waves: list[Floats], level: np.float32, nearest_db: float, farthest_db: float) -> Floats:
    """A passage of one of these, so many dB below a level."""
    piece = cut(waves[random.integers(len(waves))], int(random.uniform(0, RATE)))
    return np.asarray(piece / max(rms(piece), 1e-6) * level * 10 ** (-random.uniform(nearest_db, farthest_db) / 20))


def overlap(dry: list[Floats], wet: list[Floats], behind: Floats) -> tuple[Bools, Floats]:
    """Which frames are overlap by the module's definition, (100,), and how much each counts."""
    levels = np.stack([power(wave) for wave in wet]) * np.stack([active(wave) for wave in dry])
    ordered = np.sort(levels, axis=0)[::-1]
    first, second = ordered[0], (ordered[1] if len(ordered) > 1 else np.zeros(FRAMES))
    below = 10 * np.log10((second + 1e-12) / (first + 1e-9))
    over = 10 * np.log10((second + 1e-12) / (power(behind) + 1e-12))
    label = (second > 0) & (below > HEARD_DB) & (over > OVER_BACKGROUND_DB)
    doubtful = (second > 0) & (below > UNHEARD_DB) & ~label
    change = np.flatnonzero(np.diff(label.astype(np.int8)))
    weight = np.where(doubtful, 0.0, 1.0).astype(np.float32)
    weight[change] = weight[change + 1] = 0
    return label, weight


def power(wave: Floats) -> npt.NDArray[np.float64]:
    """Mean square in frames of 40 ms, over 0.2 s, (100,)."""
    each = np.mean(np.square(wave[: FRAMES * STEP], dtype=np.float64).reshape(FRAMES, STEP), axis=1)
    return np.asarray(np.convolve(np.pad(each, 2, mode="edge"), np.full(5, 0.2), mode="valid") + 1e-12)


def active(wave: Floats) -> Bools:
    """Frames in which a dry voice speaks or sings, short gaps closed, (100,)."""
    each = np.mean(np.square(wave[: FRAMES * STEP], dtype=np.float64).reshape(FRAMES, STEP), axis=1)
    loud = each[each > 0]
    if not len(loud):
        return np.zeros(FRAMES, bool)
    on = (each > np.percentile(loud, 95) * 10 ** (ACTIVE_DB / 10)) & (each > 1e-8)
    places = np.flatnonzero(on)
    for first, after in pairwise(places):
        if after - first <= GAP_FRAMES:
            on[first:after] = True
    return np.asarray(on)


def stretch_of(random: Generator, waves: list[Floats], faster: float = 0.3) -> Floats:
    """Four seconds of a voice, utterances one after another, up to so many octaves faster or slower (pitch too)."""
    speed = 2 ** random.uniform(-faster, faster)
    wanted = int(SAMPLES * speed) + RATE // 10
    parts: list[Floats] = []
    have = 0
    while have < wanted:
        wave = waves[random.integers(len(waves))]
        start = int(random.integers(0, max(1, len(wave) - RATE)))
        parts.append(wave[start : start + wanted - have])
        if random.random() < 0.3:
            parts.append(np.zeros(random.integers(1, RATE), np.float32))
        have = sum(map(len, parts))
    out = audio.resample(np.concatenate(parts)[:wanted], round(RATE * speed), RATE)[:SAMPLES]
    return np.pad(out, (0, SAMPLES - len(out))).astype(np.float32)


def part(random: Generator, wave: Floats) -> None:
    """Keep the voice over a part of the passage only, for seven of ten; half of these are no longer than 0.8 s."""
    if random.random() < 0.7:
        length = int(0.2 * 15 ** random.random() * RATE)
        start = int(random.uniform(-0.2 * RATE, SAMPLES - 0.3 * RATE))
        wave[: max(0, start)] = 0
        wave[start + length :] = 0


def cut(wave: Floats, start: int) -> Floats:
    """Four seconds from a sample on, a copy; silence where there is none."""
    start = max(0, start)
    piece = wave[start : start + SAMPLES]
    return np.pad(piece, (0, SAMPLES - len(piece))).astype(np.float32)


def shuffled(random: Generator, tracks: list[Floats]) -> list[Floats]:
    """The same tracks in any order, so that the first is not always the loudest."""
    return [tracks[index] for index in random.permutation(len(tracks))]
