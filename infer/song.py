"""A whole song in another voice: taken apart, its vocals converted, and put together again.

Separate from the conversion because it works on the mix at its own rate and in stereo; the conversion hears only the
vocals. What is not vocals is the mix less the vocals, sample by sample, so that nothing of a song is lost and the
parts always sum to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog import audio
from catalog.errors import BadAudio, BadRequest
from infer.cuts import SAMPLE_RATE
from infer.options import ConvertOptions
from infer.output import write
from infer.separation import Separator, separate_file
from infer.separator_file import VOCALS
from infer.track import BLOCK, Track

LEVEL_FRAME_S = 0.05
SOUNDING_DB = 30.0
"""Frames of the vocals less than this below their loudest one decide the level of the converted voice."""
MOST_GAIN_DB = 24.0

Progress = Callable[[float, float, str], None]
"""Seconds done, seconds in all, and what is being done."""


@dataclass(frozen=True)
class Parts:
    """A song taken apart at its own rate; one track a channel (one or two), all of the same length."""

    rate: int
    vocals: tuple[Track, ...]
    instrumental: tuple[Track, ...]

    @property
    def samples(self) -> int:
        """Length in samples."""
        return len(self.vocals[0])

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate

    def close(self) -> None:
        """Let go of the scratch files."""
        for track in (*self.vocals, *self.instrumental):
            track.close()


def take_apart(path: Path, separator: Separator, folder: Path, warnings: list[str], progress: Progress) -> Parts:
    """Separate a file into its vocals and the rest; raises BadAudio when nothing decodes, BadRequest for a separator
    that does not know vocals."""
    if VOCALS not in separator.stems:
        raise BadRequest(f"the separator {separator.name} gives {', '.join(separator.stems)}, but no vocals")
    info = audio.probe(path)
    names = ("left", "right") if info.channels == 2 else ("mono",)
    vocals = tuple(Track(folder / f"vocals {name}") for name in names)
    rest = tuple(Track(folder / f"instrumental {name}") for name in names)
    total = (info.samples or 0) / info.sample_rate
    for stems in separate_file(path, separator, warnings=warnings):
        for channel, track in enumerate(vocals):
            track.append(stems[VOCALS][:, channel])
        progress(len(vocals[0]) / info.sample_rate, total, "separating")
    parts = Parts(info.sample_rate, vocals, rest)
    _subtract(path, parts)
    if not parts.samples:
        parts.close()
        raise BadAudio(f"{path} holds no audio")
    return parts


def _subtract(path: Path, parts: Parts) -> None:
    """Fill the instrumental with the mix less the vocals."""
    weights = audio.mono_weights(path) if audio.probe(path).channels > 2 else None
    start = 0
    for block in audio.blocks(path, salvage=True, warnings=[]):
        mix = block if len(parts.vocals) == 2 else audio.to_mono(block, weights)[:, None]
        mix = mix[: parts.samples - start]
        for channel, (vocals, rest) in enumerate(zip(parts.vocals, parts.instrumental, strict=True)):
            rest.append(mix[:, channel] - vocals.read(start, start + len(mix)))
        start += len(mix)


def lead(parts: Parts, folder: Path) -> Track:
    """What the conversion hears: the middle of the vocals, at 16 kHz."""
    track = Track(folder / "lead")
    resampler = audio.Resampler(parts.rate, SAMPLE_RATE)
    for _, middle in _middle(parts):
        track.append(resampler.feed(middle))
    track.append(resampler.feed(np.zeros(0, np.float32), last=True))
    return track


def remix(parts: Parts, voice: Track, folder: Path, *, keep_backing: bool) -> tuple[tuple[Track, ...], float]:
    """The instrumental with the converted `voice` (at the song's rate) in the middle, at the level of the vocals.

    With `keep_backing`, what the vocals have away from the middle, where backing voices and their reverberation
    usually stand, stays as it was. Gives a track a channel, and the gain (dB) that the voice was given.
    """
    gain = level_gain(parts, voice)
    mixed = tuple(Track(folder / f"remix {channel}") for channel in range(len(parts.vocals)))
    for start, middle in _middle(parts):
        stop = start + len(middle)
        spoken = _read(voice, start, stop) * gain
        for vocals, rest, out in zip(parts.vocals, parts.instrumental, mixed, strict=True):
            block = rest.read(start, stop) + spoken
            out.append(block + (vocals.read(start, stop) - middle) if keep_backing else block)
    return mixed, float(20 * np.log10(gain))


def write_stems(parts: Parts, voice: Track, output: Path, options: ConvertOptions) -> dict[str, str]:
    """Keep the vocals, the instrumental and the converted voice in a folder beside the song; gives where each went.

    As 32-bit numbers: parts of a loud song may pass full scale, and turned down one by one would not sum to it.

    Raises BadRequest when that folder is there already, unless what exists may be replaced.
    """
    folder = output.with_name(f"{output.stem} stems")
    if folder.exists() and not options.overwrite:
        raise BadRequest(f"{folder} exists already: choose another place with --out, or --overwrite")
    stems = {VOCALS: parts.vocals, "instrumental": parts.instrumental, "converted": (voice,)}
    places = {}
    for name, channels in stems.items():
        places[name] = str(folder / f"{name}.wav")
        write(channels, parts.rate, folder / f"{name}.wav", "FLOAT", limiter="none")
    return places


def level_gain(parts: Parts, voice: Track) -> float:
    """Factor that gives the converted voice the level of the vocals it stands for, where those sound."""
    size = max(1, round(LEVEL_FRAME_S * parts.rate))
    sung, spoken = [], []
    for start, middle in _middle(parts):
        sung.append(_energy(middle, size))
        spoken.append(_energy(_read(voice, start, start + len(middle)), size))
    was, now = np.concatenate(sung), np.concatenate(spoken)
    sounding = was > was.max() * 10 ** (-SOUNDING_DB / 10)
    if not was.any() or not now[sounding].any():
        return 1.0
    most = 10 ** (MOST_GAIN_DB / 20)
    return float(np.clip(np.sqrt(was[sounding].sum() / now[sounding].sum()), 1 / most, most))


def _middle(parts: Parts) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The mean of the vocals' channels in blocks, each with the position of its first sample."""
    for start in range(0, parts.samples, BLOCK):
        stop = min(parts.samples, start + BLOCK)
        yield start, np.mean([track.read(start, stop) for track in parts.vocals], axis=0, dtype=np.float32)


def _read(track: Track, start: int, stop: int) -> NDArray[np.float32]:
    """Samples [start, stop), silence past the end."""
    found = track.read(min(start, len(track)), min(stop, len(track)))
    return np.pad(found, (0, stop - start - len(found))).astype(np.float32)


def _energy(samples: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Energy of each frame of `size` samples, the last one shorter."""
    return np.add.reduceat(np.square(samples, dtype=np.float64), np.arange(0, len(samples), size))
