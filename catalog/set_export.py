"""Handing a set to other tools: its clips as wav in the layout that the tool expects.

Separate from `catalog.sets` because layouts belong to other programs and will grow in number.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catalog import atomic, audio
from catalog.errors import BadRequest
from catalog.records import SetClip
from catalog.sets import SetManifest

RVC_LONGEST_S = 3.3
"""RVC's preprocessing keeps a file up to 3.0 + 0.3 s in one window, with every setting of its own."""
RVC_SHORTEST_S = 0.8
"""RVC's trainer passes over windows of 0.75 s and less."""
CUT_WITHIN_S = 0.3
CUT_WINDOW_S = 0.02


@dataclass(frozen=True)
class Piece:
    """One wav of an export: which part of which clip it holds, in samples of the clip."""

    file: str
    clip: SetClip
    start: int
    end: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start) / self.clip.sample_rate


def write(manifest: SetManifest, layout: str, out: Path) -> list[Path]:
    """Write a set for another tool into the new or empty folder `out`; returns the files, the list first.

    Layouts: "wav" (one wav a clip), "filelist" (wavs and filelist.csv), "jsonl" (wavs and manifest.jsonl), "rvc"
    (pieces of 0.8 to 3.3 s and pieces.csv). Raises BadRequest for another layout, for a folder that
    holds something and for a full disk.
    """
    if layout not in LAYOUTS:
        raise BadRequest(f"{layout} is not an export format; choose one of {', '.join(LAYOUTS)}.")
    out = Path(out).absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadRequest(f"{out} already holds something; give a new or empty folder.")
    with atomic.in_words(str(out)):
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic.new_folder(out, before=lambda: out.rmdir() if out.exists() else None) as part:
            LAYOUTS[layout](manifest, part)
            found = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
    return [out / path for path in sorted(found, key=lambda path: (path.suffix == ".wav", path))]


def _wav(manifest: SetManifest, part: Path) -> None:
    _write_pieces(manifest, part, "", _whole)


def _filelist(manifest: SetManifest, part: Path) -> None:
    pieces = _write_pieces(manifest, part, "wavs/", _whole)
    _write_csv(part / "filelist.csv", pieces, [])


def _jsonl(manifest: SetManifest, part: Path) -> None:
    pieces = _write_pieces(manifest, part, "wavs/", _whole)
    lines = [json.dumps(_facts(piece), ensure_ascii=False) for piece in pieces]
    (part / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rvc(manifest: SetManifest, part: Path) -> None:
    pieces = _write_pieces(manifest, part, "wavs/", _cut)
    written = {piece.clip.clip for piece in pieces}
    _write_csv(part / "pieces.csv", pieces, [clip for clip in manifest.clips if clip.clip not in written])


LAYOUTS: dict[str, Callable[[SetManifest, Path], None]] = {
    "wav": _wav,
    "filelist": _filelist,
    "rvc": _rvc,
    "jsonl": _jsonl,
}

Cut = Callable[[audio.Samples, int], Iterable[tuple[int, int]]]


def _write_pieces(manifest: SetManifest, part: Path, folder: str, cut: Cut) -> list[Piece]:
    (part / folder).mkdir(exist_ok=True)
    pieces = []
    for clip in manifest.clips:
        source = manifest.file(clip)
        samples, rate = audio.read(source)
        subtype: Literal["PCM_16", "PCM_24"] = "PCM_16" if audio.probe(source).format.endswith("PCM_16") else "PCM_24"
        ranges = list(cut(samples, rate))
        for number, (start, end) in enumerate(ranges):
            suffix = f"_{number:02d}" if len(ranges) > 1 else ""
            piece = Piece(f"{folder}{clip.clip}{suffix}.wav", clip, start, end)
            audio.write_wav(part / piece.file, samples[start:end], rate, subtype)
            pieces.append(piece)
    return pieces


def _whole(samples: audio.Samples, rate: int) -> Iterable[tuple[int, int]]:
    return [(0, len(samples))]


def _cut(samples: audio.Samples, rate: int) -> Iterable[tuple[int, int]]:
    """Equal pieces that RVC keeps whole, each cut moved to the quietest place nearby; none of too short a clip."""
    if len(samples) < RVC_SHORTEST_S * rate:
        return []
    aim = RVC_LONGEST_S - 2 * CUT_WITHIN_S
    count = 1 if len(samples) <= RVC_LONGEST_S * rate else int(np.ceil(len(samples) / (aim * rate)))
    cuts = [_quietest(samples, rate, round(len(samples) * number / count)) for number in range(1, count)]
    return list(zip([0, *cuts], [*cuts, len(samples)], strict=True))


def _quietest(samples: audio.Samples, rate: int, place: int) -> int:
    window = max(1, round(CUT_WINDOW_S * rate))
    first = max(0, place - round(CUT_WITHIN_S * rate))
    part = samples[first : place + round(CUT_WITHIN_S * rate)].astype(np.float64)
    energy = np.convolve(part**2, np.ones(window), mode="valid")
    return first + int(energy.argmin()) + window // 2


def _facts(piece: Piece) -> dict[str, Any]:
    clip = piece.clip
    return {
        "audio_filepath": piece.file,
        "duration": round(piece.seconds, 6),
        "speaker": clip.speaker,
        "clip": clip.clip,
        "recording": clip.recording,
        "start": clip.start + piece.start,
        "end": clip.start + piece.end,
        "sample_rate": clip.sample_rate,
        **({} if clip.weight == 1 else {"weight": clip.weight}),
        **clip.scores,
    }


def _write_csv(path: Path, pieces: Sequence[Piece], too_short: Sequence[SetClip]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "speaker", "seconds", "clip", "recording", "start", "end", "left_out"])
        for piece in pieces:
            clip, start, end = piece.clip, piece.clip.start + piece.start, piece.clip.start + piece.end
            rows.writerow([piece.file, clip.speaker, f"{piece.seconds:.6f}", clip.clip, clip.recording, start, end, ""])
        for clip in too_short:
            seconds = f"{(clip.end - clip.start) / clip.sample_rate:.6f}"
            reason = f"shorter than {RVC_SHORTEST_S} s"
            rows.writerow(["", clip.speaker, seconds, clip.clip, clip.recording, clip.start, clip.end, reason])
