"""The rescore job: carry out orders for scores in worker processes and leave each result in the job folder.

Separate from the add job, which finds files, and from the catalogue, which it never opens: the orders lie in the job's
folder as analyses with holes, and whoever asked for the job takes the filled ones in as they come.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.jobs import JobReport, run_job
from catalog.records import Analysis
from curator import analysis_file
from curator.executor import Done, Executor
from curator.ingest import RESULTS, chosen_executor

ORDERS = "orders"


@dataclass(frozen=True)
class Filled:
    """What a worker gives back."""

    analysis: Analysis
    warnings: tuple[str, ...]


def fill(order: Analysis) -> Filled:
    """The function that workers run."""
    from curator.analysis import analyse_again

    warnings: list[str] = []
    return Filled(analyse_again(order, warnings=warnings), tuple(warnings))


def rescore(request: dict[str, Any], report: JobReport, executor: Executor | None = None) -> dict[str, Any]:
    """Do the job. Events: `recording` (file, id, path, clips), `failed` (path, error) and warnings."""
    folder = report.job.path / RESULTS
    folder.mkdir(exist_ok=True)
    earlier = {path.stem for path in (*analysis_file.found(folder), *analysis_file.found(folder / "taken"))}
    files = [path for path in analysis_file.found(report.job.path / ORDERS) if path.stem not in earlier]
    orders = [analysis_file.read(path) for path in files]
    counts = {"recordings": 0, "failed": 0}
    report.phase("scoring")
    over = 0
    executor = executor or chosen_executor(request)
    for done in executor.map_unordered(fill, orders, cost=_seconds, stop=report.stop_requested):
        _take(done, report, counts, folder)
        analysis_file.remove(report.job.path / ORDERS / f"{done.item.recording.id}.json")
        over += 1
        report.progress(over, len(orders), "recordings", Path(done.item.recording.path).name)
    return {"outcome": "done" if over == len(orders) else "stopped", **counts}


def _seconds(order: Analysis) -> float:
    """What an order costs: the sound that has to be scored, and the whole recording where it is heard anew."""
    samples = sum(clip.end - clip.start for clip in order.clips)
    return (samples + (0 if order.activity else 3 * order.recording.samples)) / order.recording.sample_rate


def _take(done: Done[Analysis, Filled], report: JobReport, counts: dict[str, int], folder: Path) -> None:
    path = done.item.recording.path
    if done.value is None:
        error = done.error or "it was not scored"
        counts["failed"] += 1
        report.event("failed", path=path, error=error if path in error else f"{path}: {error}")
        return
    for warning in done.value.warnings:
        report.warning(warning)
    analysis = done.value.analysis
    file = analysis_file.write(folder, analysis)
    counts["recordings"] += 1
    report.event(
        "recording",
        file=f"{RESULTS}/{file.name}",
        id=analysis.recording.id,
        path=path,
        clips=len(analysis.scorings),
    )


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), rescore))
