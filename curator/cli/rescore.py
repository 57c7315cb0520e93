"""`curator reslice` and `curator rescore`: bring clips and scores up to date, computing only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from catalog.library import Library
from catalog.records import Analysis, Recording
from curator.cli.clips import where_option
from curator.cli.output import (
    DONE,
    NOTHING,
    PARTLY,
    STOPPED,
    emit,
    json_option,
    open_store,
    pass_library,
    progress_bar,
    say,
)
from curator.cli.taking_in import take_in_as_it_goes
from curator.words import count, one_line

if TYPE_CHECKING:
    from catalog.store import Store
    from curator.intake import Taken

workers_option = click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Processes to use (one a core by default)."
)
ray_option = click.option("--ray", metavar="ADDRESS", help="Score on a Ray cluster instead of here, as `curator add`.")
LENGTH = click.FloatRange(0.5, 60.0)


@click.command()
@where_option
@click.option("--min-s", type=LENGTH, metavar="S", help="Shorter speech is kept as a clip marked short (5).")
@click.option("--max-s", type=LENGTH, metavar="S", help="No clip is longer (15).")
@click.option(
    "--join-s", type=click.FloatRange(0.0), metavar="S", help="Join short speech over such pauses (1: never)."
)
@click.option("--singing", "voice", flag_value="singing", help="Every note is a voice: high, fast and soft ones too.")
@click.option("--speech", "voice", flag_value="speech", help="Only speech is a voice: music in the pauses is left out.")
@click.option("--auto", "voice", flag_value="auto", help="Speech and sustained notes are a voice (so at first).")
@workers_option
@ray_option
@json_option
@pass_library
def reslice(
    library: Library, where: str | None, workers: int | None, ray: str | None, as_json: bool, **limits: Any
) -> int:
    """Cut recordings again with other limits. Nothing is decoded again, and undo takes it back.

    Recordings are those of the clips for which --where holds, or all. What is not said stays as each was cut before,
    and what was cut so already is left alone. A range that stays keeps its verdict, notes and scores; new clips are
    scored.
    """
    from curator.reslice import plan

    _one_place(workers, ray)
    changes = {name: value for name, value in limits.items() if value is not None}
    with open_store(library) as store:
        recordings = _recordings(store, where)
        with progress_bar("Slicing") as update:

            def progress(done: int) -> None:
                update({"type": "progress", "done": done, "total": len(recordings), "unit": "recordings"})

            planned = plan(store, recordings, changes, progress)
        done = store.reslice(planned.slicings)
        changed = [recording for recording in recordings if recording.id in set(done.changed)]
        report: dict[str, Any] = {
            "recordings": len(changed),
            "up_to_date": len(recordings) - len(changed) - len(planned.unheard),
            "clips": {"new": done.new, "kept": done.kept, "gone": done.gone},
            "verdicts_gone": done.decided,
            "edits_gone": done.edited,
            "failed": [
                {"path": each.path, "error": f"{each.path} was heard by an earlier version; say first: curator rescore"}
                for each in planned.unheard
            ],
        }
        for failure in report["failed"]:
            say(f"curator: {one_line(failure['error'])}")
        from curator.due import orders

        taken = _score(store, library, orders(store, changed), workers, ray)
        report |= {"scored": taken.clips, "failed": report["failed"] + taken.failed, "stopped": taken.stopped}
    if as_json:
        emit(report)
    else:
        click.echo(_resliced(report))
    return _code(report, len(recordings) - len(planned.unheard))


def _resliced(report: dict[str, Any]) -> str:
    if not report["recordings"]:
        return f"{count(report['up_to_date'], 'recording')} cut that way already; nothing changed"
    clips = report["clips"]
    text = f"{count(report['recordings'], 'recording')} cut again: {count(clips['new'], 'new clip')}, "
    text += f"{clips['kept']} stay, {clips['gone']} gone; {report['scored']} scored"
    lost = [(report["verdicts_gone"], "had a verdict"), (report["edits_gone"], "were cut by hand")]
    said = " and ".join(f"{count} {what}" for count, what in lost if count)
    return text + (f". Of those gone, {said}: curator undo brings them back" if said else "")


@click.command()
@where_option
@click.option("--only", multiple=True, metavar="NAME", help="Only this score or family of scores; may be repeated.")
@workers_option
@ray_option
@json_option
@pass_library
def rescore(
    library: Library,
    where: str | None,
    only: tuple[str, ...],
    workers: int | None,
    ray: str | None,
    as_json: bool,
) -> int:
    """Compute scores that are missing or of earlier code. Each recording is decoded once.

    Where the program hears recordings in a new way, they are heard again and all their scores computed.
    """
    from curator.due import orders

    _one_place(workers, ray)
    with open_store(library) as store:
        recordings = _recordings(store, where)
        among = None if where is None else set(store.clip_table(where=where)["id"].to_pylist())
        due = orders(store, recordings, only, among)
        scored = sum(len(clips) for clips in store.scored([each.id for each in recordings]).values())
        taken = _score(store, library, due, workers, ray)
    wanted = sum(len(order.clips) for order in due)
    clips = len(among) if among is not None else scored
    report = {
        "recordings": taken.recordings,
        "clips": taken.clips,
        "up_to_date": clips - wanted,
        "failed": taken.failed,
        "stopped": taken.stopped,
    }
    if as_json:
        emit(report)
    elif not due:
        click.echo(f"The scores of {count(clips, 'clip')} are up to date")
    else:
        rest = f", {report['up_to_date']} were up to date" if report["up_to_date"] else ""
        click.echo(f"{count(taken.clips, 'clip')} of {count(taken.recordings, 'recording')} scored{rest}")
    return _code(report, len(recordings))


def _one_place(workers: int | None, ray: str | None) -> None:
    if ray and workers:
        raise click.UsageError("--workers is for this machine; a cluster uses the processors that it has.")


def _recordings(store: Store, where: str | None) -> list[Recording]:
    """The recordings of the clips for which `where` holds; all of them for None."""
    recordings = store.recordings()
    if where is None:
        return recordings
    chosen = set(store.clip_table(where=where)["recording"].to_pylist())
    return [recording for recording in recordings if recording.id in chosen]


def _score(store: Store, library: Library, orders: Sequence[Analysis], workers: int | None, ray: str | None) -> Taken:
    """Carry out orders in a job of their own: how many recordings and clips were scored, and what failed."""
    from curator.comparing import compare
    from curator.intake import Taken
    from curator.launch import start_rescore

    if not orders:
        compare(store)
        return Taken()
    job = start_rescore(library, orders, workers=workers, ray=ray)
    return take_in_as_it_goes(store, job, "Scoring")


def _code(report: dict[str, Any], possible: int) -> int:
    if report["stopped"]:
        say(STOPPED)
        return PARTLY
    if not report["failed"]:
        return DONE
    return PARTLY if len(report["failed"]) < possible else NOTHING
