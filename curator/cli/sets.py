"""`curator set` and `curator report`: freeze accepted clips, hand them on, and look at what is in them."""

from __future__ import annotations

from pathlib import Path

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.clips import where_option
from curator.cli.output import DONE, emit, follow, json_option, open_store, pass_library, table
from curator.words import clock, count


@click.group("set")
def set_group() -> None:
    """Freeze accepted clips into immutable sets."""


@set_group.command("create")
@click.argument("name")
@where_option
@json_option
@pass_library
def create(library: Library, name: str, where: str | None, as_json: bool) -> int:
    """Freeze the accepted clips as NAME. With --where, those of them for which it holds.

    A clip with the tag weight=2 is drawn twice as often in training, one with weight=0.5 half as often.
    """
    from curator.intake import take_in_finished
    from curator.launch import start_freeze

    accepted = "verdict = 'accepted'"
    with open_store(library) as store:
        rows = store.clip_table(where=[accepted, where] if where else accepted).to_pylist()
        if not rows:
            raise BadRequest("No accepted clips to freeze: accept some in the app or with curator verdict accept")
        job = start_freeze(library, name, rows)
        result = follow(job, "Freezing")
        take_in_finished(store, job)
    if as_json:
        emit(result["set"])
    else:
        info = result["set"]
        click.echo(
            f"Set {info['name']}: {count(info['clips'], 'clip')}, {clock(info['seconds'])}, id {info['id'][:16]}"
        )
    return DONE


@set_group.command("list")
@json_option
@pass_library
def list_sets(library: Library, as_json: bool) -> int:
    """List the sets."""
    from catalog import sets

    rows = [as_row(info) for info in sets.list_sets(library)]
    if as_json:
        emit(rows)
        return DONE
    columns = {
        "name": "NAME",
        "clips": "CLIPS",
        "seconds": "SECONDS",
        "speakers": "SPEAKERS",
        "created_at": "CREATED",
    }
    table(rows, columns, empty="No sets yet: curator set create NAME")
    return DONE


@set_group.command("show")
@click.argument("name")
@json_option
@pass_library
def show(library: Library, name: str, as_json: bool) -> int:
    """Show what a set holds and check its files against their hashes."""
    from catalog import sets

    manifest = sets.load(library, name, verify=True)
    if as_json:
        emit(manifest.document())
        return DONE
    info = manifest.info
    click.echo(
        f"{info.name}: {count(info.clips, 'clip')}, {clock(info.seconds)}, {', '.join(info.speakers)}; files verified"
    )
    click.echo(f"id {info.id}")
    columns = {
        "clip": "CLIP",
        "recording": "RECORDING",
        "speaker": "SPEAKER",
        "sample_rate": "RATE",
        "file": "FILE",
    }
    if any(clip.weight != 1 for clip in manifest.clips):
        columns["weight"] = "WEIGHT"
    table([vars(clip) for clip in manifest.clips], columns, empty="Empty.")
    return DONE


@set_group.command("export")
@click.argument("name")
@click.option("--format", "layout", required=True, metavar="F", help="wav, filelist, rvc or jsonl.")
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where to write.")
@json_option
@pass_library
def export(library: Library, name: str, layout: str, out: Path, as_json: bool) -> int:
    """Hand a set to another tool in the layout it expects."""
    from catalog import set_export, sets

    written = set_export.write(sets.load(library, name), layout, out)
    if as_json:
        emit({"format": layout, "out": str(out), "files": [str(path) for path in written]})
    else:
        click.echo(f"{len(written)} files written to {out}")
    return DONE


def as_row(info: object) -> dict[str, object]:
    """A set's facts as JSON keys."""
    row = dict(vars(info))
    row["speakers"] = list(row["speakers"])
    return row


@click.command()
@click.argument("name")
@click.option("--out", required=True, metavar="FILE.html", type=click.Path(path_type=Path), help="The page to write.")
@json_option
@pass_library
def report(library: Library, name: str, out: Path, as_json: bool) -> int:
    """Write a set's report as one page. It holds coverage, distributions and players."""
    from curator.report import write_report

    facts = write_report(library, name, out)
    if as_json:
        emit(facts)
    else:
        click.echo(f"Report of {name} written to {out}")
    return DONE
