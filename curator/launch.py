"""Start the long pieces of work: add, rescore, freeze, train, convert, try settings, preview; or put them in a queue.

The command line and the app both go through here, so that a piece of work looks the same whoever started it:
a job folder whose process outlives its starter. Nothing here loads torch or opens the catalogue, so a screen
can call it between two keys.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import registry
from catalog.errors import BadRequest
from catalog.jobs import Job, JobState
from catalog.library import Library
from catalog.records import Analysis

if TYPE_CHECKING:
    from curator.stems import StemSettings
    from infer.options import ConvertOptions
    from trainer.config import TrainRequest

CONVERT, GRID = "infer", "infer.grid_job"
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""For trainings: hundreds of megabytes come and go every step, and where Linux leaves large pages to the program, a
good part of a step of the published networks is spent on small ones (`benchmarks/peer_training.py`, with this variable
ending in 0 or 1). glibc reads it when a process starts; others pass over it."""
QUEUED = "queued"
"""In the request of a job that waits for its turn: when it was asked for, in nanoseconds."""


def start_add(
    library: Library,
    paths: Sequence[Path],
    speaker: str,
    *,
    known: Sequence[str] = (),
    catalogued: Sequence[str] = (),
    workers: int | None = None,
    ray: str | None = None,
    stems: StemSettings | None = None,
    singing: bool = False,
) -> Job:
    """Start analysing files; those with a SHA-256 sum among `known` are passed over.

    The work is done by `workers` processes on this machine (one a core by default), or on the Ray cluster at `ray`.
    With `stems`, a stem of each file is derived and sliced in its place; `known` are then the files of which there is
    one (`StemSettings.had`), and `catalogued` all that are recordings already. With `singing`, every note counts as
    voice.

    Raises BadRequest when a path does not exist or the speaker has no name.
    """
    if not speaker.strip():
        raise BadRequest("No speaker given: say whose voice this is with --speaker NAME")
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise BadRequest(f"{missing[0]}: no such file or folder")
    request = {
        "paths": [str(path.resolve()) for path in paths],
        "speaker": speaker.strip(),
        "known": list(known),
        "catalogued": list(catalogued),
        "workers": workers or default_workers(),
        "ray": ray,
        "stems": None if stems is None else asdict(stems),
        "slicing": {"voice": "singing"} if singing else {},
    }
    return _start(library, library.jobs, "add", request, "curator.ingest")


def start_rescore(
    library: Library, orders: Sequence[Analysis], *, workers: int | None = None, ray: str | None = None
) -> Job:
    """Start computing scores of clips that are known; `orders` as `curator.due` makes them."""
    from curator import analysis_file, rescore

    def write_orders(folder: Path) -> None:
        for order in orders:
            analysis_file.write(folder / rescore.ORDERS, order)

    request = {"workers": workers or default_workers(), "ray": ray}
    return _start(library, library.jobs, "rescore", request, "curator.rescore", write_orders)


def start_freeze(library: Library, name: str, clips: Sequence[Mapping[str, object]]) -> Job:
    """Start writing a set from rows of the clip table (chosen by whoever holds the catalogue)."""
    request = {"library": str(library.root), "name": name, "clips": [dict(row) for row in clips]}
    return _start(library, library.jobs, "freeze", request, "curator.freeze")


def start_train(library: Library, request: TrainRequest, *, run_id: str | None = None) -> Job:
    """Start a training run, or continue the one called `run_id` from its last checkpoint."""
    if run_id is not None:
        job = Job.open(library.runs / run_id)
        job.start("trainer", LARGE_PAGES)
        return job
    return _start(library, library.runs, "train", request.to_dict(), "trainer", environment=LARGE_PAGES)


def start_convert(
    library: Library, model: str, inputs: Sequence[Path], out: Path, options: ConvertOptions, *, queued: bool = False
) -> Job:
    """Start converting files with a model of the registry; `out` is a file for one input, else a folder.

    With `queued` it waits for its turn (`next_in_line`). Raises BadRequest at once when there is no such model, or when
    no input has a place for its result.
    """
    from infer.output import settle

    registry.check_there(library, model)
    targets = settle(inputs, out, overwrite=options.overwrite)
    if targets and all(target.problem for target in targets):
        raise BadRequest(str(targets[0].problem))
    request = {
        "library": str(library.root),
        "model": model,
        "inputs": [str(path.resolve()) for path in inputs],
        "out": str(out.resolve()),
        "options": options.to_dict(),
    }
    return _start(library, library.jobs, "convert", request, CONVERT, queued=queued)


def start_grid(
    library: Library,
    model: str,
    source: Path,
    settings: Sequence[ConvertOptions],
    *,
    start_s: float | None = None,
    seconds: float = 10.0,
) -> Job:
    """Put trying several settings on one stretch of a file into the queue; without `start_s` on the liveliest one."""
    request = {
        "library": str(library.root),
        "model": model,
        "input": str(source.resolve()),
        "start_s": start_s,
        "seconds": seconds,
        "options": [options.to_dict() for options in settings],
    }
    return _start(library, library.jobs, "grid", request, GRID, queued=True)


def next_in_line(jobs: Iterable[tuple[Job, JobState]]) -> Job | None:
    """Of these jobs the one in the queue whose turn it is: the oldest that waits, when none that waited is at work."""
    queued = [(job, state) for job, state in jobs if QUEUED in job.request]
    if any(state in ("running", "stopping") for _, state in queued):
        return None
    waiting = [job for job, state in queued if state == "waiting"]
    return min(waiting, key=lambda job: int(job.request[QUEUED]), default=None)


def start_queued(job: Job) -> None:
    """Begin what waited for its turn; raises BadRequest when somebody else began it."""
    job.start(GRID if job.kind == "grid" else CONVERT)


def start_preview(
    library: Library,
    name: str,
    source: Path,
    out: Path | None,
    *,
    transpose: float | str = "auto",
    f0_method: str = "auto",
    overwrite: bool = False,
) -> Job:
    """Start speaking a file with the sounds of the set `name`; `out` is a file, a folder, or None: the job's folder."""
    request = {
        "library": str(library.root),
        "set": name,
        "input": str(source.resolve()),
        "out": None if out is None else str(out.resolve()),
        "transpose": transpose,
        "f0_method": f0_method,
        "overwrite": overwrite,
    }
    return _start(library, library.jobs, "preview", request, "infer.preview_job")


def default_workers() -> int:
    """Worker processes that leave the machine usable: one a core."""
    return max(1, os.cpu_count() or 1)


def _start(
    library: Library,
    parent: Path,
    kind: str,
    request: Mapping[str, object],
    module: str,
    prepare: Callable[[Path], None] = lambda folder: None,
    *,
    queued: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Job:
    """Make a job folder, `prepare` what lies in it beside the request, and start its process unless it is queued."""
    library.create()
    now = time.time_ns()
    # names sort by the time they were asked at, down to a tenth of a millisecond
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now // 10**9))
    job_id = f"{kind}-{stamp}-{now % 10**9 // 10**5:04d}{uuid.uuid4().hex[:4]}"
    turn = {QUEUED: now} if queued else {}
    job = Job.create(parent, kind, {**request, **turn}, job_id=job_id)
    prepare(job.path)
    if not queued:
        job.start(module, environment)
    return job
