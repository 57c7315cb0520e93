"""What slicing and scoring know of a whole recording: speech probability and level every 10 ms.

Separate from the network and from the slicer because it is the form that is stored: everything derived from an
`Activity` can be derived again without decoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from catalog.audio import Resampler
from catalog.records import Activity
from curator import tails, vad, voicing
from curator.frames import (
    FRAME_S,
    FRAMES_A_SECOND,
    Bools,
    Floats,
    Indices,
    edge,
    edges,
    frames_of,
    runs,
    sampled,
    widened,
)
from curator.pitch import HOP_S, Pitch, PitchMeter
from curator.tails import ringing, without_tails
from curator.voicing import VOICES, Voice

SILENCE_DB = -120.0
REVISION = 5
"""Raised whenever the same recording may be heard differently; its scores are then due again."""
VERSION = f"{vad.VERSION} heard-{REVISION}"
SPEECH = 0.5
STILL_SPEECH = 0.35
OUTWARD_FRAMES = 60
INWARD_FRAMES = 15
PAUSE_FRAMES = 20
GUARD_FRAMES = 15
ENOUGH_FRAMES = 30
NO_SPEECH = 0.15
TELLABLE_DB = 9.0
SHORTEST_FRAMES = 10
HIGHS_HZ, HIGHS_FRAME = 2000.0, vad.RATE // FRAMES_A_SECOND
"""Above this a consonant stands out of the tail that a room adds to the vowel before it, and out of most noise."""


def hearing(voice: Voice) -> int:
    """The version of what scores are computed from: of this code, and of what is taken for voice."""
    return REVISION * 10 + VOICES.index(voice)


class ActivityMeter:
    """Measures an `Activity` from a stream of mono blocks at the recording's own rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.samples = 0
        self._to_16k = Resampler(rate, vad.RATE)
        self._vad = vad.VoiceActivity()
        self._pitch = PitchMeter()
        self._highs = HighsMeter()
        self._held = np.zeros(0, np.float32)
        self._levels: list[Floats] = []
        self._frames = 0

    def feed(self, wave: Floats) -> None:
        """Take the next samples (n,)."""
        self._hear(self._to_16k.feed(wave))
        self.samples += len(wave)
        self._measure(wave, last=False)

    def finish(self) -> tuple[Activity, Pitch]:
        """The activity and the pitch of all that was fed."""
        self._hear(self._to_16k.feed(np.zeros(0, np.float32), last=True))
        self._measure(np.zeros(0, np.float32), last=True)
        levels = np.concatenate(self._levels) if self._levels else np.zeros(0, np.float32)
        pitch = self._pitch.finish()
        voice = np.round(np.clip(self._vad.finish(), 0, 1) * 255).astype(np.uint8)
        activity = Activity(
            version=VERSION,
            vad_hop_s=vad.HOP_S,
            vad=voice.tobytes(),
            energy_hop_s=FRAME_S,
            energy=_stored(levels),
            voicing_hop_s=HOP_S,
            voicing=voicing.stored(pitch),
            highs=_stored(self._highs.finish()),
        )
        return activity, pitch

    def _hear(self, wave: Floats) -> None:
        self._vad.feed(wave)
        self._pitch.feed(wave)
        self._highs.feed(wave)

    def _measure(self, wave: Floats, *, last: bool) -> None:
        """Level of each whole 10 ms frame: its variance, so that a constant offset is no sound."""
        wave = np.concatenate([self._held, wave]) if len(self._held) else wave
        origin = edge(self._frames, self.rate)
        most = len(wave) * FRAMES_A_SECOND // self.rate + 2
        lines = edges(self._frames, most + 1, self.rate) - origin
        lines = lines[lines <= len(wave)]
        if last and lines[-1] < len(wave):
            lines = np.append(lines, len(wave))
        if len(lines) > 1:
            self._levels.append(_levels(wave[: lines[-1]].astype(np.float64), lines))
            self._frames += len(lines) - 1
        self._held = wave[lines[-1] :].copy()


