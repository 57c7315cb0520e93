"""`curator learn`: learn from the decisions made so far, say how right that is, and decide what is clear when told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import VerdictName
from curator.cli.output import DONE, emit, json_option, open_store, pass_library

if TYPE_CHECKING:
    from catalog.judgement import Judgement


@click.command()
@click.option("--apply", "apply_", is_flag=True, help="Decide the clear clips; one `curator undo` takes it back.")
@click.option("--forget", is_flag=True, help="Let nothing count as learned from here on.")
@json_option
@pass_library
def learn(library: Library, apply_: bool, forget: bool, as_json: bool) -> int:
    """Learn from your decisions which clips you would accept.

    Needs fifty decisions. What is learned stays in the library; `accept_probability` and `doubt` of every clip follow
    from it. The figures are cross-validated: each decision is judged by a model that had not seen its recording.
    """
    from curator import learning

    if apply_ and forget:
        raise BadRequest("Either --apply or --forget, not both")
    with open_store(library) as store:
        if forget:
            store.keep_judgement(None)
            emit({"forgotten": True}) if as_json else click.echo("Nothing counts as learned any more")
            return DONE
        clips = store.clip_table()
        judgement = learning.learn(clips)
        store.keep_judgement(judgement)
        accept, reject = learning.clear_clips(clips, judgement)
        if apply_ and (accept or reject):
            verdicts: dict[str, VerdictName] = dict.fromkeys(accept, "accepted")
            store.decide_each(verdicts | dict.fromkeys(reject, "rejected"), [learning.LEARNED])
    if as_json:
        emit(document(judgement, accept, reject, applied=apply_))
    else:
        click.echo(in_words(judgement, accept, reject, applied=apply_))
    return DONE


def document(judgement: Judgement, accept: list[str], reject: list[str], *, applied: bool) -> dict[str, Any]:
    """All that is known of it as JSON."""
    return {
        "figures": dict(judgement.figures),
        "weights": {weight.score: weight.share for weight in judgement.weights},
        "clear": {"accept": accept, "reject": reject},
        "applied": applied,
    }


def in_words(judgement: Judgement, accept: list[str], reject: list[str], *, applied: bool) -> str:
    """The same for people."""
    figures = judgement.figures
    counts = f"{figures['accepted']} accepted, {figures['rejected']} rejected"
    lines = [
        f"Learned from {figures['decisions']} decisions: {counts}",
        f"Right on {figures['right']} of them, each judged without its {figures['kept_together']} (cross-validated)",
    ]
    for verdict in ("accept", "reject"):
        found = figures[verdict]
        precision, recall = (f"{100 * (found[name] or 0):.0f} %" for name in ("precision", "recall"))
        lines.append(f"  {verdict}: precision {precision} ({found['right']} of {found['said']}), recall {recall}")
    weighty = ", ".join(f"{weight.score} {weight.share:.2f}" for weight in judgement.weights[:6])
    lines.append(f"What weighs (mean log-odds): {weighty}")
    done = "Decided" if applied else "Clear enough to decide with --apply"
    lines.append(f"{done}: accept {len(accept)}, reject {len(reject)}")
    return "\n".join(lines)
