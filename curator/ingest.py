"""The add job: analyse files in worker processes and leave each result in the job folder.

Separate from the catalogue, which it never opens: whoever asked for the job takes the results in as they come.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import audio
from catalog.errors import BadAudio
from catalog.jobs import JobReport, run_job
from catalog.records import Analysis
from curator import analysis_file
from curator.executor import Done, Executor, LocalExecutor
from curator.ray_executor import RayExecutor
from curator.slicer import SlicingSettings
from curator.stems import StemSettings, derive, parent_analysis

RESULTS = "results"


@dataclass(frozen=True)
class Task:
    """One file to analyse, as a worker is given it."""

    path: str
    sha256: str
    bytes: int
    speaker: str
    settings: SlicingSettings
    stems: StemSettings | None = None
    """Not None to slice a stem of it instead."""
    catalogued: bool = False
    """Whether the file itself is known already."""


@dataclass(frozen=True)
class Found:
    """What a worker gives back."""

    analysis: Analysis | None
    """None for a file that is known and of which no stem was made."""
    warnings: tuple[str, ...]
    parent: Analysis | None = None
    """For a stem: the recording that it was made of."""


def analyse_task(task: Task) -> Found:
    """The function that workers run; raises BadAudio where this machine does not see the file that was asked for."""
    from curator.analysis import analyse

    if not Path(task.path).exists():
        raise BadAudio(
            f"{task.path} is not there for {socket.gethostname()}: it was moved meanwhile, or this is a machine of a"
            " cluster that does not see it (every node must see the files under the same path)."
        )
    if audio.sha256(task.path) != task.sha256:
        raise BadAudio(f"{task.path} changed while it was read, or {socket.gethostname()} sees another file there.")
    warnings: list[str] = []
    if task.stems is None:
        return Found(analyse(task.path, task.speaker, task.settings, warnings=warnings), tuple(warnings))
    stem = derive(Path(task.path), task.sha256, task.stems, warnings)
    if stem.path is None:
        if task.catalogued:
            return Found(None, tuple(warnings))
        analysis = analyse(task.path, task.speaker, task.settings, derivation=stem.derivation, warnings=warnings)
        return Found(analysis, tuple(warnings))
    parent = parent_analysis(Path(task.path), task.sha256, task.speaker, stem.samples)
    analysis = analyse(
        stem.path,
        task.speaker,
        task.settings,
        parent=parent.recording.id,
        derivation=stem.derivation,
        warnings=warnings,
    )
    return Found(analysis, tuple(warnings), parent)


def add(request: dict[str, Any], report: JobReport, executor: Executor | None = None) -> dict[str, Any]:
    """Do the job: find the files, pass over known ones, analyse the rest.

    With `stems` in the request, a stem of each file is derived first and sliced in its place. `known` are the sums of
    the files to pass over, `catalogued` of all that are recordings already.

    Events: `recording` (file, id, path, clips, seconds, seconds_clips), `known` (path, sha256), `failed` (path, error)
    and warnings. The result holds their counts.
    """
    folder = report.job.path / RESULTS
    folder.mkdir(exist_ok=True)
    counts = {"recordings": 0, "known": 0, "failed": 0}
    report.phase("looking")
    tasks = _tasks(request, report, counts, folder)
    report.phase("analysing")
    looked = not report.stop_requested()
    total = sum(task.bytes for task in tasks)
    executor = executor or chosen_executor(request)
    bytes_done = over = 0
    for done in executor.map_unordered(analyse_task, tasks, cost=lambda task: task.bytes, stop=report.stop_requested):
        _take(done, report, counts, folder)
        bytes_done += done.item.bytes
        over += 1
        report.progress(bytes_done / 1e6, total / 1e6, "MB", Path(done.item.path).name)
    return {"outcome": "done" if looked and over == len(tasks) else "stopped", **counts}


def chosen_executor(request: dict[str, Any]) -> Executor:
    """The Ray cluster that the request names under `ray`, else `workers` processes on this machine."""
    return RayExecutor(request["ray"]) if request.get("ray") else LocalExecutor(int(request.get("workers") or 1))


def _tasks(request: dict[str, Any], report: JobReport, counts: dict[str, int], folder: Path) -> list[Task]:
    """The files to analyse: neither known to the catalogue, nor twice in this request, nor done by an earlier start."""
    settings = SlicingSettings(**request.get("slicing", {}))
    stems = StemSettings(**request["stems"]) if request.get("stems") else None
    known, catalogued = set(request.get("known", ())), set(request.get("catalogued", ()))
    earlier = {path.stem for path in (*analysis_file.found(folder), *analysis_file.found(folder / "taken"))}
    problems: list[tuple[Path, str]] = []
    tasks: list[Task] = []
    for path in audio.find_audio(_paths(request["paths"]), problems=problems):
        if report.stop_requested():
            break
        try:
            digest = audio.sha256(path)
            size = path.stat().st_size
        except (BadAudio, OSError) as error:
            _failed(report, counts, path, str(error))
            continue
        if digest in known:
            counts["known"] += 1
            report.event("known", path=str(path), sha256=digest)
        elif digest[:16] not in earlier:
            task = Task(str(path), digest, size, request["speaker"], settings, stems, digest in catalogued)
            tasks.append(task)
        known.add(digest)
    for path, reason in problems:
        _failed(report, counts, path, f"{path}: {reason}")
    return tasks


def _paths(paths: Sequence[str | dict[str, Any]]) -> list[str]:
    return [path["path"] if isinstance(path, dict) else path for path in paths]


def _take(done: Done[Task, Found], report: JobReport, counts: dict[str, int], folder: Path) -> None:
    """Write a worker's result, or say why there is none."""
    if done.value is None:
        error = done.error or "it was not analysed"
        _failed(report, counts, done.item.path, error if done.item.path in error else f"{done.item.path}: {error}")
        return
    analysis = done.value.analysis
    for warning in done.value.warnings:
        report.warning(warning)
    if analysis is None:
        counts["known"] += 1
        report.event("known", path=done.item.path, sha256=done.item.sha256)
        return
    file = analysis_file.write(folder, analysis)
    if done.value.parent is not None:
        analysis_file.write(folder, done.value.parent)
    counts["recordings"] += 1
    rate = analysis.recording.sample_rate
    report.event(
        "recording",
        file=f"{RESULTS}/{file.name}",
        id=analysis.recording.id,
        path=analysis.recording.path,
        clips=len(analysis.clips),
        seconds=round(analysis.recording.duration_s, 3),
        seconds_clips=round(sum(clip.end - clip.start for clip in analysis.clips) / rate, 3),
    )


def _failed(report: JobReport, counts: dict[str, int], path: Path | str, error: str) -> None:
    counts["failed"] += 1
    report.event("failed", path=str(path), error=error)


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), add))