class HighsMeter:
    """Level above 2 kHz of a stream of 16 kHz mono audio, in frames of 10 ms; any blocks give the same."""

    def __init__(self) -> None:
        import scipy.signal

        self._filter = scipy.signal.butter(4, HIGHS_HZ, "highpass", fs=vad.RATE, output="sos")
        self._state = np.zeros((len(self._filter), 2))
        self._held = np.zeros(0)
        self._levels: list[Floats] = []

    def feed(self, wave: Floats) -> None:
        """Take the next samples (n,)."""
        import scipy.signal

        if not len(wave):
            return
        filtered, self._state = scipy.signal.sosfilt(self._filter, wave.astype(np.float64), zi=self._state)
        self._measure(np.concatenate([self._held, filtered]))

    def finish(self) -> Floats:
        """The levels (frames,) in dBFS; the last frame is filled up with silence."""
        self._measure(np.pad(self._held, (0, -len(self._held) % HIGHS_FRAME)))
        return np.concatenate(self._levels)

    def _measure(self, wave: npt.NDArray[np.float64]) -> None:
        whole = len(wave) // HIGHS_FRAME * HIGHS_FRAME
        power = np.square(wave[:whole]).reshape(-1, HIGHS_FRAME).mean(axis=1)
        self._levels.append((10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32))
        self._held = wave[whole:].copy()


def _stored(levels: Floats) -> bytes:
    """Levels in dBFS as an `Activity` keeps them: uint8, half decibels above silence."""
    return np.clip(np.round((levels - SILENCE_DB) * 2), 0, 255).astype(np.uint8).tobytes()


def _read(steps: bytes, frames: int) -> Floats:
    """What `_stored` wrote as levels (frames,); silence beyond its end."""
    known = np.frombuffer(steps, np.uint8)[:frames]
    level = np.full(frames, SILENCE_DB, np.float32)
    level[: len(known)] = known / 2 + SILENCE_DB
    return level


def _levels(wave: npt.NDArray[np.float64], lines: Indices) -> Floats:
    lengths = np.diff(lines)
    mean = np.add.reduceat(wave, lines[:-1]) / lengths
    power = np.add.reduceat(wave * wave, lines[:-1]) / lengths - mean * mean
    return (10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32)


@dataclass(frozen=True)
class Tracks:
    """A stored activity as arrays on the 10 ms grid of its recording."""

    probability: Floats
    """Of a voice, (frames,)."""
    level: Floats
    """dBFS, (frames,)."""
    samples: int
    rate: int

    voice: Voice = "auto"
    """What was taken for voice."""

    highs: Floats | None = None
    """Level above 2 kHz, dBFS, (frames,); None where it was not kept."""

    @staticmethod
    def of(activity: Activity, samples: int, rate: int, voice: Voice = "auto") -> Tracks:
        """The tracks of a recording of `samples` at `rate`; an activity that is too short is filled with silence."""
        frames = frames_of(samples, rate)
        level = _read(activity.energy, frames)
        network = sampled(activity.vad, activity.vad_hop_s, frames)
        voiced = sampled(activity.voicing, activity.voicing_hop_s, frames)
        probability = voicing.probability(network, voiced, level, FRAME_S, voice)
        highs = _read(activity.highs, frames) if activity.highs else None
        return Tracks(probability, level, samples, rate, voice, highs)

    @cached_property
    def noise(self) -> Bools:
        """Frames of room noise: hardly a chance of speech, and none within 150 ms."""
        return (self.probability < NO_SPEECH) & ~widened(self.probability >= NO_SPEECH, GUARD_FRAMES)

    @cached_property
    def loudness(self) -> Floats:
        """Median level of the speech around each frame, dBFS."""
        return around(self.level, self.probability >= SPEECH, 50.0)

    @cached_property
    def floor(self) -> Floats:
        """Median level of the room noise around each frame, dBFS; 45 dB below the speech where none is heard."""
        return self._floor(self.level, self.loudness)

    @cached_property
    def loudness_of_highs(self) -> Floats | None:
        """Median level above 2 kHz of the speech around each frame, dBFS; None where it was not kept."""
        return None if self.highs is None else around(self.highs, self.probability >= SPEECH, 50.0)

    @cached_property
    def floor_of_highs(self) -> Floats | None:
        """Median level above 2 kHz of the room noise around each frame, dBFS; None where it was not kept."""
        if self.highs is None or self.loudness_of_highs is None:
            return None
        return self._floor(self.highs, self.loudness_of_highs)

    def _floor(self, level: Floats, loudness: Floats) -> Floats:
        if not self.noise.any():
            return (loudness - 45).astype(np.float32)
        return around(level, self.noise, 50.0)

    @cached_property
    def room(self) -> Floats:
        """How far the speech around each frame stands above the noise, dB, at most 60."""
        return np.asarray(np.clip(self.loudness - self.floor, 0, 60), np.float32)

    @cached_property
    def threshold(self) -> Floats:
        """Level above which a frame holds more than the room's noise, dBFS."""
        return np.asarray(self.loudness - self.room + np.clip(0.35 * self.room, 3, 9), np.float32)

    @cached_property
    def sound(self) -> Bools:
        """Frames that hold more than noise; all frames where the noise is nearly as loud as the speech."""
        return np.asarray((self.level > self.threshold) | (self.room < TELLABLE_DB))

    @cached_property
    def speech(self) -> Bools:
        """Frames with speech, (frames,): what is heard without the tails that a reverberant room adds to words."""
        voice = self.probability >= STILL_SPEECH
        decay = tails.decay(self.level, self.loudness, self.floor, voice)
        return self.heard if decay is None else without_tails(self.heard, ringing(self.level, decay), SHORTEST_FRAMES)

    @cached_property
    def heard(self) -> Bools:
        """Frames with speech and with its tail in the room, (frames,).

        A span begins at a probability of 0.5 and lasts while it stays above 0.35 (silero's own rule). The network
        notices onsets and ends some 50 ms late, so an edge moves out while there is sound, and in where there is none;
        stretches of 0.2 s without sound are pauses even where the probability stays high. Where the noise is nearly as
        loud as the speech the level says nothing and the probability alone decides.
        """
        sound = self.sound & (self.room >= TELLABLE_DB)
        mask = np.zeros(len(self.level), bool)
        for first, last in runs(self.probability >= STILL_SPEECH):
            if (self.probability[first:last] >= SPEECH).any():
                first, last = _moved(first, last, sound)
                mask[first:last] = True
        for first, last in runs(~self.sound):
            if last - first >= PAUSE_FRAMES:
                mask[first:last] = False
        return _tidied(mask)


