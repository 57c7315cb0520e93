"""`curator train`: make a voice, in the foreground or on its own."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click

from catalog.errors import BadRequest
from catalog.jobs import Job
from catalog.library import Library
from curator.cli.output import DONE, PARTLY, emit, follow, json_option, open_store, pass_library, say
from curator.cli.runs import newest_runs
from trainer.config import PRESETS, STRENGTHS, TrainRequest, check_strength


def saves_of(context: click.Context, option: click.Parameter, value: str) -> int | None:
    """A number of saves; `auto` is None, the preset's own, and `off` is 0."""
    if value == "auto":
        return None
    if value == "off":
        return 0
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value} is neither a number of saves from 1 on nor auto nor off", context, option)


def strengths_of(context: click.Context, option: click.Parameter, value: str) -> dict[str, float]:
    """`pitch,noise=30` as strengths by name, the usual one where none is said."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, equals, number = part.partition("=")
        try:
            found[name] = float(number) if equals else STRENGTHS.get(name, (0.0,))[0]
            check_strength(name, found[name])
        except (ValueError, BadRequest) as error:
            words = str(error) if isinstance(error, BadRequest) else f"{number} is not a number"
            raise click.BadParameter(words, context, option) from error
    return found


@click.command()
@click.argument("set_name", metavar="SET")
@click.option("--name", required=True, metavar="MODEL", help="What the model will be called.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="small", show_default=True, help="Size and rate.")
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Stop after so many passes over the set.")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Stop after so many steps.")
@click.option(
    "--patience",
    callback=saves_of,
    default="auto",
    show_default=True,
    metavar="N",
    help="End after N saves without a better measurement on held-out clips; the best save is what is published."
    " auto is the preset's own number; off makes all steps.",
)
@click.option("--encoder", default="phone", show_default=True, help="Content encoder: phone, phonetic or contentvec.")
@click.option("--f0", "f0_method", default="auto", show_default=True, metavar="METHOD", help="f0 method.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option(
    "--processes", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Share every batch among N."
)
@click.option("--seed", default=1234, show_default=True, help="Of everything that is drawn at random.")
@click.option(
    "--base",
    default="auto",
    show_default=True,
    metavar="BASE",
    help="What it starts from: last (the last model of this voice), preset, none, a model, published weights or a file;"
    " auto is last where that was made from another set, else preset.",
)
@click.option(
    "--augment",
    callback=strengths_of,
    default="",
    metavar="KINDS",
    help="Train on altered copies of the clips as well: "
    + "; ".join(f"{name}={usual:g}: {meaning}" for name, (usual, _, _, meaning) in STRENGTHS.items())
    + ". Several with commas between; off unless asked for.",
)
@click.option("--compile", "compiled", is_flag=True, help="Compile the networks for this machine before training.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="A setting that differs from the preset's.")
@click.option("--refiner", is_flag=True, help="Train what --refine needs as well, once the voice is done.")
@click.option("--dry-run", is_flag=True, help="Measure on this machine what it would cost, and end.")
@click.option("--detach", is_flag=True, help="Start it and come back at once.")
@click.option("--resume", is_flag=True, help="Continue the last unfinished run of that name.")
@json_option
@pass_library
def train(
    library: Library,
    set_name: str,
    name: str,
    base: str,
    dry_run: bool,
    detach: bool,
    resume: bool,
    as_json: bool,
    augment: dict[str, float],
    compiled: bool,
    changes: tuple[str, ...],
    **settings: Any,
) -> int:
    """Train a model on a set. Running the same command again continues a run that was cut off."""
    from catalog import sets
    from curator.intake import take_in_finished
    from curator.launch import start_train
    from trainer.parent import resolved

    sets.load(library, set_name, verify=False)
    request = TrainRequest(
        library=str(library.root),
        set_name=set_name,
        model=name,
        settings=parsed(changes) | ({"augment": augment} if augment else {}) | ({"compile": True} if compiled else {}),
        **settings,
    )
    request = resolved(library, request, base)
    if request.device == "cuda":
        from trainer.device import choose_device

        choose_device("cuda")
    if dry_run:
        return say_cost(library, request, as_json)
    with open_store(library) as store:
        unfinished = unfinished_run(library, request, resume=resume)
        if unfinished is None:
            say(f"curator: preset {request.preset}: {foretold(library, request)}")
        if base == "auto" and request.base:
            say(f"curator: starts from the model {request.base}, the last of this voice; --base preset starts anew")
        job = start_train(library, request, run_id=unfinished)
        take_in_finished(store, job)
        if detach:
            if as_json:
                emit({"run": job.id, "state": "running"})
            else:
                click.echo(f"Run {job.id} started; watch it in the app or with: curator runs show {job.id}")
            return DONE
        result = follow(job, f"Training {name}", lambda event: narrate(event))
        take_in_finished(store, job)
    return say_result(job, result, as_json)


def say_result(job: Job, result: dict[str, Any], as_json: bool) -> int:
    """Say how a training ended; gives the exit code."""
    if as_json:
        emit({"run": job.id} | result)
    elif result["outcome"] == "stopped":
        again = shlex.join(["curator", "train", job.request["set_name"], "--name", job.request["model"], "--resume"])
        click.echo(f"Stopped at step {result.get('step', 0)}; continue with: {again}")
    else:
        click.echo(f"Model {result['model']} published: {result['card']['run']['ended']}")
    return DONE if result["outcome"] == "done" else PARTLY


def foretold(library: Library, request: TrainRequest) -> str:
    """What a training will cost by the last one of its kind here, or how that will be known."""
    from catalog import sets
    from trainer.estimate import last_cost, steps_of, words
    from trainer.pace import ENOUGH

    seconds = sets.load(library, request.set_name, verify=False).drawn_seconds
    cost, steps = last_cost(library, request, seconds), steps_of(request.config(), seconds)
    if cost is not None:
        return f"{words(cost)}, as the last one here took"
    if steps < ENOUGH:
        return f"{steps} steps, too few to measure before what they cost; --dry-run measures it"
    return "what it costs here is measured as it begins, before anything is trained; --dry-run measures it alone"


def say_cost(library: Library, request: TrainRequest, as_json: bool) -> int:
    """Measure and say what a training would cost here; nothing is prepared or written."""
    from catalog import sets
    from trainer.cost import measured
    from trainer.estimate import words

    cost = measured(request, sets.load(library, request.set_name, verify=False).drawn_seconds)
    if as_json:
        emit(cost.to_dict())
    else:
        click.echo(f"Preset {request.preset} on set {request.set_name}: {words(cost)}")
    return DONE


def parsed(changes: tuple[str, ...]) -> dict[str, Any]:
    """Settings given as KEY=VALUE, with values as JSON where they are; the request checks the names."""
    settings = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise BadRequest(f"--set {change}: write it as KEY=VALUE, such as batch_size=2")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return settings


def unfinished_run(library: Library, request: TrainRequest, *, resume: bool) -> str | None:
    """The run to continue: the newest of that name and set without a model, when it may be continued.

    Raises BadRequest when that run is still alive, or `--resume` finds nothing to continue.
    """
    for job in newest_runs(library):
        past = job.request
        if past.get("model") != request.model or past.get("set_name") != request.set_name:
            continue
        state = job.state()
        if state in ("running", "stopping"):
            raise BadRequest(
                f"Run {job.id} is training {request.model} right now; stop it with: curator runs stop {job.id}"
            )
        if state == "done":
            break
        if resume or past == request.to_dict():
            say(f"curator: continuing run {job.id}")
            return job.id
    if resume:
        raise BadRequest(f"No unfinished run of {request.model} on set {request.set_name} to resume")
    return None


def narrate(event: dict[str, Any]) -> None:
    """Say the held-out figures and how many clips were strange as they come; the rest is in the bar."""
    if event["type"] == "checkpoint" and "held_out_mel" in event:
        best = ", the best so far" if event.get("best") else ""
        say(f"curator: step {event['step']}: held-out mel distance {event['held_out_mel']:.3f}{best}")
    elif event["type"] == "cost" and event.get("measured"):
        say(f"curator: {event['text']}")
    elif event["type"] == "look_again" and event["clips"]:
        say(f"curator: {event['clips']} of {event['of']} clips are to be looked at again; runs show tells why")
