"""What every command shares: data on standard output, narration on standard error, exit codes, progress.

Separate so that a command holds only its own work and all commands keep the same promises:
exactly one JSON document with `--json`, one line for an error, 0 done, 1 partly done, 2 nothing done.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from catalog import shortage
from catalog.errors import CuratorError, JobFailed
from catalog.library import Library
from curator.words import one_line

if TYPE_CHECKING:
    from catalog.jobs import Job
    from catalog.store import Store

DONE, PARTLY, NOTHING = 0, 1, 2
STOPPED = "curator: stopped before the end; the same command goes on from there"

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def pass_library(function: Command) -> Command:
    """Hand the chosen library to a command as its first argument."""

    @click.pass_context
    @functools.wraps(function)
    def wrapper(context: click.Context, *args: Any, **kwargs: Any) -> Any:
        return context.invoke(function, Library.locate(context.obj), *args, **kwargs)

    return wrapper  # type: ignore[return-value]


@contextmanager
def open_store(library: Library) -> Iterator[Store]:
    """The catalogue of a library, with the results of jobs whose owner died taken in first."""
    from catalog.store import Store
    from curator.intake import sweep

    library.create()
    with Store(library) as store:
        sweep(store, library)
        yield store


def say(text: str) -> None:
    """Narrate on standard error, where it never mixes with data."""
    # not by click, which writes past a progress bar that has put itself in front of standard error
    print(text, file=sys.stderr, flush=True)


def emit(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def fail(message: str, *, as_json: bool = False, code: int = NOTHING) -> NoReturn:
    """End with one line on standard error and, for programs, the same as a JSON document."""
    if as_json:
        emit({"error": message})
    say(f"curator: {one_line(message)}")
    sys.exit(code)


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, empty: str) -> None:
    """Print rows under headings; `columns` maps a key of the rows to its heading."""
    if not rows:
        say(empty)
        return
    cells = [[one_line(_cell(row.get(key))) for key in columns] for row in rows]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(columns.values())]
    numeric = [all(isinstance(row.get(key), int | float | None) for row in rows) for key in columns]

    def line(parts: Iterable[str]) -> str:
        aligned = (part.rjust(w) if n else part.ljust(w) for part, w, n in zip(parts, widths, numeric, strict=True))
        return "  ".join(aligned).rstrip()

    click.echo(line(columns.values()))
    for cell_line in cells:
        click.echo(line(cell_line))


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def follow(job: Job, what: str, on_event: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Show a job's progress until it ends and give its result; Ctrl-C asks it to stop cleanly.

    Raises JobFailed with the job's own line when it failed or crashed.
    """
    with progress_bar(what) as update:
        for event in _events(job):
            if event["type"] == "warning":
                say(f"curator: {one_line(str(event.get('text', '')))}")
            update(event)
            if on_event:
                on_event(event)
    result = job.result()
    if result is None:
        raise JobFailed(f"{what} ended without a result; its log is {job.path / 'log.txt'}")
    if result.get("outcome") == "failed":
        raise JobFailed(str(result.get("error", f"{what} failed; its log is {job.path / 'log.txt'}")))
    return result


def _events(job: Job) -> Iterator[dict[str, Any]]:
    """A job's events; the first Ctrl-C asks it to stop and waits for that, the second leaves at once."""
    events = job.follow()
    asked = False
    while True:
        try:
            yield next(events)
        except StopIteration:
            return
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            job.ask_stop()
            say("curator: stopping cleanly; press Ctrl-C again to leave it running alone")
            _, offset = job.events()
            events = job.follow(offset=offset)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A bar on a terminal, nothing elsewhere; call what it gives with each event of a job."""
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, text="")

        def update(event: Mapping[str, Any]) -> None:
            if event["type"] == "progress":
                left, note = event.get("eta_s"), one_line(str(event.get("note") or ""))
                text = f"{event['done']:.0f}/{event['total']:.0f} {event.get('unit', '')}"
                text += "" if left is None else f", {timedelta(seconds=round(left))} left"
                text += f", {note}" if note else ""
                bar.update(task, completed=event["done"], total=event["total"], text=text)
            elif event["type"] == "phase":
                bar.update(task, description=f"{what}: {event.get('name', '')}")

        yield update


def guarded(function: Callable[[], Any]) -> None:
    """Run the command line and turn every expected error into one line and an exit code."""
    as_json = "--json" in sys.argv
    try:
        code = function()
    except click.UsageError as error:
        hint = f" (try: {error.ctx.command_path} --help)" if error.ctx else ""
        fail(error.format_message() + hint, as_json=as_json)
    except click.ClickException as error:
        fail(error.format_message(), as_json=as_json)
    except CuratorError as error:
        fail(str(error), as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        fail("stopped; run the same command again to go on", as_json=as_json)
    except BrokenPipeError:
        sys.exit(DONE)
    except (OSError, MemoryError, RuntimeError) as error:
        short = shortage.in_one_line(error)
        if short is None and not isinstance(error, OSError):
            raise
        filename = getattr(error, "filename", None)
        where = f"{filename}: " if filename else ""
        fail(f"{where}{short or getattr(error, 'strerror', None) or error}", as_json=as_json)
    sys.exit(code if isinstance(code, int) else DONE)