def around(level: Floats, counted: Bools, percentile: float, *, reach_s: int = 5) -> Floats:
    """A percentile of the counted frames within `reach_s` of each second, drawn as a line through all frames.

    Where nothing nearby counts, the percentile over the whole recording stands in.
    """
    frames = len(level)
    if not frames:
        return level
    general = np.percentile(level[counted], percentile) if counted.any() else np.percentile(level, percentile)
    starts = np.arange(0, frames, FRAMES_A_SECOND)
    values = np.full(len(starts), general, np.float64)
    reach = reach_s * FRAMES_A_SECOND
    for i, start in enumerate(starts):
        first, last = max(0, start - reach), start + FRAMES_A_SECOND + reach
        near = level[first:last][counted[first:last]]
        if len(near) >= ENOUGH_FRAMES:
            rank = min(len(near) - 1, int(len(near) * percentile / 100))
            values[i] = np.partition(near, rank)[rank]
    return np.interp(np.arange(frames), starts + FRAMES_A_SECOND / 2, values).astype(np.float32)


def _tidied(mask: Bools) -> Bools:
    """Without gaps and without spans shorter than 0.1 s."""
    for first, last in runs(~mask):
        if last - first < SHORTEST_FRAMES and first > 0 and last < len(mask):
            mask[first:last] = True
    for first, last in runs(mask):
        if last - first < SHORTEST_FRAMES:
            mask[first:last] = False
    return mask


def _moved(first: int, last: int, sound: Bools) -> tuple[int, int]:
    """A span's edges moved out to the end of its sound (0.6 s at most) or in to its beginning (0.15 s at most)."""
    out = sound[max(0, first - OUTWARD_FRAMES) : first][::-1]
    if first < len(sound) and sound[first]:
        first -= len(out) if out.all() else int(np.argmin(out)) if len(out) else 0
    else:
        inner = sound[first : min(last, first + INWARD_FRAMES)]
        first += int(np.argmax(inner)) if inner.any() else 0
    if last > first and sound[last - 1]:
        out = sound[last : last + OUTWARD_FRAMES]
        last += len(out) if out.all() else int(np.argmin(out)) if len(out) else 0
    else:
        inner = sound[max(first, last - INWARD_FRAMES) : last][::-1]
        last -= int(np.argmax(inner)) if inner.any() else 0
    return first, last
