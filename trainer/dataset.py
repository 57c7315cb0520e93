"""What the loop is fed: fixed-length crops whose order and place are a pure function of (seed, epoch, clip).

Separate from how features are made, so that resuming needs nothing but two integers (epoch, crop) and no loader,
worker or generator has a state of its own. A crop is a segment, which is decoded and compared, inside a longer
context, which the encoders see. An epoch draws each clip in proportion to its length and weight, and hears the seconds
of a clip of weight one once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]

EVERY_ROW = slice(None)
MARGIN_FRAMES = 4
"""Frames of audio read beyond each end of a context, so that spectra at its ends see what is really there."""


@dataclass(frozen=True)
class TrainClip:
    """One clip ready to train on: 100 frames a second, the last frame filled up with silence."""

    clip: str
    recording: str
    speaker: int
    """Row of the speaker embedding."""
    frames: int
    audio: NDArray[Any]
    """(samples,) at the model's rate."""
    gain: float
    """Factor on `audio`, one for a whole recording."""
    content: NDArray[Any]
    """(T, dim) at 50 Hz."""
    f0: Floats
    """(T,) in Hz at 100 Hz, 0 where unvoiced."""
    weight: float = 1.0
    """How many times an epoch hears each of its seconds, on average over epochs."""
    copies: tuple[TrainClip, ...] = ()
    """Altered copies (`trainer.augment`) that may be drawn in its place, frame by frame as long."""

    @property
    def seconds(self) -> float:
        """Length that is trained on."""
        return self.frames / 100


@dataclass(frozen=True)
class Crop:
    """A segment and its context within clip number `clip` of the pool, in frames."""

    clip: int
    segment: int
    context: int


@dataclass(frozen=True)
class Position:
    """Where in the endless stream of crops a run stands: all that resuming the data needs."""

    epoch: int = 0
    crop: int = 0
    """Crops of that epoch already used."""


@dataclass(frozen=True)
class Crops:
    """B crops of equal length T = context frames, as NumPy arrays."""

    phone: Floats
    """(B, T, dim)"""
    f0: Floats
    """(B, T) in Hz."""
    lengths: NDArray[np.int64]
    """(B,) frames that are not filling."""
    audio: Floats
    """(B, (T + 2 * MARGIN_FRAMES) * hop): the context with a margin at each end."""
    starts: NDArray[np.int64]
    """(B,) first frame of the segment within the context."""
    speaker: NDArray[np.int64]
    """(B,)"""
    mean_frames: float
    """Mean of the `lengths` of the whole batch, of which these rows may be a share."""


@dataclass(frozen=True)
class TensorCrops:
    """The same as tensors on a device, with the coarse pitch of each frame."""

    phone: Tensor
    f0: Tensor
    pitch: Tensor
    """(B, T) 1 to 255."""
    lengths: Tensor
    audio: Tensor
    starts: Tensor
    speaker: Tensor
    mean_frames: float


