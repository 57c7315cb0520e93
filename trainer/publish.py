"""Turn a finished training into a model of the registry: weights, retrieval index and the card.

Separate from the loop because a model is published whole, by the registry's own rename, and its card is a promise to
the converter.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog import registry
from catalog.library import Library
from catalog.records import Blame, SetInfo
from infer.content_encoder import ContentEncoder
from infer.mel import CLASSIC
from infer.refiner_config import FILE as REFINER
from infer.refiner_file import write_refiner
from infer.source_filter_config import KIND
from infer.synthesizer_config import SynthesizerConfig
from trainer import blame_file
from trainer.checkpoints import Checkpoints
from trainer.config import TrainRequest
from trainer.dataset import crops_per_epoch
from trainer.device import peak_memory
from trainer.index import write_index
from trainer.prepare import Prepared, f0_stats
from trainer.refiner import Learned
from trainer.state import TrainState
from trainer.stopping import CHOSEN_BY, best, settled, words
from trainer.training import Training


@dataclass(frozen=True)
class Made:
    """All that the card tells about how a model came to be."""

    run_id: str
    request: TrainRequest
    info: SetInfo
    training: Training
    prepared: Prepared
    encoder: ContentEncoder


def publish(
    library: Library,
    made: Made,
    state: TrainState,
    checkpoints: Checkpoints,
    strange: Sequence[Blame],
    *,
    seconds: float,
    refiner: Learned | None = None,
) -> dict[str, Any]:
    """Publish the best generator of a training and give its card; `seconds` is what the job's last start took.

    `strange` is what it says of its clips, the strangest first; `refiner` comes with it where there is one. Raises
    BadRequest when the name is taken.
    """

    def build(folder: Path) -> dict[str, Any]:
        assert state.best is not None
        shutil.copyfile(checkpoints.folder / state.best.file, folder / registry.WEIGHTS)
        facts = write_index(made.prepared.train, folder)
        more: dict[str, Any] = {"look_again": blame_file.worst(strange)}
        if refiner is not None:
            write_refiner(folder / REFINER, refiner.refiner)
            more["refiner"] = refiner.facts()
        return card(made, state, asdict(facts), seconds) | more

    return registry.publish(library, made.request.model, build=build, replace=made.request.replace)


def card(made: Made, state: TrainState, index: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The facts of a model, as every other part of the program reads them."""
    config, prepared = made.training.config, made.prepared
    best_step = state.best.step if state.best else state.step
    parent = made.training.start.parent
    return {
        "version": "v2" if isinstance(made.training.network, SynthesizerConfig) else "1",
        "network": "rvc" if isinstance(made.training.network, SynthesizerConfig) else KIND,
        "f0": made.training.network.f0,
        "sample_rate": config.sample_rate,
        "config": made.training.network.to_dict(),
        "encoder": {"name": made.encoder.name, "version": made.encoder.version, "dim": made.encoder.dim},
        "numerics": CLASSIC.name,
        "set": {
            "id": made.info.id,
            "name": made.info.name,
            "clips": made.info.clips,
            "seconds": round(made.info.seconds, 3),
        },
        "run": {
            "id": made.run_id,
            "preset": made.request.preset,
            "steps": state.step,
            "best_step": best_step,
            "ended": why_ended(made.training, state),
            "epochs": round(epochs(made.training, state.step), 2),
            "seed": made.request.seed,
            "device": str(made.training.device),
            "processes": made.training.team.size,
            "started_from": made.training.start.words,
            "parent": None if parent is None else {"name": parent.name, "id": parent.id},
            "seconds": round(seconds, 1),
            "peak_memory_bytes": peak_memory(made.training.device),
            "settings": config.to_dict(),
        },
        "metrics": metrics(made, state),
        "ledger": prepared.ledger.summary(),
        "f0_method": prepared.f0_method,
        "f0_stats": f0_stats(prepared.train),
        "index": {**index, "clips": len(prepared.train), "set": made.info.id},
        "licence": "",
        "consent": "",
        "speakers": list(prepared.speakers),
    }


def metrics(made: Made, state: TrainState) -> dict[str, Any]:
    """What was measured on held-out clips at the best step, and the whole curve; says so when nothing was held out."""
    facts: dict[str, Any] = {"held_out": made.prepared.how_held_out}
    top = best(state.curve)
    if top is not None:
        facts |= {**top.values, CHOSEN_BY: round(top.values[CHOSEN_BY], 5), "best_step": top.step}
        facts["curve"] = [point.to_dict() for point in state.curve]
    return facts


def why_ended(training: Training, state: TrainState) -> str:
    """Why no further step was made, in words."""
    if settled(state.curve, training.config.patience):
        return words(state.curve, training.config.patience)
    return f"All {training.steps} steps were made"


def epochs(training: Training, steps: int) -> float:
    """Passes over the set that a number of steps makes."""
    return steps * training.config.batch_size / crops_per_epoch(training.train, training.config.segment_frames)
