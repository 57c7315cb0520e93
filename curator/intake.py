"""Taking the results of jobs into the catalogue: by their owner as they come, or later by whoever opens the library.

Separate from the jobs, which never open the catalogue, and from the commands and the app, which both do this. Every
step may be cut off and done again: what is in the catalogue already is not added twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import atomic
from catalog.errors import BadRequest
from catalog.jobs import ENDED, Job, list_jobs
from catalog.library import Library
from catalog.records import NOT_SLICED, Analysis

if TYPE_CHECKING:
    from catalog.store import Store

MARK = "taken_in"


@dataclass
class Taken:
    """What an add or a rescore job has given so far, all that was taken in at earlier calls included."""

    recordings: int = 0
    stems: int = 0
    clips: int = 0
    skipped: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    seconds_in: float = 0.0
    seconds_clips: float = 0.0
    stopped: bool = False
    """Whether it was asked to end before all was done."""

    def report(self) -> dict[str, Any]:
        """As `curator add --json` promises it."""
        return asdict(self)


def take_in_finished(store: Store, job: Job) -> Taken:
    """Take in whatever this job has finished by now; call it as often as you like.

    A recording is one transaction. When a job that gives scores has ended, its clips are compared with all others.
    Raises LibraryLocked and BadRequest (full disk) as the store does; what was taken in before that stays.
    """
    if job.kind in ("add", "rescore"):
        taken = _take_in_recordings(store, job, _recording if job.kind == "add" else _scores)
        if job.state() in ENDED:
            from curator.comparing import compare

            compare(store)
        return taken
    if job.kind == "freeze":
        _take_in_set(store, job)
    elif job.kind == "train":
        _take_in_run(store, job)
    elif job.kind == "convert":
        _take_in_conversions(store, job)
    return Taken()


def sweep(store: Store, library: Library) -> int:
    """Take in the finished results of all jobs, such as those whose owner died; returns how many jobs were looked at.

    A job that has ended is marked, and is passed over the next time.
    """
    looked = 0
    for job in (*list_jobs(library.jobs), *list_jobs(library.runs)):
        state = _last_state(job)
        if _read(job.path / MARK) == state:
            continue
        looked += 1
        ended = job.state() in ENDED
        take_in_finished(store, job)
        if ended and state == _last_state(job):
            # on a full disk it is looked at again the next time, and what is there can still be read
            with contextlib.suppress(OSError):
                atomic.write_json(job.path / MARK, state)
    return looked


def _last_state(job: Job) -> dict[str, Any]:
    """What tells one end of a job from the next, when it is started again."""
    return {
        name: (job.path / name).stat().st_mtime_ns for name in ("result.json", "pid.json") if (job.path / name).exists()
    }


def _take_in_recordings(store: Store, job: Job, take_in: Callable[[Store, Analysis], dict[str, Any]]) -> Taken:
    """Hand each result of the job to `take_in` and keep the summary that it gives."""
    from curator import analysis_file

    taken = job.path / "results" / "taken"
    for path in analysis_file.found(job.path / "results"):
        try:
            analysis = analysis_file.read(path)
        except BadRequest as error:
            if path.exists():
                atomic.write_json(_made(taken) / path.name, {"path": str(path), "error": str(error)})
                analysis_file.remove(path)
            continue
        summary = take_in(store, analysis)
        atomic.write_json(_made(taken) / path.name, {"path": analysis.recording.path, **summary})
        analysis_file.remove(path)
    return _so_far(store, job, taken)


def _recording(store: Store, analysis: Analysis) -> dict[str, Any]:
    recording = analysis.recording
    known_parent = analysis.slicer == NOT_SLICED and bool(store.known([recording.sha256]))
    if not known_parent:
        store.take_in(analysis)
    seconds = sum(clip.end - clip.start for clip in analysis.clips) / recording.sample_rate
    counts = {"recordings": int(not recording.parent and not known_parent), "stems": int(bool(recording.parent))}
    length = recording.duration_s if counts["recordings"] else 0.0
    return {**counts, "clips": len(analysis.clips), "seconds": length, "seconds_clips": seconds}


def _scores(store: Store, analysis: Analysis) -> dict[str, Any]:
    clips = store.take_in_scores(analysis.recording.id, analysis.activity, analysis.scorings)
    return {"clips": clips, "seconds": 0.0, "seconds_clips": 0.0}


def _so_far(store: Store, job: Job, taken: Path) -> Taken:
    from curator import analysis_file

    so_far = Taken(stopped=job.state() == "stopped")
    for path in analysis_file.found(taken):
        summary = _read(path) or {}
        if "error" in summary:
            so_far.failed.append({"path": summary["path"], "error": summary["error"]})
            continue
        so_far.recordings += summary.get("recordings", 1)
        so_far.stems += summary.get("stems", 0)
        so_far.clips += summary["clips"]
        so_far.seconds_in += summary["seconds"]
        so_far.seconds_clips += summary["seconds_clips"]
    known = []
    for event in job.events()[0]:
        if event["type"] == "failed":
            so_far.failed.append({"path": event["path"], "error": event["error"]})
        elif event["type"] == "known":
            known.append(event)
    so_far.skipped = len(known)
    _remember_places(store, job, known)
    return so_far


def _remember_places(store: Store, job: Job, known: list[dict[str, Any]]) -> None:
    """A known recording may lie in a new place now; each event is looked at once."""
    mark = job.path / "places.json"
    done = (_read(mark) or {}).get("events", 0)
    if done >= len(known):
        return
    recordings = store.known([event["sha256"] for event in known[done:]])
    for event in known[done:]:
        recording = recordings.get(event["sha256"])
        if recording is None:
            return
        store.seen_at(recording.id, event["path"])
    atomic.write_json(mark, {"events": len(known)})


def _take_in_set(store: Store, job: Job) -> None:
    from catalog import sets

    result = job.result() or {}
    if job.state() == "done" and "set" in result:
        try:
            manifest = sets.load(Library(Path(job.request["library"])), result["set"]["name"], verify=False)
        except BadRequest:
            return
        store.add_set(manifest.info, manifest.clips)


def _take_in_run(store: Store, job: Job) -> None:
    from catalog import sets
    from trainer import blame_file

    request = job.request
    try:
        set_id = sets.load(store.library, request["set_name"], verify=False).info.id
    except BadRequest:
        set_id = ""
    store.add_run(job.id, request["model"], set_id, request)
    state = job.state()
    if state not in ENDED:
        return
    result = job.result() or {}
    store.end_run(job.id, state, result)
    store.add_blame(job.id, blame_file.read(job.path))
    if state == "done" and result.get("card"):
        store.add_model(result["card"])


def _take_in_conversions(store: Store, job: Job) -> None:
    result = job.result() or {}
    for output in result.get("outputs", ()):
        identity = hashlib.sha256(f"{job.id}:{output['output']}".encode()).hexdigest()[:16]
        facts = {"id": identity, "job": job.id, "model": job.request["model"], "model_id": result.get("model_id")}
        store.add_conversion({**facts, "options": job.request.get("options", {}), **output})


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
