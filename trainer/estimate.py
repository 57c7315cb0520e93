"""What a training will cost: the words for it, and what is known of it from the last one of its kind on this machine.

Separate from `cost`, which measures by making a few steps, because this needs no torch: the command and the app say it
before anything heavy is loaded. A run that has ended leaves what its steps and saves took in its result.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from catalog.errors import CuratorError
from catalog.jobs import list_jobs
from catalog.library import Library
from trainer.config import TrainConfig, TrainRequest

_NO_COST = ("epochs", "steps", "save_every", "patience", "held_out", "held_out_max_s", "log_every", "base", "augment")
"""Settings that change how many steps and saves there are, or what is learned, but hardly what one of them takes."""


@dataclass(frozen=True)
class Cost:
    """One training in seconds and bytes."""

    device: str
    steps: int
    step_s: float
    saves: int
    save_s: float
    """Measuring and rendering at a save."""
    memory_bytes: int | None
    """Most that this process held: of the GPU's memory where it trains there."""
    checkpoint_bytes: int
    """A whole state to go on from."""
    disk_bytes: int
    """Most that lies in the run's folder while it trains."""
    left_bytes: int
    """Most that stays there once the model is published."""
    refiner_steps: int = 0
    """Steps of a refiner after the voice's; 0 where none is trained."""
    refiner_step_s: float = 0.0

    @property
    def voice_s(self) -> float:
        """Seconds of the voice's steps and saves."""
        return self.steps * self.step_s + self.saves * self.save_s

    @property
    def refiner_s(self) -> float:
        """Seconds of the refiner's steps."""
        return self.refiner_steps * self.refiner_step_s

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.voice_s + self.refiner_s

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"seconds": self.seconds}


def machine() -> str:
    """What tells this machine from others that see the same library."""
    return f"{platform.node()}, {os.cpu_count()} processors"


def steps_of(config: TrainConfig, seconds: float) -> int:
    """Steps of a training on a set that draws so many seconds an epoch, held-out ones included."""
    if config.steps is not None:
        return config.steps
    drawn = seconds - held_seconds(config, seconds)
    return max(1, math.ceil(config.epochs * drawn * 100 / (config.segment_frames * config.batch_size)))


def held_seconds(config: TrainConfig, seconds: float) -> float:
    """Seconds of such a set that are held out, about."""
    return min(config.held_out * seconds, config.held_out_max_s)


def last_cost(library: Library, request: TrainRequest, seconds: float) -> Cost | None:
    """What the newest ended training of the same kind on this machine took, for a set of so many seconds; None where
    there was none. One with a refiner tells of one without, too."""
    config = request.config()
    for job in reversed(list_jobs(library.runs)):
        known = (job.result() or {}).get("cost")
        if (
            isinstance(known, dict)
            and known.get("machine") == machine()
            and _alike(request, config, job.request, known)
        ):
            steps = steps_of(config, seconds)
            count = {"steps": steps, "saves": -(-steps // config.save_every)}
            count |= {} if request.refiner else {"refiner_steps": 0}
            own = {item.name for item in fields(Cost)}
            return Cost(**{name: value for name, value in known.items() if name in own} | count)
    return None


def _alike(request: TrainRequest, config: TrainConfig, past: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    try:
        other = TrainRequest.from_dict(past)
        settings = other.config().to_dict()
    except (CuratorError, TypeError):  # of a version with other presets or settings
        return False
    same = {name: value for name, value in config.to_dict().items() if name not in _NO_COST}
    return (
        same == {name: settings[name] for name in same}
        and request.device in (other.device, known.get("device"))
        and (request.encoder, request.processes) == (other.encoder, other.processes)
        and (not request.refiner or known.get("refiner_steps", 0) > 0)
    )


def words(cost: Cost) -> str:
    """A cost in one line."""
    memory = "" if cost.memory_bytes is None else f", {cost.memory_bytes / 1e9:.1f} GB of memory"
    saves = "1 save" if cost.saves == 1 else f"{cost.saves} saves"
    return (
        f"{cost.step_s:.2f} s a step on this machine's {'GPU' if cost.device == 'cuda' else 'processor'}: "
        f"{cost.steps} steps and {saves} in {length(cost.voice_s)}{refiner_words(cost)}{memory}, "
        f"{cost.disk_bytes / 1e9:.2f} GB of disk at most, {cost.left_bytes / 1e9:.2f} GB afterwards"
    )


def refiner_words(cost: Cost) -> str:
    """What the refiner adds, as the end of such a line; empty where none is trained."""
    return f", {cost.refiner_steps} of its refiner in {length(cost.refiner_s)}" if cost.refiner_steps else ""


def length(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for size, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} seconds"
