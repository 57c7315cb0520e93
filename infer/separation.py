"""Taking a mix apart: the one interface of separators, and Demucs behind it.

Separate from reading the network's file because another separator is one more class with `separate`, and nothing that
uses stems (recordings of a voice, songs) knows which one it is. A track goes through in segments, so memory is bounded
by the segment and not by the song.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from catalog import audio

if TYPE_CHECKING:
    import torch

Samples = npt.NDArray[np.float32]
Track = Callable[[], Iterable[Samples]]
"""A mix that can be read more than once: each call gives its blocks (n, channels) from the start."""
OVERLAP = 0.25
"""Share of a segment that is heard twice and cross-faded, at most a half (0.25 is the published setting)."""


class Separator(Protocol):
    """Something that takes a mix apart into named stems."""

    @property
    def name(self) -> str:
        """Which one it is, as it is kept with what it made."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of what it gives, such as "vocals"."""

    @property
    def sample_rate(self) -> int:
        """The rate (Hz) at which it hears and speaks."""

    @property
    def channels(self) -> int:
        """The channels that it hears and gives."""

    def separate(self, track: Track) -> Iterator[dict[str, Samples]]:
        """Yield blocks (n, channels) of every stem, together as long as the track and sample by sample in time."""


@dataclass(frozen=True)
class Demucs:
    """A hybrid transformer Demucs (Rouard, Massa, Défossez: "Hybrid Transformers for Music Source Separation", 2023).

    The track is brought to mean 0 and deviation 1 by its mono mix, cut into segments of the length that the network
    was trained on, each `1 - overlap` of a segment after the last, and the answers are joined under triangular weights.
    No random shifts: the same track gives the same stems.
    """

    name: str
    network: Any
    """`demucs.htdemucs.HTDemucs` in evaluation mode."""
    stems: tuple[str, ...]
    """Those of the network's sources that are given."""
    overlap: float = OVERLAP

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return int(self.network.samplerate)

    @property
    def channels(self) -> int:
        """1 or 2."""
        return int(self.network.audio_channels)

    @property
    def segment(self) -> int:
        """Samples that the network hears at once."""
        return int(self.network.samplerate * self.network.segment)

    def separate(self, track: Track) -> Iterator[dict[str, Samples]]:
        """As `Separator.separate`; the track is read twice."""
        scale = _Scale.of(track)
        segment = self.segment
        step = max(1, int((1 - self.overlap) * segment))
        window = _Window(track, scale, self.channels)
        rising = np.arange(1, segment // 2 + 1, dtype=np.float32)
        weight = np.concatenate([rising, np.arange(segment - segment // 2, 0, -1, dtype=np.float32)])
        weight /= weight.max()
        total = np.zeros((len(self.stems), segment, self.channels), np.float32)
        weights = np.zeros(segment, np.float32)
        for offset in range(0, scale.samples, step):
            length = min(segment, scale.samples - offset)
            before = (segment - length) // 2
            heard = self._heard(window.read(offset - before, offset - before + segment))
            total[:, :length] += weight[:length, None] * heard[:, before : before + length]
            weights[:length] += weight[:length]
            over = min(step, length)
            done = total[:, :over] / weights[:over, None] * scale.deviation + scale.mean
            yield dict(zip(self.stems, done.astype(np.float32), strict=True))
            total = np.concatenate([total[:, over:], np.zeros_like(total[:, :over])], axis=1)
            weights = np.concatenate([weights[over:], np.zeros_like(weights[:over])])

    def _heard(self, mix: Samples) -> Samples:
        """What the network makes of one segment (samples, channels): (stems, samples, channels)."""
        import torch

        device: torch.device = next(self.network.parameters()).device
        with torch.inference_mode():
            heard = self.network(torch.from_numpy(np.ascontiguousarray(mix.T))[None].to(device))[0]
        wanted = [list(self.network.sources).index(name) for name in self.stems]
        return np.asarray(heard[wanted].cpu().numpy().transpose(0, 2, 1), np.float32)


@dataclass(frozen=True)
class _Scale:
    """Length of a track, and mean and deviation of its mono mix."""

    samples: int
    mean: float
    deviation: float

    @staticmethod
    def of(track: Track) -> _Scale:
        samples, total, squares = 0, 0.0, 0.0
        for block in track():
            mono = block.mean(axis=1, dtype=np.float64)
            samples += len(mono)
            total += float(mono.sum())
            squares += float(mono @ mono)
        if not samples:
            return _Scale(0, 0.0, 1.0)
        mean = total / samples
        variance = (squares - samples * mean * mean) / max(1, samples - 1)
        return _Scale(samples, mean, float(np.sqrt(max(0.0, variance))) + 1e-8)


class _Window:
    """Ranges of a scaled track, each beginning no earlier than the last; silence before and after the track."""

    def __init__(self, track: Track, scale: _Scale, channels: int) -> None:
        self._blocks = iter(track())
        self._scale = scale
        self._held = np.zeros((0, channels), np.float32)
        self._base = 0

    def read(self, start: int, end: int) -> Samples:
        """Samples [start, end), (n, channels)."""
        while self._base + len(self._held) < min(end, self._scale.samples):
            block = (next(self._blocks) - self._scale.mean) / self._scale.deviation
            self._held = np.concatenate([self._held, block.astype(np.float32)])
        first = max(start, 0)
        self._held, self._base = self._held[first - self._base :], first
        part = self._held[: end - first]
        return np.pad(part, ((first - start, end - first - len(part)), (0, 0)))


def separate_file(
    path: Path, separator: Separator, *, warnings: list[str] | None = None
) -> Iterator[Mapping[str, Samples]]:
    """Blocks of every stem of a file at the file's own rate, sample by sample in time with it.

    A stereo file gives stereo stems, any other mono ones. What decodes of a damaged file is used, with a line in
    `warnings`. Raises BadAudio when nothing does.
    """
    info = audio.probe(path)
    channels = 2 if info.channels == 2 else 1
    weights = audio.mono_weights(path) if info.channels > 2 else None
    samples = 0

    def track() -> Iterator[Samples]:
        nonlocal samples
        samples = 0
        resampler = audio.Resampler(info.sample_rate, separator.sample_rate, separator.channels)
        said: list[str] = []
        for block in audio.blocks(path, salvage=True, warnings=said):
            samples += len(block)
            heard = block if channels == 2 else audio.to_mono(block, weights)[:, None]
            yield resampler.feed(_with_channels(heard, separator.channels))
        yield resampler.feed(np.zeros((0, separator.channels), np.float32), last=True)
        if warnings is not None:
            warnings[:] = [*warnings, *(line for line in said if line not in warnings)]

    back = {stem: audio.Resampler(separator.sample_rate, info.sample_rate, channels) for stem in separator.stems}
    given = 0
    held: Mapping[str, Samples] = {}
    for block in separator.separate(track):
        if held:
            yield held
            given += len(next(iter(held.values())))
        held = {name: back[name].feed(_with_channels(stem, channels)) for name, stem in block.items()}
    nothing = np.zeros((0, channels), np.float32)
    rest = {name: np.concatenate([held.get(name, nothing), back[name].feed(nothing, last=True)]) for name in back}
    yield {name: _of_length(stem, samples - given) for name, stem in rest.items()}


def _with_channels(x: Samples, channels: int) -> Samples:
    """(n, 1 or 2) as (n, channels): one channel doubled, or two averaged."""
    if x.shape[1] == channels:
        return x
    return np.repeat(x, channels, axis=1) if x.shape[1] == 1 else x.mean(axis=1, keepdims=True)


def _of_length(x: Samples, samples: int) -> Samples:
    """Exactly so long: resampling there and back may end a sample early or late."""
    return np.pad(x[:samples], ((0, max(0, samples - len(x))), (0, 0)))
