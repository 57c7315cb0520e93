"""`curator demo`: the whole way on example recordings, then the app on the result."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.output import DONE

STEPS = 500
FOLDER = "demo-library"
MARK = "demo.txt"


@click.command()
@click.option("--headless", is_flag=True, help="Do not open the app at the end.")
@click.option("--steps", type=click.IntRange(1), default=STEPS, show_default=True, help="Training steps.")
@click.option("--fresh", is_flag=True, help="Begin again from nothing.")
@click.pass_context
def demo(context: click.Context, headless: bool, steps: int, fresh: bool) -> int:
    """Go the whole way on made recordings. On the CPU, offline; opens the app on the result."""
    from curator.demo.walk import walk

    library = Library(Path(context.obj or FOLDER).resolve())
    mark = library.root / MARK
    if library.root.exists() and any(library.root.iterdir()) and not mark.exists():
        raise BadRequest(
            f"{library.root} is not a demo library: choose an empty folder with curator --library DIR demo"
        )
    if fresh and mark.exists():
        shutil.rmtree(library.root)
    library.create()
    mark.write_text("Made by curator demo; curator demo --fresh deletes this folder.\n")
    walk(context.find_root().command, library, steps=steps)
    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(f"  Open it with: curator --library {library.root}")
        return DONE
    from curator.tui.app import run

    run(library)
    return DONE
