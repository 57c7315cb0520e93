"""`curator preview`: hear a set as a voice, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import click

from catalog.library import Library
from curator.cli.convert import semitones
from curator.cli.output import DONE, emit, follow, json_option, pass_library


@click.command()
@click.argument("name", metavar="SET")
@click.argument("source", metavar="INPUT", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, metavar="PATH", type=click.Path(path_type=Path), help="A .wav or .flac file.")
@click.option(
    "--transpose", default="auto", show_default=True, metavar="N", help="Semitones, or auto: to the set's own pitch."
)
@click.option("--f0", "f0_method", default="auto", show_default=True, metavar="METHOD", help="f0 method.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@json_option
@pass_library
def preview(
    library: Library,
    name: str,
    source: Path,
    out: Path,
    transpose: str,
    f0_method: str,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Speak INPUT with the sounds of SET. Rough, in seconds, and without training.

    Says which clips were leaned on, and how far the input's sounds are from the set's.
    """
    from curator.launch import start_preview

    job = start_preview(
        library, name, source, out, transpose=semitones(transpose), f0_method=f0_method, overwrite=overwrite
    )
    result = follow(job, "Previewing")
    if as_json:
        emit(result)
        return DONE
    click.echo(result["output"])
    click.echo(f"transposed {result['transpose']:+g} st, distance to the set's sounds {result['distance']:.2f}")
    for leaned in result["leaned_on"]:
        click.echo(f"  {leaned['clip']}  {100 * leaned['share']:5.1f} %")
    return DONE
