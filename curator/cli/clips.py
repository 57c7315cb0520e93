"""`curator recordings`, `clips` and `verdict`: look at what is there and decide without the app."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from catalog.errors import BadRequest
from catalog.filters import NAMES
from catalog.library import Library
from catalog.records import SCORE_NAMES, VerdictName
from curator.cli.output import DONE, emit, json_option, open_store, pass_library, table
from curator.words import count

if TYPE_CHECKING:
    from catalog.store import Store

where_option = click.option("--where", metavar="EXPR", help='Only clips for which this holds, e.g. "snr_db > 25".')
VERDICTS: dict[str, VerdictName] = {"accept": "accepted", "reject": "rejected", "clear": "undecided"}

FACTS = (
    *("id", "recording", "path", "speaker", "start_s", "end_s", "duration_s", "verdict", "reasons"),
    *("tags", "note", "suggestion", "suggestion_reasons", "suggestion_scores", "blame", "blame_reason"),
    *("short", "sample_rate"),
)


@click.command()
@json_option
@pass_library
def recordings(library: Library, as_json: bool) -> int:
    """List the recordings."""
    with open_store(library) as store:
        rows = store.recording_rows()
    if as_json:
        emit(rows)
        return DONE
    columns = {
        "id": "ID",
        "speaker": "SPEAKER",
        "duration_s": "SECONDS",
        "sample_rate": "RATE",
        "channels": "CH",
        "clips": "CLIPS",
        "accepted": "ACCEPTED",
        "path": "PATH",
    }
    table(rows, columns, empty="No recordings yet: curator add PATH --speaker NAME")
    return DONE


@click.command(epilog=f"EXPR may use: {', '.join(NAMES)}.")
@where_option
@click.option("--sort", metavar="EXPR", help='Order, e.g. "snr_db desc".')
@click.option("--limit", type=click.IntRange(0), metavar="N", help="At most so many.")
@click.option("--use", metavar="USE", help="Suggest as for another use: speaking, singing or tts.")
@json_option
@pass_library
def clips(
    library: Library, where: str | None, sort: str | None, limit: int | None, use: str | None, as_json: bool
) -> int:
    """List the clips with their scores, verdicts and suggestions."""
    from curator.policy import policy_of

    rules = policy_of(library, use).rules
    with open_store(library) as store:
        rows = store.clip_table(where=where, sort=sort, limit=limit, rules=rules).to_pylist()
    if as_json:
        emit([document(row) for row in rows])
        return DONE
    columns = {
        "id": "ID",
        "speaker": "SPEAKER",
        "start_s": "START",
        "duration_s": "LENGTH",
        "verdict": "VERDICT",
        "suggestion": "SUGGESTION",
        "snr_db": "SNR",
        "loudness_lufs": "LUFS",
        "f0_median_hz": "F0",
        "overlap_ratio": "OVERLAP",
        "path": "PATH",
    }
    empty = "No clips match." if where else "No clips yet: curator add PATH --speaker NAME"
    table(rows, columns, empty="No clip was asked for: --limit 0" if limit == 0 else empty)
    return DONE


def document(row: dict[str, object]) -> dict[str, object]:
    """A row of the clip table as the promised JSON: the facts at the top, scores and their worst places in objects."""
    scores = {name: row.get(name) for name in SCORE_NAMES}
    places = json.loads(str(row.get("places") or "{}"))
    return {key: row.get(key) for key in FACTS} | {"scores": scores, "places": places}


@click.command()
@click.argument("decision", type=click.Choice(list(VERDICTS)))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@where_option
@click.option("--reason", "reasons", multiple=True, metavar="R", help="Why, in a word; may be given several times.")
@json_option
@pass_library
def verdict(
    library: Library,
    decision: str,
    ids: tuple[str, ...],
    where: str | None,
    reasons: tuple[str, ...],
    as_json: bool,
) -> int:
    """Accept or reject clips, or clear their verdict. They are named by ID or by --where."""
    with open_store(library) as store:
        chosen = chosen_clips(store, ids, where)
        if chosen:
            store.decide(chosen, VERDICTS[decision], reasons)
    if as_json:
        emit({"verdict": VERDICTS[decision], "clips": chosen})
    else:
        click.echo(f"{count(len(chosen), 'clip')} {VERDICTS[decision]}")
    return DONE


def chosen_clips(store: Store, ids: Sequence[str], where: str | None) -> list[str]:
    """The full ids of the clips that a command names, by beginnings of ids or by a filter; BadRequest unless by one."""
    if bool(ids) == bool(where):
        raise BadRequest("Say which clips: either by ID or with --where EXPR")
    from curator.policy import policy_of

    if where:
        found: list[str] = store.clip_table(where=where, rules=policy_of(store.library).rules)["id"].to_pylist()
        return found
    return [store.clip(clip)["id"] for clip in ids]
