"""`curator policy`: what the clips of a library are for, and which scores speak against one."""

from __future__ import annotations

from typing import Any

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.output import DONE, emit, json_option, pass_library, table

use_option = click.option("--use", metavar="USE", help="What clips are for: speaking, singing or tts.")


@click.group("policy")
def policy_group() -> None:
    """Which scores speak against a clip, for what the clips are for."""


@policy_group.command("show")
@use_option
@json_option
@pass_library
def show(library: Library, use: str | None, as_json: bool) -> int:
    """Show the use of this library and its rules. They are told in this order."""
    report = _report(library, use)
    if as_json:
        emit(report)
        return DONE
    click.echo(f"use: {report['use']} (of {', '.join(report['uses'])})")
    rows = [{**rule, "own": "this library" if rule["own"] else ""} for rule in report["rules"]]
    table(
        rows,
        {"score": "SCORE", "rule": "SPEAKS AGAINST", "unit": "UNIT", "reason": "REASON", "own": "SET BY"},
        empty="No rules.",
    )
    return DONE


@policy_group.command("set")
@click.argument("score", required=False)
@click.argument("rule", required=False)
@use_option
@json_option
@pass_library
def set_policy(library: Library, score: str | None, rule: str | None, use: str | None, as_json: bool) -> int:
    """Set what the library is for, or the rule of a SCORE. A rule is "< 20", "> 0.1", "outlier 4", off or usual.

    With a score, --use says which use the rule is for; without, it is the library's own. No score is computed again.
    """
    from curator import policy

    if score is None and use is None:
        raise BadRequest('Say --use USE, or a score and its rule, such as: curator policy set snr_db "< 25"')
    if score is not None:
        if rule is None:
            raise BadRequest(f'Say the rule too, such as: curator policy set {score} "< 25", or off, or usual')
        chosen = policy.policy_of(library, use).use
        policy.set_rule(library, chosen, score, None if rule == "usual" else rule)
    elif use is not None:
        policy.set_use(library, use)
    report = _report(library, use)
    if as_json:
        emit(report)
    else:
        click.echo(f"use: {report['use']}; {len(report['rules'])} rules; curator policy show lists them")
    return DONE


def _report(library: Library, use: str | None) -> dict[str, Any]:
    from catalog.records import SCORES
    from curator import policy

    units = {score.name: score.unit for score in SCORES}
    chosen = policy.policy_of(library, use)
    rules = [
        {
            "score": rule.score,
            "rule": policy.text_of(rule),
            "unit": units[rule.score],
            "reason": rule.reason,
            "own": rule.score in chosen.own,
        }
        for rule in chosen.rules
    ]
    return {"use": chosen.use, "uses": list(policy.uses()), "rules": rules}
