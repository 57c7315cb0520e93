"""An analysis as files: how a worker's result reaches whoever holds the catalogue.

Separate from the records because it is a format: `<id>.json` with everything people may read, and beside it `<id>.npz`
with the activity. The JSON is renamed into place last, so where it is, the result is whole.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from catalog import atomic
from catalog.errors import BadRequest
from catalog.records import Activity, Analysis, Clip, LeftOut, Recording, Scoring

FORMAT = 1
ARRAYS = ("vad", "energy", "voicing", "highs")


def write(folder: Path, analysis: Analysis) -> Path:
    """Write an analysis into a folder, whole or not at all; returns its JSON file. BadRequest when the disk is full."""
    path = folder / f"{analysis.recording.id}.json"
    document: dict[str, Any] = {
        "format": FORMAT,
        "recording": asdict(analysis.recording),
        "activity": None,
        "clips": [asdict(clip) for clip in analysis.clips],
        "left_out": [asdict(gap) for gap in analysis.left_out],
        "scorings": [asdict(scoring) for scoring in analysis.scorings],
        "slicer": analysis.slicer,
    }
    with atomic.in_words(f"the analysis of {analysis.recording.path}"):
        folder.mkdir(parents=True, exist_ok=True)
        activity = analysis.activity
        if activity is not None:
            document["activity"] = {
                "version": activity.version,
                "vad_hop_s": activity.vad_hop_s,
                "energy_hop_s": activity.energy_hop_s,
                "voicing_hop_s": activity.voicing_hop_s,
            }
            arrays: dict[str, Any] = {name: np.frombuffer(getattr(activity, name), np.uint8) for name in ARRAYS}
            with atomic.new_file(path.with_suffix(".npz")) as part:
                np.savez_compressed(part, **arrays)
        atomic.write_json(path, document)
    return path


def read(path: Path) -> Analysis:
    """The analysis in a JSON file and the arrays beside it; raises BadRequest when they cannot be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] > FORMAT:
            raise BadRequest(f"{path} was written by a later version of this program.")
        return Analysis(
            recording=Recording(**document["recording"]),
            activity=_activity(path, document["activity"]),
            clips=tuple(Clip(**clip) for clip in document["clips"]),
            left_out=tuple(LeftOut(**gap) for gap in document["left_out"]),
            scorings=tuple(_scoring(scoring) for scoring in document["scorings"]),
            slicer=document["slicer"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"{path} cannot be read as an analysis ({error}).") from error


def found(folder: Path) -> list[Path]:
    """The whole results in a folder; files still being written, which have hidden names, are passed over."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def remove(path: Path) -> None:
    """Remove an analysis that was taken in; nothing happens when it is gone."""
    path.unlink(missing_ok=True)
    path.with_suffix(".npz").unlink(missing_ok=True)


def _scoring(facts: dict[str, Any]) -> Scoring:
    places = {name: (start, end) for name, (start, end) in facts.get("places", {}).items()}
    return Scoring(**{**facts, "places": places})


def _activity(path: Path, facts: dict[str, Any] | None) -> Activity | None:
    if facts is None:
        return None
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        return Activity(
            facts["version"],
            facts["vad_hop_s"],
            arrays["vad"].tobytes(),
            facts["energy_hop_s"],
            arrays["energy"].tobytes(),
            facts.get("voicing_hop_s", 0.0),
            *(arrays[name].tobytes() if name in arrays else b"" for name in ("voicing", "highs")),
        )
