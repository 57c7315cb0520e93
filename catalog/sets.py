"""Sets: accepted clips frozen into a folder that never changes, with their audio and a hashed manifest.

Separate from the catalogue because a set is what a trainer or another tool is given: it stands on its own. A folder
holds `manifest.json` and `clips/<clip id>.flac` at each recording's own rate, mono. A clip may carry a weight, which is
part of what the set is: the same clips weighed otherwise are another set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catalog import atomic, audio
from catalog.errors import BadAudio, BadRequest
from catalog.library import Library
from catalog.names import check_name, nearest
from catalog.records import SCORE_NAMES, SetClip, SetInfo

FORMAT, WEIGHED = 1, 2
"""Of a manifest without weights, and of one with some, which programs that know only the first must not read."""
LEAST_WEIGHT, MOST_WEIGHT = 0.05, 20.0
WEIGHT_TAG = "weight="
"""A clip with the tag `weight=2` counts twice in the sets that it is frozen into."""
MANIFEST = "manifest.json"
SIXTEEN_BITS_OR_LESS = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")
HIGHEST = 1 - 2**-15
"""The highest sample that every clip file can hold."""

Row = Mapping[str, Any]
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class SetManifest:
    """A set as it lies on disk."""

    path: Path
    info: SetInfo
    clips: tuple[SetClip, ...]
    processing: tuple[str, ...] = field(default=())
    """What was done to the audio between the recordings and the clip files, in words."""

    def file(self, clip: SetClip) -> Path:
        """Where the audio of a clip lies."""
        return self.path / clip.file

    @property
    def drawn_seconds(self) -> float:
        """Seconds that one pass over the set draws: each clip's as often as it weighs."""
        return sum(clip.weight * (clip.end - clip.start) / clip.sample_rate for clip in self.clips)

    def document(self) -> dict[str, Any]:
        """The manifest as its file holds it."""
        return {
            "format": WEIGHED if any(clip.weight != 1 for clip in self.clips) else FORMAT,
            "name": self.info.name,
            "id": self.info.id,
            "created_at": self.info.created_at,
            "seconds": self.info.seconds,
            "speakers": list(self.info.speakers),
            "processing": list(self.processing),
            "clips": [_facts(clip) for clip in self.clips],
        }


def folder(library: Library, name: str) -> Path:
    """Where the set of this name lies, or would."""
    return library.sets / check_name("set", name)


def freeze(library: Library, name: str, clips: Sequence[Row], *, progress: Progress | None = None) -> SetInfo:
    """Write these clips, rows of the clip table, as a set: whole or not at all. A tag says what a clip weighs.

    Raises BadRequest for a bad or taken name, no clips, a clip that was not accepted or weighs too much or too little,
    and a full disk; BadAudio when a recording is missing or is no longer the file that was catalogued.
    """
    target = folder(library, name)
    if target.exists():
        raise BadRequest(f"A set named {name} already exists, and sets never change; choose another name.")
    chosen = sorted(
        {str(row["id"]): row for row in clips}.values(), key=lambda row: (row["speaker"], row["path"], row["start"])
    )
    if not chosen:
        raise BadRequest(f"No accepted clips were chosen, so the set {name} was not made.")
    for row in chosen:
        if row.get("verdict", "accepted") != "accepted":
            raise BadRequest(f"The clip {row['id']} is {row['verdict']}, not accepted; the set {name} was not made.")
        weight_of(row)
    with atomic.in_words(f"the set {name}"):
        library.sets.mkdir(parents=True, exist_ok=True)
        with atomic.new_folder(target) as part:
            (part / "clips").mkdir()
            writer = _Writer(part, len(chosen), progress)
            for path in dict.fromkeys(row["path"] for row in chosen):
                writer.add(Path(path), [row for row in chosen if row["path"] == path])
            manifest = _manifest(target, name, writer)
            atomic.write_json(part / MANIFEST, manifest.document())
    return manifest.info


def weight_of(row: Row) -> float:
    """What a clip weighs by its tags; 1 where none says it. Raises BadRequest when they cannot be meant."""
    said = {str(tag) for tag in row.get("tags") or () if str(tag).startswith(WEIGHT_TAG)}
    if not said:
        return 1.0
    text = " and ".join(sorted(said))
    try:
        (weight,) = (float(tag.removeprefix(WEIGHT_TAG)) for tag in said)
    except ValueError as error:
        raise BadRequest(f"The clip {row['id']} has {text}: give it one weight, such as {WEIGHT_TAG}2.") from error
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise BadRequest(f"The clip {row['id']} has {text}: only {LEAST_WEIGHT:g} to {MOST_WEIGHT:g} is possible.")
    return weight