def crops_of(
    clip: int, key: str, frames: int, *, seed: int, epoch: int, segment: int, context: int, weight: float = 1.0
) -> list[Crop]:
    """The crops of one clip in one epoch: every `segment` / `weight` frames from a random phase, moved into the clip.

    The phase is uniform, so the expected number of crops is exactly `weight` * frames / segment. Between whole frames
    it matters to weights alone: those of weight one are the same without it.
    """
    digest = hashlib.sha256(f"{seed}:{epoch}:{key}".encode()).digest()
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
    phase = int.from_bytes(digest[16:24], "little") % segment
    between = int.from_bytes(digest[24:28], "little") / 2**32
    crops = []
    for number in range(math.ceil((weight * frames - phase - between) / segment)):
        centre = int((phase + between + number * segment) / weight)
        start = max(0, min(centre - segment // 2, frames - segment))
        first = max(0, min(start + segment, frames) - context)
        last = max(first, min(start, frames - context))
        crops.append(Crop(clip, start, int(generator.integers(first, last + 1))))
    return crops


def pool(clips: Sequence[TrainClip]) -> tuple[TrainClip, ...]:
    """All that crops are cut from: the clips, then the copies of each."""
    return (*clips, *(copy for clip in clips for copy in clip.copies))


def _varied(crops: Sequence[Crop], clips: Sequence[TrainClip], *, seed: int, epoch: int) -> list[Crop]:
    """Crops of the clips, each of which now belongs to its clip or, with the same chance, to one of its copies."""
    places: list[list[int]] = []
    end = len(clips)
    for number, clip in enumerate(clips):
        places.append([number, *range(end, end + len(clip.copies))])
        end += len(clip.copies)
    digest = hashlib.sha256(f"{seed}:{epoch}:copies".encode()).digest()
    chance = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
    drawn = chance.random(len(crops))
    return [
        replace(crop, clip=places[crop.clip][int(share * len(places[crop.clip]))])
        for crop, share in zip(crops, drawn, strict=True)
    ]


def epoch_crops(clips: Sequence[TrainClip], *, seed: int, epoch: int, segment: int, context: int) -> list[Crop]:
    """All crops of one epoch in the order in which they are trained."""
    crops = [
        crop
        for number, clip in enumerate(clips)
        for crop in crops_of(
            number,
            clip.clip,
            clip.frames,
            seed=seed,
            epoch=epoch,
            segment=segment,
            context=context,
            weight=clip.weight,
        )
    ]
    if any(clip.copies for clip in clips):
        crops = _varied(crops, clips, seed=seed, epoch=epoch)
    digest = hashlib.sha256(f"{seed}:{epoch}:order".encode()).digest()
    order = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little"))).permutation(len(crops))
    return [crops[index] for index in order]


def crops_per_epoch(clips: Sequence[TrainClip], segment: int) -> float:
    """Expected number of crops of an epoch."""
    return sum(clip.weight * clip.frames for clip in clips) / segment


def batches(
    clips: Sequence[TrainClip], *, seed: int, segment: int, context: int, batch_size: int, start: Position
) -> Iterator[tuple[list[Crop], Position]]:
    """Endless batches from `start`, each with the position after it; a batch may span two epochs."""
    epoch, at = start.epoch, start.crop
    crops = epoch_crops(clips, seed=seed, epoch=epoch, segment=segment, context=context)
    while True:
        taken: list[Crop] = []
        while len(taken) < batch_size:
            if at >= len(crops):
                epoch, at = epoch + 1, 0
                crops = epoch_crops(clips, seed=seed, epoch=epoch, segment=segment, context=context)
            more = crops[at : at + batch_size - len(taken)]
            taken += more
            at += len(more)
        yield taken, Position(epoch, at)


def collate(
    clips: Sequence[TrainClip], crops: Sequence[Crop], *, context: int, hop: int, rows: slice = EVERY_ROW
) -> Crops:
    """Read the crops of a batch, or some rows of them, out of their clips."""
    lengths = real_frames(clips, crops, context)
    own = crops[rows]
    read = [_row(clips[crop.clip], crop.context, context, hop) for crop in own]
    return Crops(
        phone=np.stack([row[0] for row in read]),
        f0=np.stack([row[1] for row in read]),
        lengths=lengths[rows],
        audio=np.stack([row[2] for row in read]),
        starts=np.array([crop.segment - crop.context for crop in own], dtype=np.int64),
        speaker=np.array([clips[crop.clip].speaker for crop in own], dtype=np.int64),
        mean_frames=float(lengths.mean()),
    )


def real_frames(clips: Sequence[TrainClip], crops: Sequence[Crop], context: int) -> NDArray[np.int64]:
    """(B,) frames of each crop that are not filling."""
    return np.array([min(context, clips[crop.clip].frames - crop.context) for crop in crops], dtype=np.int64)


def phone_frames(content: NDArray[Any], start: int, frames: int) -> Floats:
    """Content at 100 Hz: each 50 Hz row twice (nearest), the last row held: (frames, dim) from frame `start`."""
    rows = np.minimum(np.arange(start, start + frames) // 2, len(content) - 1)
    return np.asarray(content[rows], dtype=np.float32)


def _row(clip: TrainClip, start: int, frames: int, hop: int) -> tuple[Floats, Floats, Floats]:
    f0 = np.zeros(frames, dtype=np.float32)
    voiced = clip.f0[start : start + frames]
    f0[: len(voiced)] = voiced
    audio = _with_margin(clip.audio, start * hop, (start + frames) * hop, MARGIN_FRAMES * hop) * np.float32(clip.gain)
    return phone_frames(clip.content, start, frames), f0, audio


def _with_margin(audio: NDArray[Any], start: int, end: int, margin: int) -> Floats:
    """audio[start - margin : end + margin]; before the first sample mirrored, after the last silent."""
    first, last = start - margin, end + margin
    piece = np.asarray(audio[max(first, 0) : min(last, len(audio))], dtype=np.float32)
    if first < 0:
        mirrored = piece[1 : 1 - first][::-1]
        piece = np.concatenate([np.zeros(-first - len(mirrored), np.float32), mirrored, piece])
    return np.concatenate([piece, np.zeros(last - first - len(piece), np.float32)])
