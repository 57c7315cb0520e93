"""`curator edit`, `tag`, `note`, `undo` and `redo`: change clips without the app, and take any change back.

Separate from the commands that list and decide because these are the ones that change which clips there are, or what is
said of them; every one is an action of the same journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.clips import chosen_clips, where_option
from curator.cli.output import DONE, emit, json_option, open_store, pass_library
from curator.words import count

if TYPE_CHECKING:
    from catalog.journal import Undone
    from catalog.store import Edited, Store


@click.group(name="edit")
def edit_group() -> None:
    """Move a clip's edges, split it, or join it with the next. The new clips are scored at once."""


@edit_group.command(name="nudge")
@click.argument("clip", metavar="ID")
@click.option(
    "--start", "start_ms", type=int, default=0, metavar="MS", help="Move the start: later, or earlier below 0."
)
@click.option("--end", "end_ms", type=int, default=0, metavar="MS", help="Move the end: later, or earlier below 0.")
@json_option
@pass_library
def nudge(library: Library, clip: str, start_ms: int, end_ms: int, as_json: bool) -> int:
    """Move one or both edges of a clip by milliseconds."""
    from curator import edits

    if not start_ms and not end_ms:
        raise BadRequest("Say what to move: --start MS, --end MS, or both")
    with open_store(library) as store:
        row = store.clip(clip)
        return _report(store, edits.move(store, row, start_ms / 1000, end_ms / 1000), as_json)


@edit_group.command(name="split")
@click.argument("clip", metavar="ID")
@click.option(
    "--at", "at_s", type=float, required=True, metavar="SECONDS", help="Where, counted from the clip's start."
)
@json_option
@pass_library
def split(library: Library, clip: str, at_s: float, as_json: bool) -> int:
    """Make two clips of one."""
    from curator import edits

    with open_store(library) as store:
        return _report(store, edits.split_at(store, store.clip(clip), at_s), as_json)


@edit_group.command(name="join")
@click.argument("clip", metavar="ID")
@json_option
@pass_library
def join(library: Library, clip: str, as_json: bool) -> int:
    """Make one clip of this one and the next of its recording."""
    from curator import edits

    with open_store(library) as store:
        return _report(store, edits.join_next(store, store.clip(clip)), as_json)


def _report(store: Store, edited: Edited, as_json: bool) -> int:
    """Score the new clips and say which they are."""
    from curator import rescoring

    new = [clip.id for clip in edited.shown]
    unscored = set(store.unscored()) & set(new)
    order = rescoring.order_for(store, [clip for clip in new if clip in unscored])
    if order is not None:
        store.rescore(rescoring.fill(order))
    if as_json:
        emit({"gone": list(edited.hidden), "clips": new})
    else:
        click.echo(f"{count(len(edited.hidden), 'clip')} gave way to: {' '.join(new)}")
    return DONE


@click.command()
@click.argument("change", type=click.Choice(["add", "remove"]))
@click.argument("tag", metavar="TAG")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@where_option
@json_option
@pass_library
def tag(library: Library, change: str, tag: str, ids: tuple[str, ...], where: str | None, as_json: bool) -> int:
    """Put a tag on clips or take it off. Find them again with list_contains(tags, 'TAG') in --where."""
    with open_store(library) as store:
        chosen = chosen_clips(store, ids, where)
        if chosen:
            store.remark(chosen, add=[tag] if change == "add" else [], remove=[tag] if change == "remove" else [])
    if as_json:
        emit({"tag": tag, "change": change, "clips": chosen})
    else:
        click.echo(f"{count(len(chosen), 'clip')}: {tag} {'added' if change == 'add' else 'removed'}")
    return DONE


@click.command()
@click.argument("clip", metavar="ID")
@click.argument("text", metavar="TEXT")
@json_option
@pass_library
def note(library: Library, clip: str, text: str, as_json: bool) -> int:
    """Write a note on a clip; an empty text takes it away."""
    with open_store(library) as store:
        identity = store.clip(clip)["id"]
        store.remark([identity], note=text)
    if as_json:
        emit({"clip": identity, "note": text.strip()})
    else:
        click.echo("noted" if text.strip() else "the note is gone")
    return DONE


@click.command()
@json_option
@pass_library
def undo(library: Library, as_json: bool) -> int:
    """Take back what was done last. A verdict, an edit or a tag, for one clip or many; repeat to go further back."""
    with open_store(library) as store:
        return _turned(store.undo(), "Undone", as_json)


@click.command()
@json_option
@pass_library
def redo(library: Library, as_json: bool) -> int:
    """Do again what was undone last. Possible until something else is done."""
    with open_store(library) as store:
        return _turned(store.redo(), "Done again", as_json)


def _turned(undone: Undone | None, what: str, as_json: bool) -> int:
    if undone is None:
        raise BadRequest("Nothing to undo" if what == "Undone" else "Nothing to redo")
    if as_json:
        names = ("clips", "before", "after", "shown", "hidden", "remarked")
        emit({name: list(getattr(undone, name)) for name in names})
        return DONE
    parts = []
    if undone.shown or undone.hidden:
        parts.append(f"{count(len(undone.shown), 'clip')} in the place of {len(undone.hidden)}")
    elif undone.clips:
        parts.append(f"{count(len(undone.clips), 'clip')} {', '.join(sorted(set(undone.after)))} again")
    if undone.remarked and not parts:
        parts.append(f"note and tags of {count(len(undone.remarked), 'clip')}")
    click.echo(f"{what}: {'; '.join(parts) or 'nothing that shows'}")
    return DONE
