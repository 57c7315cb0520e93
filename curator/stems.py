"""Stems: derived audio of a recording, written beside the catalogue with its parent and the settings that made it.

Separate from the analysis because a stem, once written, is analysed like any other file. It has the rate and the length
of its parent, so a range of samples of one is the same range of the other.
"""

from __future__ import annotations

import hashlib
import json
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import audio
from catalog.errors import BadRequest
from catalog.records import NOT_SLICED, Analysis, LeftOut, Recording
from curator.analysis import recording_of
from curator.denoise import DENOISERS, Unsuitable, denoise_file
from infer.separator_file import VOCALS

Samples = npt.NDArray[np.float32]
IN_STEM = "its stem is used"
FULL_SCALE = 0.999


@dataclass(frozen=True)
class StemSettings:
    """What is done to each recording; at least one of the two."""

    media: str
    """Folder for the stems."""
    weights: str
    """Folder of pulled weights."""
    separator: str | None = None
    """Published name or model file of the separator whose vocals are kept; None to keep the mix."""
    denoiser: str | None = None
    """Name in `curator.denoise.DENOISERS`; None to keep the noise."""

    def derivation(self) -> dict[str, Any]:
        """What is kept with a stem: the same settings, and the same bytes of a separator, give the same stem."""
        made: dict[str, Any] = {}
        if self.separator is not None:
            made["separate"] = {**_separator_facts(self.separator, Path(self.weights)), "stem": VOCALS}
        if self.denoiser is not None:
            made["denoise"] = DENOISERS[self.denoiser].facts()
        return made

    def had(self, recordings: Iterable[Recording]) -> list[str]:
        """The sums of the recordings of which this was asked before: their stem is there, or was refused."""
        recordings = list(recordings)
        asked = _key(self.derivation())
        sums = {recording.id: recording.sha256 for recording in recordings}
        derived = [each for each in recordings if each.derivation.get("asked") == asked]
        return [sums[each.parent or each.id] for each in derived if (each.parent or each.id) in sums]


@dataclass(frozen=True)
class Stem:
    """What came of deriving a stem."""

    path: Path | None
    """None where nothing could be done without harm."""
    derivation: Mapping[str, Any]
    """What was asked for and what was done; a step that was refused says why."""
    samples: int


def derive(path: Path, digest: str, settings: StemSettings, warnings: list[str]) -> Stem:
    """Write the stem of the recording at `path`; a step that would harm is left out, with a line in `warnings`.

    Raises BadAudio, BadModel, BadRequest and MissingWeights in one line.
    """
    media = Path(settings.media)
    if not media.is_dir():
        raise BadRequest(
            f"{media} is not there for {socket.gethostname()}: stems need a folder that all machines share."
        )
    wanted = settings.derivation()
    info = audio.probe(path)
    with tempfile.TemporaryDirectory(dir=media, prefix=".stem-") as folder:
        source = path
        done: dict[str, Any] = {"asked": _key(wanted)}
        if "separate" in wanted:
            source = _separated(path, info.sample_rate, settings, Path(folder), warnings)
            done["separate"] = wanted["separate"]
        if "denoise" in wanted:
            try:
                source = _denoised(source, str(settings.denoiser), Path(folder))
                done["denoise"] = wanted["denoise"]
            except Unsuitable as reason:
                warnings.append(f"{path} was not denoised: {reason}.")
                done["not_denoised"] = str(reason)
        if source == path:
            return Stem(None, done, 0)
        target = media / f"{digest[:16]}-{_key(done)}.flac"
        return Stem(target, done, _write(source, target))


def parent_analysis(path: Path, digest: str, speaker: str, samples: int) -> Analysis:
    """The recording behind a stem as the catalogue keeps it: all of it left out, since its stem is used."""
    recording = recording_of(path, digest, speaker, audio.probe(path), samples)
    return Analysis(recording, None, (), (LeftOut(0, samples, IN_STEM),), (), NOT_SLICED)


def _separator_facts(separator: str, weights: Path) -> dict[str, Any]:
    from infer.separation import OVERLAP
    from infer.separator_file import PUBLISHED, find_separator

    path = find_separator(separator, weights)
    name = separator if separator in PUBLISHED else path.name
    return {"separator": name, "sha256": audio.sha256(path), "overlap": OVERLAP}


def _separated(path: Path, rate: int, settings: StemSettings, folder: Path, warnings: list[str]) -> Path:
    """The vocals of a mix as a file of floats."""
    from infer.separation import separate_file
    from infer.separator_file import load_separator

    separator = load_separator(str(settings.separator), Path(settings.weights))
    if VOCALS not in separator.stems:
        raise BadRequest(f"{settings.separator} gives {', '.join(separator.stems)} and no {VOCALS}.")
    blocks = separate_file(path, separator, warnings=warnings)
    return _spooled(folder / "vocals.w64", (block[VOCALS] for block in blocks), rate)


def _denoised(source: Path, denoiser: str, folder: Path) -> Path:
    """A recording without its noise as a file of floats; raises Unsuitable where that would harm."""
    blocks = denoise_file(source, DENOISERS[denoiser])
    return _spooled(folder / "denoised.w64", blocks, audio.probe(source).sample_rate)


def _spooled(target: Path, blocks: Iterator[Samples], rate: int) -> Path:
    """Blocks (n, channels) as a file of floats, which no level can clip."""
    first = next(blocks)
    with audio.new_audio(target, rate, channels=first.shape[1], container="W64", subtype="FLOAT") as append:
        append(first)
        for block in blocks:
            append(block)
    return target


def _write(source: Path, target: Path) -> int:
    """A file of floats as FLAC of 24 bits, turned down where it would clip; returns its samples."""
    info = audio.probe(source)
    peak = max((float(np.abs(block).max()) for block in audio.blocks(source)), default=0.0)
    gain = np.float32(FULL_SCALE / peak if peak > FULL_SCALE else 1.0)
    samples = 0
    options: dict[str, Any] = {"container": "FLAC", "subtype": "PCM_24"}
    with audio.new_audio(target, info.sample_rate, channels=info.channels, **options) as append:
        for block in audio.blocks(source):
            append(block * gain)
            samples += len(block)
    return samples


def _key(derivation: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(derivation, sort_keys=True).encode()).hexdigest()[:8]
