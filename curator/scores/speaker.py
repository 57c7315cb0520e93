"""Speaker similarity: whether a clip sounds like the other clips of its speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator.frames import widened
from curator.scores.clip_audio import ClipAudio, Found
from infer import speaker_network

WINDOW = 62
"""Frames of 32 ms (2 s) to a vector; windows overlap by half."""
SHORTEST = 31
AROUND_FRAMES = 10
_SCALE = 127.0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """How a clip sounds in windows of 2 s of its speech."""

    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]
    """Seconds from the clip's start, (windows,)."""
    vectors: Floats
    """(windows, 64), each of length one."""

    def packed(self) -> bytes:
        """As it is kept: for each window its range in hundredths of a second and its vector in steps of 1/127."""
        ranges = np.stack([self.starts, self.ends], axis=1)
        head = np.round(np.clip(ranges * 100, 0, 65_535)).astype("<u2").tobytes()
        return head + np.round(self.vectors * _SCALE).astype(np.int8).tobytes()

    @staticmethod
    def unpacked(data: bytes) -> Voice:
        """The reverse of `packed`."""
        count = len(data) // (4 + speaker_network.SIZE)
        ranges = np.frombuffer(data, "<u2", 2 * count).reshape(count, 2) / 100
        vectors = np.frombuffer(data, np.int8, offset=4 * count).reshape(count, -1) / np.float32(_SCALE)
        return Voice(ranges[:, 0], ranges[:, 1], vectors.astype(np.float32))


class Speaker:
    """`speaker_similarity`: cosine of the clip's voice to the middle of its speaker's other clips, -1 to 1.

    Every 2 s of speech give a vector (`speaker_network`, a small time-delay network of our own, taught by
    `curator.recipes.speaker` to tell voices apart as a larger encoder does, on LibriSpeech speakers; x-vectors, Snyder
    et al. 2018). The score itself needs the other clips and is computed by `curator.comparing`, which says how; here
    only the vectors are measured. NULL with under 1 s of speech, and while the speaker has fewer than 3 such clips.

    What is low differs from speaker to speaker, so a policy asks for outliers by the speaker's own spread. A part of
    what is heard is the microphone; a whisper or a shout is another voice to it, and singing is not what it learnt.
    """

    name = "speaker"
    version = 1
    columns = ("speaker_similarity",)

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """The vectors, as a feature."""
        voice = hear(clip)
        return {} if voice is None else {self.name: voice.packed()}


def hear(clip: ClipAudio) -> Voice | None:
    """The voice of a clip in windows; None with under 1 s of speech."""
    power = speaker_network.mel_power(clip.at_16k)
    hop_s = speaker_network.HOP / speaker_network.RATE
    speech = widened(clip.speech, AROUND_FRAMES)
    if not len(power) or not speech.any():
        return None
    grid = np.minimum(((np.arange(len(power)) + 0.5) * hop_s * 100).astype(np.int64), len(speech) - 1)
    kept = np.flatnonzero(speech[grid])
    if len(kept) < SHORTEST * speaker_network.STRIDE:
        return None
    frames = speaker_network.frames_of(speaker_network.levels(power[kept]))
    count = len(frames)
    firsts = np.arange(0, max(1, count - WINDOW + 1), WINDOW // 2)
    if firsts[-1] + WINDOW < count - WINDOW // 4:
        firsts = np.append(firsts, count - WINDOW)
    lasts = np.minimum(firsts + WINDOW, count)
    vectors = np.stack([speaker_network.pooled(frames[a:b]) for a, b in zip(firsts, lasts, strict=True)])
    of_frame = np.asarray(kept[:: speaker_network.STRIDE] * hop_s, np.float64)
    ends = np.asarray(of_frame[lasts - 1] + speaker_network.STRIDE * hop_s, np.float64)
    return Voice(of_frame[firsts], ends, vectors)
