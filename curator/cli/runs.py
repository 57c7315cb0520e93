"""`curator runs`: the trainings of a library, listed, shown and stopped.

Separate from `curator train`, which starts them.
"""

from __future__ import annotations

from typing import Any

import click

from catalog.errors import BadRequest
from catalog.jobs import Job
from catalog.library import Library
from catalog.names import nearest
from curator.cli.output import DONE, emit, json_option, pass_library, table


@click.group()
def runs() -> None:
    """List, show and stop training runs."""


@runs.command("list")
@json_option
@pass_library
def list_runs(library: Library, as_json: bool) -> int:
    """List the runs, newest first."""
    rows = [summary(job) for job in newest_runs(library)]
    if as_json:
        emit(rows)
        return DONE
    columns = {
        "id": "RUN",
        "model": "MODEL",
        "set": "SET",
        "preset": "PRESET",
        "state": "STATE",
        "step": "STEP",
        "steps": "OF",
    }
    table(rows, columns, empty="No runs yet: curator train SET --name MODEL")
    return DONE


@runs.command("show")
@click.argument("run_id", metavar="RUN")
@json_option
@pass_library
def show(library: Library, run_id: str, as_json: bool) -> int:
    """Show a run and what it found. Where it is, its last losses, its result, and the strangest clips."""
    from trainer import blame_file

    job = find_run(library, run_id)
    strange = blame_file.worst(blame_file.read(job.path))
    facts = summary(job) | {"metrics": last_metrics(job), "request": job.request, "result": job.result()}
    facts |= held_out(job)
    facts |= {"look_again": strange, "cost": foretold_in(job)}
    if as_json:
        emit(facts)
        return DONE
    for key in ("id", "model", "set", "preset", "state", "step", "steps", "eta_s", "cost"):
        click.echo(f"{key:>8}  {facts[key] if facts[key] is not None else '–'}")
    for name, value in facts["metrics"].items():
        click.echo(f"{name:>8}  {value:.4f}")
    if facts["curve"]:
        click.echo("\nHeld-out clips, save by save:")
        rows = [{**point, "best": "best" if point["step"] == facts["best_step"] else ""} for point in facts["curve"]]
        table(rows, MEASURES, empty="")
        if "held_out/speaker" in facts["recorded"]:
            click.echo(
                f"The recordings themselves have a speaker likeness of {facts['recorded']['held_out/speaker']:.2f}."
            )
    if facts["result"] and facts["result"].get("error"):
        click.echo(f"{'error':>8}  {facts['result']['error']}")
    if strange:
        click.echo("\nClips to look at again:")
        table(strange, STRANGE, empty="")
        click.echo("One that is to stay can count less in the next set: curator tag add weight=0.3 CLIP")
    return DONE


@runs.command("stop")
@click.argument("run_id", metavar="RUN")
@json_option
@pass_library
def stop(library: Library, run_id: str, as_json: bool) -> int:
    """Ask a run to save a checkpoint and end."""
    job = find_run(library, run_id)
    if job.state() not in ("waiting", "running", "stopping"):
        raise BadRequest(f"Run {job.id} is not running: it is {job.state()}")
    job.ask_stop()
    for _ in job.follow():
        pass
    if as_json:
        emit(summary(job))
    else:
        click.echo(f"Run {job.id} stopped")
    return DONE


STRANGE = {"clip": "CLIP", "strangeness": "STRANGE", "start_s": "FROM", "end_s": "TO", "reason": "WHY"}
"""The columns of clips to look at again."""


def newest_runs(library: Library) -> list[Job]:
    """All runs, newest first."""
    folders = [path for path in library.runs.glob("*") if (path / "request.json").exists()]
    return [Job.open(path) for path in sorted(folders, key=lambda path: path.name, reverse=True)]


def find_run(library: Library, run_id: str) -> Job:
    """The run of that id, of that model name, or whose id begins so."""
    candidates = newest_runs(library)
    for job in candidates:
        if job.id == run_id or job.request.get("model") == run_id:
            return job
    starts = [job for job in candidates if job.id.startswith(run_id)]
    if len(starts) == 1:
        return starts[0]
    if starts:
        raise BadRequest(f"{len(starts)} runs begin with {run_id}: give more of the id (curator runs list)")
    names = [str(job.request.get("model")) for job in candidates]
    known = nearest(run_id, names, listed_by="curator runs list") or "; there are no runs yet"
    raise BadRequest(f"There is no run called {run_id}{known}")


def summary(job: Job) -> dict[str, Any]:
    """A run as one row."""
    events, _ = job.events()
    progress: dict[str, Any] = next((event for event in reversed(events) if event["type"] == "progress"), {})
    return {
        "id": job.id,
        "model": job.request.get("model"),
        "set": job.request.get("set_name"),
        "preset": job.request.get("preset"),
        "state": job.state(),
        "step": progress.get("done"),
        "steps": progress.get("total"),
        "eta_s": progress.get("eta_s") if job.state() == "running" else None,
    }


MEASURES = {
    "step": "STEP",
    "held_out/mel": "MEL",
    "held_out/f0_cents": "F0 CENTS",
    "held_out/speaker": "SPEAKER",
    "held_out/phones": "PHONES",
    "best": "",
}
"""The columns of the held-out curve."""


def held_out(job: Job) -> dict[str, Any]:
    """The curve of held-out measurements, a point a save, the step of the best, and what the recordings themselves
    measure where that is not perfect by definition."""
    from trainer.stopping import CHOSEN_BY, Point, best

    points: dict[int, Point] = {}
    recorded: dict[str, float] = {}
    for event in job.events()[0]:
        if event["type"] == "recorded":
            recorded = {name: value for name, value in event.items() if name.startswith("held_out/")}
        if event["type"] == "metric" and CHOSEN_BY in event["values"]:
            points[event["step"]] = Point(event["step"], event["values"])
    curve = [points[step] for step in sorted(points)]
    top = best(curve)
    return {
        "curve": [point.to_dict() for point in curve],
        "best_step": None if top is None else top.step,
        "recorded": recorded,
    }


def foretold_in(job: Job) -> str | None:
    """What the run said that it would cost; None where it was too short to say."""
    said = [event["text"] for event in job.events()[0] if event["type"] == "cost"]
    return str(said[-1]) if said else None


def last_metrics(job: Job) -> dict[str, float]:
    """The newest value of every metric."""
    values: dict[str, float] = {}
    for event in job.events()[0]:
        if event["type"] == "metric":
            values |= event["values"]
    return values