class _Writer:
    """Cuts clips out of recordings into the set's folder, one recording at a time."""

    def __init__(self, part: Path, total: int, progress: Progress | None) -> None:
        self.part = part
        self.total = total
        self.progress = progress
        self.clips: list[SetClip] = []
        self.mixed = False
        self.lowered: list[str] = []

    def add(self, path: Path, rows: Sequence[Row]) -> None:
        """Write all clips of one recording."""
        digest = audio.sha256(path)
        if not digest.startswith(str(rows[0]["recording"])):
            raise BadAudio(f"{path} is no longer the file that was added; add it again before freezing.")
        info = audio.probe(path)
        bits: Literal[16, 24] = 16 if info.channels == 1 and info.format.split("/")[-1] in SIXTEEN_BITS_OR_LESS else 24
        self.mixed |= info.channels > 1
        ranges = [(int(row["start"]), int(row["end"])) for row in rows]
        for row, samples in zip(rows, audio.ranges(path, ranges), strict=True):
            if len(samples) != int(row["end"]) - int(row["start"]):
                raise BadAudio(f"{path} ends inside the clip {row['id']}; add it again before freezing.")
            self.clips.append(self._write(row, samples, info.sample_rate, bits, digest))
            if self.progress:
                self.progress(len(self.clips), self.total)

    def _write(self, row: Row, samples: audio.Samples, rate: int, bits: Literal[16, 24], digest: str) -> SetClip:
        file = f"clips/{row['id']}.flac"
        peak = float(np.abs(samples).max())
        if peak > 1.0:
            samples = (samples * np.float32(HIGHEST / peak)).astype(np.float32)
            self.lowered.append(f"{row['id']} lowered by {20 * np.log10(peak / HIGHEST):.2f} dB to fit full scale")
        audio.write_flac(self.part / file, samples, rate, bits=bits)
        scores = row["scores"] if "scores" in row else {name: row.get(name) for name in SCORE_NAMES}
        return SetClip(
            clip=str(row["id"]),
            recording=str(row["recording"]),
            recording_sha256=digest,
            speaker=str(row["speaker"]),
            start=int(row["start"]),
            end=int(row["end"]),
            sample_rate=rate,
            file=file,
            sha256=audio.sha256(self.part / file),
            peak=peak,
            scores={name: value for name, value in scores.items() if value is not None},
            weight=weight_of(row),
        )

    @property
    def processing(self) -> tuple[str, ...]:
        """What was done to the audio, in words."""
        words = ["cut to the sample at the recording's own rate; FLAC of 16 bit where the source has no more, else 24"]
        if self.mixed:
            words.append("channels mixed to mono: the mean of those that carry sound, the loudest where that cancels")
        return (*words, *self.lowered)


def _manifest(target: Path, name: str, writer: _Writer) -> SetManifest:
    clips = tuple(writer.clips)
    info = SetInfo(
        id=content_id(clips),
        name=name,
        clips=len(clips),
        seconds=round(sum((clip.end - clip.start) / clip.sample_rate for clip in clips), 6),
        speakers=tuple(sorted({clip.speaker for clip in clips})),
        created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return SetManifest(target, info, clips, writer.processing)


def content_id(clips: Sequence[SetClip]) -> str:
    """SHA-256 over the clips in canonical JSON: the same clips with the same audio, scores and weights have one id."""
    document = [_facts(clip) for clip in sorted(clips, key=lambda clip: clip.clip)]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(clip: SetClip) -> dict[str, Any]:
    """A clip as a manifest lists it; a weight of one goes without saying."""
    facts = asdict(clip)
    if clip.weight == 1:
        del facts["weight"]
    return facts


def load(library: Library, name: str, *, verify: bool = True) -> SetManifest:
    """The set of this name; with `verify` every file is hashed again.

    Raises BadRequest when it is missing or damaged.
    """
    path = folder(library, name)
    if not (path / MANIFEST).is_file():
        names = [info.name for info in list_sets(library)]
        known = nearest(name, names, listed_by="curator set list") or "; there are no sets yet"
        raise BadRequest(f"There is no set named {name}{known}.")
    manifest = _read(path)
    if content_id(manifest.clips) != manifest.info.id:
        raise BadRequest(f"The set {name} is damaged: its manifest was changed after it was frozen.")
    if verify:
        for clip in manifest.clips:
            file = manifest.file(clip)
            if not file.is_file():
                raise BadRequest(f"The set {name} is damaged: {clip.file} is missing.")
            if audio.sha256(file) != clip.sha256:
                raise BadRequest(f"The set {name} is damaged: {clip.file} was changed after it was frozen.")
    return manifest


def list_sets(library: Library) -> list[SetInfo]:
    """The sets that lie in the library, oldest first; folders without a readable manifest are passed over."""
    if not library.sets.is_dir():
        return []
    found = []
    for path in library.sets.iterdir():
        if not path.name.startswith(".") and (path / MANIFEST).is_file():
            try:
                found.append(_read(path).info)
            except BadRequest:
                continue
    return sorted(found, key=lambda info: (info.created_at, info.name))


def _read(path: Path) -> SetManifest:
    try:
        document = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        version = int(document["format"])
        clips = tuple(SetClip(**clip) for clip in document["clips"]) if version <= WEIGHED else ()
        info = SetInfo(
            id=str(document["id"]),
            name=path.name,
            clips=len(clips),
            seconds=float(document["seconds"]),
            speakers=tuple(document["speakers"]),
            created_at=str(document["created_at"]),
        )
        processing = tuple(document["processing"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"The set {path.name} is damaged: its manifest cannot be read.") from error
    if version > WEIGHED:
        raise BadRequest(f"The set {path.name} was frozen by a later version of this program.")
    unsafe = [clip.file for clip in clips if Path(clip.file).is_absolute() or ".." in Path(clip.file).parts]
    if unsafe:
        raise BadRequest(f"The set {path.name} is damaged: its manifest names a file outside it ({unsafe[0]}).")
    return SetManifest(path, info, clips, processing)
