"""The sounds of a set, frame by frame, as a preview looks them up; kept in a file, since a set never changes.

Separate from the preview because listening to a set is what takes time, and is the same whatever is to be spoken.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog import atomic, audio
from catalog.errors import BadRequest
from infer import f0 as f0s
from infer.cuts import SAMPLE_RATE

if TYPE_CHECKING:
    from infer.content_encoder import ContentEncoder

LONGEST_SET_S = 300.0
"""So much of a set, spread over its clips, is listened to: from five minutes on more helps little (kNN-VC)."""
HIGHEST_RATE, LOWEST_RATE = 32_000, 16_000
FRAME_S = 0.02
"""Of content features; envelopes are read at the same places."""
F0_METHOD = "dio"
"""Of the set: three times as fast as the usual one, and it only steers where envelopes are read."""
_LAYOUT = 1

Floats = NDArray[np.float64]
Progress = Callable[[float, float, str], None]


@dataclass(frozen=True)
class Passage:
    """One clip of the set: its id and its file."""

    clip: str
    path: Path


@dataclass(frozen=True)
class SetSounds:
    """A set, listened to: one row a frame of 20 ms over all passages."""

    rate: int
    each_s: float
    """So much of each passage was listened to."""
    f0: NDArray[np.float32]
    """100 values a second, in Hz, passage after passage."""
    starts: NDArray[np.int64]
    """Where the f0 of each passage begins, and where the last ends."""
    rows: NDArray[np.float32]
    """Content features of unit length."""
    owner: NDArray[np.int64]
    place: NDArray[np.int64]
    """Passage, and frame within it, of each row."""

    def f0_of(self, number: int) -> Floats:
        """f0 (T,) of a passage in Hz, 100 values a second, 0 where unvoiced."""
        return self.f0[self.starts[number] : self.starts[number + 1]].astype(np.float64)


def sounds_of(
    passages: Sequence[Passage], encoder: ContentEncoder, progress: Progress, kept: Path | None = None
) -> SetSounds:
    """Listen to passages, or read what was kept of that in the file `kept`, which is written where it is not there.

    Raises BadRequest when there is nothing but silence.
    """
    if kept is not None and (known := _read(kept, len(passages), encoder.dim)) is not None:
        return known
    found = _listen(passages, encoder, progress)
    if kept is not None:
        with atomic.in_words("what was heard of the set"):
            kept.parent.mkdir(parents=True, exist_ok=True)
            with atomic.new_file(kept) as part, part.open("wb") as file:
                np.savez(file, layout=_LAYOUT, **vars(found))
    return found


def _listen(passages: Sequence[Passage], encoder: ContentEncoder, progress: Progress) -> SetSounds:
    infos = [audio.probe(passage.path) for passage in passages]
    rate = int(np.clip(min(info.sample_rate for info in infos), LOWEST_RATE, HIGHEST_RATE))
    each_s = max(LONGEST_SET_S / len(passages), 1.0)
    heard, f0, sounding = [], [], []
    for number, passage in enumerate(passages):
        wave = mono(passage.path, rate, each_s)
        heard.append(audio.resample(wave.astype(np.float32), rate, SAMPLE_RATE))
        f0.append(f0s.estimate(heard[-1], F0_METHOD))
        sounding.append(sounding_frames(wave, rate, len(heard[-1]) // round(FRAME_S * SAMPLE_RATE)))
        progress(number + 1, len(passages), "listening to the set")
    # measured over all together, so that a clip of one vowel does not lose it as its mean
    statistics = encoder.measure(np.concatenate(heard))
    rows, owner, place = [], [], []
    for number, slow in enumerate(heard):
        features = encoder.encode(slow, statistics)
        kept = np.flatnonzero(sounding[number][: len(features)])
        rows.append(unit(features[kept]))
        owner.append(np.full(len(kept), number))
        place.append(kept)
    if not sum(map(len, rows)):
        raise BadRequest("the set holds nothing but silence")
    starts = np.cumsum([0, *map(len, f0)])
    joined = np.concatenate(f0).astype(np.float32)
    return SetSounds(rate, each_s, joined, starts, np.concatenate(rows), np.concatenate(owner), np.concatenate(place))


def _read(path: Path, passages: int, dim: int) -> SetSounds | None:
    """What was kept, or None where it cannot be used: then it is made anew."""
    try:
        with np.load(path, allow_pickle=False) as held:
            if int(held["layout"]) != _LAYOUT:
                return None
            parts = {name: held[name] for name in ("f0", "starts", "rows", "owner", "place")}
            found = SetSounds(int(held["rate"]), float(held["each_s"]), **parts)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = found.rows.ndim == 2 and found.rows.shape[1] == dim and len(found.starts) == passages + 1
    return found if fits and len(found.rows) == len(found.owner) == len(found.place) else None


def mono(path: Path, rate: int, longest_s: float) -> Floats:
    """The first `longest_s` seconds of a file, mono at `rate`: (N,)."""
    info = audio.probe(path)
    wave, own = audio.read(path, 0, min(info.samples or 1 << 62, round(longest_s * info.sample_rate)), mono=True)
    return audio.resample(np.asarray(wave, np.float32), own, rate).astype(np.float64)


def unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (T, dim) brought to length 1."""
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(norm, 1e-9), np.float32)


def sounding_frames(wave: Floats, rate: int, frames: int) -> NDArray[np.bool_]:
    """wave (N,) -> which of its first frames of 20 ms lie within 40 dB of the loudest, (frames,)."""
    size = round(FRAME_S * rate)
    padded = np.pad(wave, (0, max(0, frames * size - len(wave))))[: frames * size]
    power = np.square(padded).reshape(frames, size).mean(axis=1)
    return np.asarray(power > power.max(initial=0) * 1e-4)
