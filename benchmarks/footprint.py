"""Memory and disk of a training: the peak of the process, a whole checkpoint, and what 100 epochs leave behind.

    python -m benchmarks.footprint AUDIO --library DIR --preset 40k --minutes 30 --batch 4

Freezes a set of so many minutes out of the recordings under AUDIO, then trains a few steps in a process of its own, as
`curator train` does, from nothing and in single precision; the clips are not listened to again at the end, which would
take longer than so few steps. What 100 epochs leave is what these steps left, with as many renderings as a run keeps at
most, and with the lines that so many steps write.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.overtraining import row_of
from catalog import audio, sets
from catalog.errors import BadAudio
from catalog.jobs import Job
from catalog.library import Library
from catalog.records import clip_id
from trainer.config import PRESETS, TrainRequest
from trainer.samples import CLIPS, MOST_SAVES

EPOCHS = 100
CLIP_S = 8.0
CHILD = "import sys, trainer.run as run, trainer.__main__ as job; run.look_back = lambda *_: []; job.main(sys.argv[1:])"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("audio", type=Path)
    options.add_argument("--library", type=Path, required=True, help="where to work; a set that is there is used again")
    options.add_argument("--preset", default="40k")
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--steps", type=int, default=3)
    options.add_argument("--threads", type=int, default=0)
    given = options.parse_args()
    library = Library(given.library)
    name = f"minutes-{given.minutes:g}"
    if not (library.sets / name).exists():
        sets.freeze(library, name, minutes_of(given.audio, given.minutes))
    number = 1 + sum(1 for _ in library.runs.glob("footprint-*"))
    settings = {"batch_size": given.batch, "save_every": given.steps, "threads": given.threads, "precision": "fp32"}
    request = TrainRequest(
        library=str(library.root), set_name=name, model=f"footprint-{number}", preset=given.preset, steps=given.steps,
        device="cpu", base="none", settings=settings,
    )  # fmt: skip
    job = Job.create(library.runs, "train", request.to_dict(), job_id=f"footprint-{number}")
    subprocess.run([sys.executable, "-c", CHILD, str(job.path)], check=True)
    show(library, job, request)


def minutes_of(folder: Path, minutes: float) -> list[dict[str, Any]]:
    """Pieces of recordings, of so many minutes together, as accepted clips."""
    rows: list[dict[str, Any]] = []
    for path in audio.find_audio([folder]):
        try:
            whole = row_of(path)
        except BadAudio as error:
            print(f"left out: {error}")
            continue
        step = round(CLIP_S * whole["sample_rate"])
        for start in range(0, (whole["end"] or 0) - step + 1, step):
            piece = {"id": clip_id(whole["recording"], start, start + step), "start": start, "end": start + step}
            rows.append(whole | piece)
            if len(rows) * CLIP_S >= 60 * minutes:
                return rows
    return rows


def show(library: Library, job: Job, request: TrainRequest) -> None:
    """What the run took and left."""
    card = job.outcome()["card"]
    config = request.config()
    seconds = card["ledger"]["seconds"]["trained"]
    steps = math.ceil(EPOCHS * seconds * 100 / config.segment_frames / config.batch_size)
    whole = max(event["bytes"] for event in job.events()[0] if event["type"] == "checkpoint")
    left = {folder: size(job.path / folder) for folder in ("checkpoints", "samples", "tensorboard")}
    saves = len({path.name.split("-")[1] for path in (job.path / "samples").glob("step-*")})
    renderings = left["samples"] * (MOST_SAVES + 1) / (saves + 1)
    lines = steps / config.log_every * 400
    model = size(library.models / request.model)
    peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"set: {seconds / 60:.1f} minutes trained, {card['ledger']['clips']['trained']} clips, "
          f"encoder {card['encoder']['name']} ({card['encoder']['dim']} numbers a frame)")  # fmt: skip
    print(f"peak memory of the process: {peak / 1e9:.2f} GB (batch {config.batch_size})")
    print(f"a whole checkpoint: {whole / 1e9:.3f} GB; while training at most {config.keep_last + 1} at once: "
          f"{(config.keep_last + 1) * whole / 1e9:.2f} GB")  # fmt: skip
    print(f"left in the run's folder: checkpoints {left['checkpoints'] / 1e6:.0f} MB, samples of {saves} saves of "
          f"{CLIPS} clips {left['samples'] / 1e6:.1f} MB, TensorBoard {left['tensorboard'] / 1e3:.0f} kB")  # fmt: skip
    print(f"the model: {model / 1e6:.0f} MB, index included")
    total = left["checkpoints"] + renderings + lines + model
    every = PRESETS[request.preset].config.save_every
    print(f"{EPOCHS} epochs ({steps} steps, {steps // every} saves at one in {every}) leave: {total / 1e6:.0f} MB")


def size(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
