"""Where converted files go and how they are written: never over something else unless that was asked for.

Separate because names can be settled before any network is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog import atomic, audio
from catalog.errors import BadRequest
from infer.track import Track
from infer.true_peak import limited

PEAK = 0.99
FORMATS = {".wav": "WAV", ".flac": "FLAC"}
_LARGEST_WAV = 4_000_000_000
_WIDEST_SAMPLE = 4


@dataclass(frozen=True)
class Target:
    """One file to convert, and where the result goes or why it cannot."""

    input: Path
    output: Path
    problem: str | None = None


def settle(inputs: Sequence[Path], out: Path, *, overwrite: bool) -> list[Target]:
    """Where each input's result goes: `out` itself for one input with a file name as `out`, else into the folder `out`.

    Inputs of the same name get different outputs. An output that exists is a problem unless `overwrite`; one that
    is an input always is. Raises BadRequest when `out` makes no sense.
    """
    single = len(inputs) == 1 and out.suffix != "" and not out.is_dir()
    if not single and out.is_file():
        raise BadRequest(f"{out} is a file: give a folder for the results of {len(inputs)} inputs")
    if single and out.suffix.lower() not in FORMATS:
        raise BadRequest(f"{out}: results are written as {' or '.join(sorted(FORMATS))}")
    sources = {path.resolve() for path in inputs}
    taken: set[Path] = set()
    targets = []
    for path in inputs:
        place = out if single else _free(out, path.stem, taken)
        taken.add(place)
        problem = None
        if place.resolve() in sources:
            problem = f"{place} is an input: choose another place with --out"
        elif place.exists() and not overwrite:
            problem = f"{place} exists already: choose another place with --out, or --overwrite"
        targets.append(Target(path, place, problem))
    return targets


def _free(folder: Path, stem: str, taken: set[Path]) -> Path:
    """A name in `folder` that no other input of this job has: NAME.wav, NAME~2.wav and so on."""
    place, count = folder / f"{stem}.wav", 1
    while place in taken:
        count += 1
        place = folder / f"{stem}~{count}.wav"
    return place


def write(channels: Sequence[Track], rate: int, path: Path, subtype: str, *, limiter: str = "scale") -> None:
    """Write tracks of one length, one a channel, as `path`: whole or not at all.

    What would pass full scale is turned down: by `limiter` "true-peak" only around where it would, to -1 dBTP, by
    "scale" the whole file alike; "none" leaves it, which only FLOAT can hold. Raises BadRequest when the disk is full
    or the place cannot be written.
    """
    container = FORMATS[path.suffix.lower()]
    if container == "WAV" and len(channels[0]) * len(channels) * _WIDEST_SAMPLE > _LARGEST_WAV:
        container = "RF64"
    if container == "FLAC" and subtype == "FLOAT":
        subtype = "PCM_24"
    with atomic.in_words(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
    with audio.new_audio(path, rate, channels=len(channels), container=container, subtype=subtype) as append:
        whole = scaled(channels, PEAK if limiter == "scale" else np.inf)
        for block in limited(channels, rate) if limiter == "true-peak" else whole:
            append(block)


def scaled(channels: Sequence[Track], highest: float) -> Iterator[NDArray[np.float32]]:
    """Blocks (n, channels) of tracks of one length, all turned down by what brings the highest sample to `highest`."""
    scale = 1 / max(1.0, max(track.peak for track in channels) / highest)
    for blocks in zip(*(track.blocks() for track in channels), strict=True):
        together = np.stack([block for _, block in blocks], axis=1)
        yield np.asarray(together * scale, dtype=np.float32)
