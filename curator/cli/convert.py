"""`curator convert`: give files another voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.output import (
    DONE,
    NOTHING,
    PARTLY,
    STOPPED,
    emit,
    follow,
    json_option,
    open_store,
    pass_library,
    say,
)
from curator.words import one_line
from infer.effects import EFFECTS, check
from infer.options import OFFERED, ConvertOptions
from infer.presets import PRESETS, preset_values


def option_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a flag for everything that people may set of a conversion (`infer.options.OFFERED`)."""
    for name, about in reversed(list(OFFERED.items())):
        default = getattr(ConvertOptions, name)
        flag = f"--{about.flag or name.replace('_', '-')}"
        kind: dict[str, Any] = {"type": type(default) if isinstance(default, int | float) else str}
        if name == "transpose":
            kind = {"type": str}
        elif name == "f0_file":
            kind = {"type": click.Path(exists=True, dir_okay=False, path_type=Path)}
        elif about.choices:
            kind = {"type": click.Choice(about.choices)}
        elif isinstance(default, bool):
            kind = {"is_flag": True}
            flag = f"{flag}/--no-{flag[2:]}" if default else flag
        said = f"{about.words}: {', '.join(EFFECTS)}." if name == "effects" else f"{about.words}{_default(default)}."
        if "is_flag" not in kind and not about.choices:
            kind["metavar"] = about.metavar
        command = click.option(flag, name, default=None, help=said[:1].upper() + said[1:], **kind)(command)
    return command


def _default(value: object) -> str:
    """What stands behind a meaning to say what goes without saying."""
    return "" if value in ("", False, ()) else f" [{'on' if value is True else value}]"


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
@option_flags
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Where to begin; what is set besides stands above it.",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@json_option
@pass_library
def convert(
    library: Library,
    model: str,
    inputs: tuple[Path, ...],
    out: Path,
    preset: str | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Convert INPUT with MODEL. Files, folders with all in them, or patterns such as takes/*.wav."""
    from curator.inputs import recordings_of
    from curator.intake import take_in_finished
    from curator.launch import start_convert
    from infer.f0 import read_points
    from infer.separator_file import find_separator

    given = {key: value for key, value in settings.items() if value is not None}
    if "transpose" in given:
        given["transpose"] = semitones(given["transpose"])
    if "f0_file" in given:
        read_points(given["f0_file"])
        given["f0_file"] = str(given["f0_file"].resolve())
    if "effects" in given:
        given["effects"] = [name.strip() for name in given["effects"].split(",") if name.strip()]
        check(given["effects"])
    if given.get("song"):
        find_separator(given.get("separator", ConvertOptions.separator), library.weights)
    options = ConvertOptions.from_dict({**(preset_values(preset) if preset else {}), **given})
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
    stopped = result["outcome"] == "stopped"
    if stopped:
        say(STOPPED)
    if result["failed"] or stopped:
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
