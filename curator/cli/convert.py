"""`curator convert`: give files another voice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from catalog import audio
from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.output import (
    DONE,
    NOTHING,
    PARTLY,
    emit,
    follow,
    json_option,
    one_line,
    open_store,
    pass_library,
    say,
)
from infer.effects import EFFECTS, check
from infer.options import BACKING, ConvertOptions


@click.command()
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A file for one input, else a folder.",
)
@click.option(
    "--transpose",
    default="0",
    show_default=True,
    metavar="N",
    help="Semitones, or auto: from the model's own pitch.",
)
@click.option(
    "--f0",
    "f0_method",
    default="auto",
    show_default=True,
    metavar="METHOD",
    help="f0 method; see curator doctor.",
)
@click.option(
    "--f0-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines of seconds,Hz: a drawn contour in place of what is found.",
)
@click.option("--index-rate", type=float, metavar="X", help="0 to 1: how far features move to the voice's own.")
@click.option(
    "--protect",
    type=float,
    metavar="X",
    help="0 to 0.5: how much of consonants and breath the index may change.",
)
@click.option("--rms-mix", type=float, metavar="X", help="0 to 1: 0 follows the input's loudness, 1 the model's.")
@click.option("--filter-radius", type=int, metavar="N", help="Above 2, smooths a harvest f0 with a median of 3.")
@click.option("--resample", type=int, metavar="HZ", help="Output rate; 0 is the model's own.")
@click.option(
    "--predict-f0", is_flag=True, help="Let a so-vits-svc voice speak with the f0 it proposes; not for songs."
)
@click.option(
    "--song", is_flag=True, help="INPUT is a whole song: separate the vocals, convert them and mix them back."
)
@click.option(
    "--separator",
    metavar="NAME",
    help="What takes a song apart: htdemucs, htdemucs_ft (curator models pull NAME) or a Demucs file.",
)
@click.option(
    "--backing",
    type=click.Choice(BACKING),
    help="What a song's vocals have away from the middle, mostly backing voices: keep (the default) or drop.",
)
@click.option(
    "--effects",
    metavar="NAMES",
    help=f"Finishing touches on the converted voice, such as gate,eq: {', '.join(EFFECTS)}.",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@json_option
@pass_library
def convert(
    library: Library,
    model: str,
    inputs: tuple[Path, ...],
    out: Path,
    transpose: str,
    as_json: bool,
    **settings: Any,
) -> int:
    """Convert INPUT with MODEL: files, folders with all in them, or patterns such as takes/*.wav."""
    from curator.intake import take_in_finished
    from curator.launch import start_convert
    from infer.f0 import read_points
    from infer.separator_file import find_separator

    given = {key: value for key, value in settings.items() if value is not None}
    if "f0_file" in given:
        read_points(given["f0_file"])
        given["f0_file"] = str(given["f0_file"].resolve())
    if "effects" in given:
        given["effects"] = [name.strip() for name in given["effects"].split(",") if name.strip()]
        check(given["effects"])
    if given["song"]:
        find_separator(given.get("separator", ConvertOptions.separator), library.weights)
    options = ConvertOptions.from_dict(given | {"transpose": semitones(transpose)})
    with open_store(library) as store:
        job = start_convert(library, model, list(recordings_of(inputs)), out, options)
        result = follow(job, "Converting")
        take_in_finished(store, job)
    if as_json:
        emit(result)
    else:
        for item in result["outputs"]:
            click.echo(item["output"])
    for item in result["failed"]:
        say(f"curator: {one_line(item['error'])}")
    if result["failed"]:
        return PARTLY if result["outputs"] else NOTHING
    return DONE


def semitones(text: str) -> float | str:
    """A number of semitones or the word auto."""
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise BadRequest(f"--transpose {text}: give semitones such as 12 or -5, or auto") from None


def recordings_of(inputs: Sequence[Path]) -> Iterator[Path]:
    """The files meant by inputs: a folder's recordings, what a pattern that no shell has expanded matches, or the path
    itself, which the conversion says is missing when it is."""
    for path in inputs:
        if path.is_dir():
            yield from audio.find_audio([path])
        elif not path.exists() and any(sign in path.name for sign in "*?["):
            yield from sorted(path.parent.glob(path.name)) or [path]
        else:
            yield path
