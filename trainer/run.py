"""One run from a frozen set to a published model: the parts of the trainer in their order.

Separate from `trainer.__main__`, which refuses bad requests before any of this is loaded.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from catalog import sets
from catalog.jobs import JobReport
from catalog.library import Library
from catalog.records import Blame
from infer.content import load_encoder
from infer.content_encoder import ContentEncoder
from infer.weights import build, read_safetensors
from trainer import blame_file
from trainer.base import Start, find_start
from trainer.blame import blame
from trainer.boards import beside
from trainer.checkpoints import Checkpoints
from trainer.config import TrainConfig, TrainRequest
from trainer.cost import measured, taken
from trainer.device import choose_device, give_back_memory, memory_in_words
from trainer.estimate import last_cost, steps_of, words
from trainer.loop import train
from trainer.pace import ENOUGH
from trainer.prepare import Prepared, prepare
from trainer.publish import Made, publish, why_ended
from trainer.refiner import CHECKPOINT, Learned, RefinerTraining, config_of, train_refiner
from trainer.sources import Stopped
from trainer.state import TrainState, sizes
from trainer.team import ALONE, Team, joined
from trainer.training import Training


def make_model(library: Library, request: TrainRequest, report: JobReport, began: float) -> dict[str, Any]:
    """Prepare, train and publish; gives the job's result, or where it stopped.

    `began` is the monotonic time at which the job started. Raises CuratorError in words when it cannot go on.
    """
    device = choose_device(request.device, request.config().threads)
    with joined(device.type == "cuda") as team:
        if team.leads:
            tell_cost(library, request, report)
        made = ready(library, request, report, device, team)
        if made is None:
            return {"outcome": "stopped", "step": 0, "steps": request.config().steps}
        report.phase("train")
        with beside(report, report.job.path) if team.leads else nullcontext(report) as told:
            state, checkpoints = train(made.training, told)
    steps = made.training.steps
    if not team.leads:
        return {}
    if not made.training.ended(state):
        return {"outcome": "stopped", "step": state.step, "steps": steps}
    refiner = None
    if request.refiner:
        report.phase("refiner")
        refiner = refined(made, report)
        if refiner is None:
            return {"outcome": "stopped", "step": state.step, "steps": steps}
    if state.step < steps:
        report.event("note", text=why_ended(made.training, state))
    report.phase("listen again")
    strange = look_back(made.training, state, checkpoints, report)
    blame_file.write(report.job.path, strange)
    report.phase("publish")
    card = publish(library, made, state, checkpoints, strange, seconds=time.monotonic() - began, refiner=refiner)
    checkpoints.settle(state)
    (report.job.path / CHECKPOINT).unlink(missing_ok=True)
    cost = taken(made.training, state, refiner)
    return {"model": card["name"], "step": state.step, "steps": steps, "card": card} | ({"cost": cost} if cost else {})


def refined(made: Made, report: JobReport) -> Learned | None:
    """The refiner of the set; None when a clean end was asked for before it was done."""
    training = made.training
    settings = RefinerTraining.from_settings(training.config.refiner)
    config = config_of(training.config, settings, made.encoder.dim, speakers=len(made.prepared.speakers))
    with memory_in_words(settings.batch_size, training.device, settings.rows_given):
        return train_refiner(
            training.train, training.held_out, settings, config, report,
            seed=training.seed, data=training.data, device=training.device, folder=training.folder,
        )  # fmt: skip


def ready(library: Library, request: TrainRequest, report: JobReport, device: torch.device, team: Team) -> Made | None:
    """Everything up to the first step; None when a clean end was asked for before."""
    config = request.config()
    RefinerTraining.from_settings(config.refiner)
    team.check_share(config.batch_size)
    start = find_start(request.base, config, library)
    report.event("note", text=f"Training on {device.type}, {start.words}")
    manifest = sets.load(library, request.set_name)
    encoder = load_encoder(request.encoder, library.weights, device.type)

    def features() -> Prepared | None:
        try:
            return prepare(
                library,
                request.set_name,
                manifest.clips,
                config,
                encoder=encoder,
                f0_method=request.f0_method,
                device=device.type,
                seed=request.seed,
                report=report,
            )
        except Stopped:
            return None

    prepared = team.leader_first(features)
    if prepared is None:
        return None
    if team.leads:
        tell(prepared, report)
    training = plan(config, request.seed, device, encoder, prepared, report.job.path, start, team)
    return Made(report.job.id, request, manifest.info, training, prepared, encoder)


def look_back(training: Training, state: TrainState, checkpoints: Checkpoints, report: JobReport) -> list[Blame]:
    """What the network that is published says of the clips of the set; a model is not lost for want of it."""
    assert state.best is not None
    clips, config = (*training.train, *training.held_out), training.config
    heard_s = state.step * config.batch_size * config.segment_frames / 100
    try:
        network = build(read_safetensors(checkpoints.folder / state.best.file), training.device)
        found = sorted(blame(network, clips, training.mel, heard_s=heard_s), key=lambda each: -each.strangeness)
    except (MemoryError, RuntimeError) as error:
        report.warning(f"The clips of the set could not be listened to again: {type(error).__name__}")
        return []
    report.event("look_again", clips=sum(bool(each.reason) for each in found), of=len(found))
    return found


def plan(
    config: TrainConfig,
    seed: int,
    device: torch.device,
    encoder: ContentEncoder,
    prepared: Prepared,
    folder: Path,
    start: Start,
    team: Team = ALONE,
) -> Training:
    """What the loop is given, with a network whose sizes follow from preset, encoder and speakers."""
    network = sizes(config, encoder.dim, len(prepared.speakers))
    train_on, held_out = prepared.train, prepared.held_out
    return Training(config, network, seed, device, train_on, held_out, prepared.digest, folder, start, team)


def tell_cost(library: Library, request: TrainRequest, report: JobReport) -> None:
    """Say what a run that begins will cost, before anything is prepared: as the last of its kind, else by a few steps;
    a run of hardly more steps than that begins at once."""
    seconds = sets.load(library, request.set_name, verify=False).drawn_seconds
    if steps_of(request.config(), seconds) < ENOUGH or any((report.job.path / "checkpoints").glob("step-*.pt")):
        return
    known = last_cost(library, request, seconds)
    plain = replace(request, settings={**request.settings, "compile": False})
    cost = known or measured(plain, seconds)
    give_back_memory()
    report.event("cost", preset=request.preset, text=words(cost), measured=known is None, **cost.to_dict())


def tell(prepared: Prepared, report: JobReport) -> None:
    """Write the ledger beside the run and say what became of the set."""
    prepared.ledger.write(report.job.path / "ledger.json")
    report.event("ledger", **prepared.ledger.summary())
    report.event("note", text=prepared.how_held_out)
    weighed = [clip for clip in prepared.train if clip.weight != 1]
    if weighed:
        low, high = min(clip.weight for clip in weighed), max(clip.weight for clip in weighed)
        report.event("note", text=f"{len(weighed)} clips weigh other than one, {low:g} to {high:g}")
    copies = sum(len(clip.copies) for clip in prepared.train)
    if copies:
        report.event("note", text=f"{copies} altered copies of the {len(prepared.train)} clips are trained on as well")
