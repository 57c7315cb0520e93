"""What a preset costs and what it reaches on a frozen set: seconds, memory, disk, and the held-out mel distance.

    python -m benchmarks.train_preset LIBRARY SET --preset small --steps 1200

Trains a model called benchmark-N in the library as `curator train` does and prints a line for every checkpoint.
Processor seconds are those of all threads together; on a busy machine they are the ones to compare.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

from catalog.jobs import Job, run_job
from catalog.library import Library
from trainer.__main__ import work
from trainer.config import PRESETS, TrainRequest


class Clock:
    """Wall and processor seconds at every event of a job."""

    def __init__(self) -> None:
        self.at: list[tuple[str, dict[str, Any], float, float]] = []

    def hear(self, kind: str, fields: dict[str, Any]) -> None:
        self.at.append((kind, fields, time.perf_counter(), time.process_time()))


def measured(request: dict[str, Any], report: Any, clock: Clock) -> dict[str, Any]:
    """The trainer's work with a clock beside its events."""
    plain = report.event

    def event(kind: str, /, **fields: Any) -> None:
        clock.hear(kind, fields)
        plain(kind, **fields)

    report.event = event
    return work(request, report)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("library", type=Path)
    options.add_argument("set_name")
    options.add_argument("--preset", default="small", choices=list(PRESETS))
    options.add_argument("--steps", type=int)
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--base")
    given = options.parse_args()
    library = Library(given.library)
    number = 1 + sum(1 for _ in library.runs.glob("benchmark-*"))
    request = TrainRequest(
        library=str(library.root),
        set_name=given.set_name,
        model=f"benchmark-{number}",
        preset=given.preset,
        steps=given.steps,
        base=given.base,
        patience=0,
        device="cpu",
        settings={"threads": given.threads},
    )
    job = Job.create(library.runs, "train", request.to_dict(), job_id=f"benchmark-{number}")
    clock = Clock()
    wall, cpu = time.perf_counter(), time.process_time()
    run_job(job.path, lambda values, report: measured(values, report, clock))
    print(f"{'step':>6} {'wall s':>8} {'cpu s':>8} {'mel':>7} {'loudness dB':>12}")
    loudness = 0.0
    for kind, fields, at, spent in clock.at:
        if kind == "metric":
            loudness = fields["values"].get("held_out/loudness_db", loudness)
        if kind == "checkpoint":
            mel = fields.get("held_out_mel", float("nan"))
            print(f"{fields['step']:6d} {at - wall:8.1f} {spent - cpu:8.1f} {mel:7.3f} {loudness:12.1f}")
        if kind == "phase":
            print(f"{fields['name']:>6} {at - wall:8.1f} {spent - cpu:8.1f}")
    print(f"{'end':>6} {time.perf_counter() - wall:8.1f} {time.process_time() - cpu:8.1f}")
    disk = sum(path.stat().st_size for path in job.path.rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB, run folder {disk / 1e6:.0f} MB, outcome {job.state()}")


if __name__ == "__main__":
    main()
