"""The preview job, `python -m infer.preview_job JOBDIR`: a file spoken with the sounds of a set.

Separate from `infer.preview`, which does the work, because this is only the job's shell: which set, which file, and
where the result goes: without an `out`, into the job's own folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from catalog import audio, sets
from catalog.errors import BadRequest
from catalog.jobs import JobReport, run_job
from catalog.library import Library
from infer.content import DEFAULT, load_encoder
from infer.options import AUTO
from infer.output import settle
from infer.preview import preview
from infer.set_sounds import Passage

_TOLD = 10
"""So many of the clips that were leaned on are named."""


def work(request: dict[str, Any], report: JobReport) -> dict[str, Any]:
    """Preview one file; raises CuratorError in one line, and then nothing was written."""
    library = Library(Path(request["library"]))
    source, transpose = Path(request["input"]), request["transpose"]
    out = Path(request["out"]) if request["out"] else report.job.path / "preview.wav"
    [target] = settle([source], out, overwrite=request["overwrite"])
    if target.problem:
        raise BadRequest(target.problem)
    manifest = sets.load(library, request["set"], verify=False)
    passages = [Passage(clip.clip, manifest.file(clip)) for clip in manifest.clips]
    encoder = load_encoder(DEFAULT, library.weights)
    heard = preview(
        passages,
        source,
        encoder,
        transpose=None if transpose == AUTO else float(transpose),
        f0_method=request["f0_method"],
        kept=library.media / "features" / "previews" / f"{manifest.info.id}-{encoder.name}-{encoder.version}.npz",
        progress=lambda done, total, note: report.progress(done, total, note),
    )
    target.output.parent.mkdir(parents=True, exist_ok=True)
    write = audio.write_flac if target.output.suffix.lower() == ".flac" else audio.write_wav
    write(target.output, heard.samples, heard.sample_rate)
    return {
        "set": manifest.info.name,
        "set_id": manifest.info.id,
        "input": str(source),
        "input_sha256": audio.sha256(source),
        "output": str(target.output),
        "sha256": audio.sha256(target.output),
        "seconds": round(len(heard.samples) / heard.sample_rate, 3),
        "sample_rate": heard.sample_rate,
        "transpose": heard.transpose,
        "distance": round(heard.distance, 4),
        "leaned_on": [
            {"clip": clip, "share": round(share, 4)} for clip, share in list(heard.leaned_on.items())[:_TOLD]
        ],
    }


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
