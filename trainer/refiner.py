"""The refiner of a voice, learned from its set after the voice itself: to tell noise from the set's spectrograms.

Separate from the loop of the voice because it needs nothing of it but the clips: what it learns is how this speaker's
spectrograms look where so much was said at such a pitch, and any voice of that set can be refined by it.
Methods: Ho, Jain and Abbeel 2020 (the noise is predicted, squared error), Liu et al. 2022 (steps drawn up to a shallow
one only).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import AdamW

from catalog import atomic
from catalog.errors import BadRequest, CuratorError
from catalog.names import nearest
from infer.diffusion import noised
from infer.loudness import SPEECH_DBFS, frame_loudness
from infer.mel import MelSettings, mel_spectrogram
from infer.refiner import Refiner, loudness_input, mel_settings, to_unit
from infer.refiner_config import RefinerConfig
from infer.sovits import without_gaps
from trainer.config import TrainConfig
from trainer.dataset import MARGIN_FRAMES, Crop, Crops, Position, TrainClip, batches, collate, epoch_crops
from trainer.pace import WARM_UP, Pace
from trainer.stepper import step_seed

CHECKPOINT = "refiner.pt"
_MEASURED_CROPS = 16
_FINAL_RATE = 0.05
_TOLD_EVERY_S = 0.5
_TRIED = WARM_UP + 2
"""Steps of a trial, of which the pace counts the last."""


class Report(Protocol):
    """What is used of `catalog.jobs.JobReport`."""

    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None: ...
    def metric(self, step: int, values: Mapping[str, float]) -> None: ...
    def stop_requested(self) -> bool: ...


@dataclass(frozen=True)
class RefinerTraining:
    """How a refiner is trained; the setting `refiner` of a training changes these."""

    steps: int = 2000
    layers: int = 8
    width: int = 128
    hidden: int = 128
    most_steps: int = 200
    """Steps of noise, of a thousand, that it learns to take off."""
    batch_size: int = 8
    frames: int = 96
    """Frames of a crop, 100 a second."""
    learning_rate: float = 1e-3
    save_every: int = 500
    """Steps between saves, each with a measurement on held-out clips; the best is kept."""

    @staticmethod
    def from_settings(settings: Mapping[str, Any]) -> RefinerTraining:
        """Raises BadRequest for what is no such setting or no number for it."""
        known = [item.name for item in fields(RefinerTraining)]
        for name, value in settings.items():
            if name not in known:
                raise BadRequest(f"There is no refiner setting called {name}{nearest(name, known)}")
            whole = name != "learning_rate"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value <= 0:
                raise BadRequest(f"refiner setting {name} must be a number above 0, not {value!r}")
        return RefinerTraining(**settings)

    @staticmethod
    def rows_given(rows: int) -> str:
        """What a person gives to a training for batches of so many rows."""
        return f"""--set 'refiner={{"batch_size": {rows}}}'"""


@dataclass
class Learned:
    """A refiner and how far it has come."""

    refiner: Refiner
    optimizer: AdamW
    steps: int
    """The last step."""
    step: int = 0
    position: Position = field(default_factory=Position)
    best: dict[str, Any] = field(default_factory=dict)
    """`step`, `error` (mean square on held-out clips of what it says; about 1 when it says nothing) and `weights`."""
    pace: Pace = field(default_factory=Pace)

    def facts(self) -> dict[str, Any]:
        """What the card says of it."""
        told = {"steps": self.step, "best_step": self.best["step"], "held_out_error": self.best["error"]}
        return {**told, "most_steps": self.refiner.config.most_steps, "config": self.refiner.config.to_dict()}


def train_refiner(
    train: Sequence[TrainClip],
    held_out: Sequence[TrainClip],
    settings: RefinerTraining,
    config: RefinerConfig,
    report: Report,
    *,
    seed: int,
    data: str,
    device: torch.device,
    folder: Path,
) -> Learned | None:
    """Learn from the clips until the last step, going on from what a stopped run left in `folder`.

    `data` is the digest of the clips. None when a clean end was asked for; then the state is saved. Raises CuratorError
    when the losses stop being numbers.
    """
    identity = json.dumps([asdict(settings), config.to_dict(), seed, data], sort_keys=True)
    learned = _begin(settings, config, seed, device, folder / CHECKPOINT, identity)
    stream = batches(
        train, seed=seed, segment=settings.frames, context=settings.frames, batch_size=settings.batch_size,
        start=learned.position,
    )  # fmt: skip
    judge = _Judge(held_out or train, settings, config, seed, device)
    pace, said = learned.pace, 0.0
    pace.begin()
    while learned.step < settings.steps:
        if report.stop_requested():
            _save(learned, folder / CHECKPOINT, identity)
            return None
        crops, learned.position = next(stream)
        loss = _step(learned, _spoken(train, crops, settings, config, device), settings, seed)
        learned.step += 1
        pace.stepped()
        if time.monotonic() - said >= _TOLD_EVERY_S or learned.step == settings.steps:
            said = time.monotonic()
            left = pace.left(learned.step, settings.steps, settings.save_every)
            report.progress(learned.step, settings.steps, "steps", "refiner", eta_s=left)
        if learned.step % settings.save_every == 0 or learned.step == settings.steps:
            if not math.isfinite(float(loss)):
                raise CuratorError(f"The refiner broke down at step {learned.step}: train with a lower learning rate")
            judge.look(learned)
            report.metric(learned.step, {"refiner/error": float(loss), "refiner/held_out_error": judge.last})
            _save(learned, folder / CHECKPOINT, identity)
            pace.saved()
    learned.refiner.load_state_dict(learned.best["weights"])
    return learned


def trial(clips: Sequence[TrainClip], config: TrainConfig, phone_dim: int, seed: int, device: torch.device) -> Learned:
    """A refiner after a few steps on some clips, which are not learned from for long: its pace tells what more take."""
    settings = RefinerTraining.from_settings(config.refiner)
    shape = config_of(config, settings, phone_dim, speakers=1)
    torch.manual_seed(seed)
    refiner = Refiner(shape).to(device)
    learned = Learned(refiner, AdamW(refiner.parameters(), lr=settings.learning_rate), settings.steps)
    rows = [clips[number % len(clips)] for number in range(settings.batch_size)]
    crops = [Crop(number, 0, 0) for number in range(len(rows))]
    learned.pace.begin()
    for _ in range(_TRIED):
        float(_step(learned, _spoken(rows, crops, settings, shape, device), settings, seed))
        learned.step += 1
        learned.pace.stepped()
    return learned


def config_of(config: TrainConfig, settings: RefinerTraining, phone_dim: int, *, speakers: int) -> RefinerConfig:
    """The shape of the refiner that goes with a voice of so many speakers and an encoder of that size."""
    return RefinerConfig(
        sample_rate=config.sample_rate,
        hop=config.hop,
        n_mels=MelSettings.published(config.sample_rate, config.hop).n_mels,
        phone_dim=phone_dim,
        layers=settings.layers,
        width=settings.width,
        hidden=settings.hidden,
        speakers=speakers,
        most_steps=settings.most_steps,
    )


@dataclass(frozen=True)
class _Spoken:
    """B crops of T frames as a refiner is told of them."""

    mel: Tensor
    """(B, M, T) between -1 and 1."""
    units: Tensor
    f0: Tensor
    """(B, T) in Hz, without gaps."""
    volume: Tensor
    sid: Tensor
    counted: Tensor
    """(B, 1, T) 1 where a frame is no filling."""


def _spoken(
    clips: Sequence[TrainClip], crops: Sequence[Crop], settings: RefinerTraining, config: RefinerConfig,
    device: torch.device,
) -> _Spoken:  # fmt: skip
    read: Crops = collate(clips, crops, context=settings.frames, hop=config.hop)
    audio = torch.as_tensor(read.audio).to(device)
    inner = slice(MARGIN_FRAMES, -MARGIN_FRAMES)
    f0 = torch.as_tensor(read.f0)
    places = torch.arange(settings.frames)[None] < torch.as_tensor(read.lengths)[:, None]
    return _Spoken(
        mel=to_unit(mel_spectrogram(audio, mel_settings(config)))[..., inner],
        units=torch.as_tensor(read.phone).to(device),
        f0=torch.cat([without_gaps(row[None])[0] for row in f0]).to(device),
        volume=loudness_input(frame_loudness(audio, config.sample_rate, 10 ** (SPEECH_DBFS / 10)))[:, inner],
        sid=torch.as_tensor(read.speaker).to(device).clamp(max=config.speakers - 1),
        counted=places[:, None].to(device, torch.float32),
    )


def _error(refiner: Refiner, said: _Spoken, step: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error of what the network says of crops with so many steps of noise."""
    heard = refiner.predict(
        noised(said.mel, noise, step), step, refiner.condition(said.units, said.f0, said.volume, said.sid)
    )
    error = (heard - noise).square() * refiner.weight(step)[:, None, None] * said.counted
    return error.sum() / (said.counted.sum() * noise.shape[1])


def _step(learned: Learned, said: _Spoken, settings: RefinerTraining, seed: int) -> Tensor:
    chance = torch.Generator().manual_seed(step_seed(seed, learned.step, 7))
    step = torch.randint(0, settings.most_steps, (len(said.mel),), generator=chance).to(said.mel.device)
    noise = torch.randn(said.mel.shape, generator=chance).to(said.mel.device)
    share = (1 + math.cos(math.pi * learned.step / settings.steps)) / 2
    for group in learned.optimizer.param_groups:
        group["lr"] = settings.learning_rate * (_FINAL_RATE + (1 - _FINAL_RATE) * share)
    loss = _error(learned.refiner, said, step, noise)
    learned.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward([loss])
    torch.nn.utils.clip_grad_norm_(learned.refiner.parameters(), 1.0)
    learned.optimizer.step()
    return loss.detach()


class _Judge:
    """The same held-out crops, noise and steps at every look."""

    def __init__(
        self, clips: Sequence[TrainClip], settings: RefinerTraining, config: RefinerConfig, seed: int,
        device: torch.device,
    ) -> None:  # fmt: skip
        crops = epoch_crops(clips, seed=seed, epoch=0, segment=settings.frames, context=settings.frames)
        self.said = _spoken(clips, crops[:_MEASURED_CROPS], settings, config, device)
        chance = torch.Generator().manual_seed(step_seed(seed, 0, 8))
        self.noise = torch.randn(self.said.mel.shape, generator=chance).to(device)
        self.steps = torch.linspace(0, settings.most_steps - 1, len(self.noise)).round().long().to(device)
        self.last = math.nan

    def look(self, learned: Learned) -> None:
        """Measure, and keep the weights that measure best."""
        with torch.no_grad():
            self.last = float(_error(learned.refiner, self.said, self.steps, self.noise))
        if not learned.best or self.last < learned.best["error"]:
            weights = {name: value.detach().cpu().clone() for name, value in learned.refiner.state_dict().items()}
            learned.best = {"step": learned.step, "error": round(self.last, 5), "weights": weights}


def _begin(
    settings: RefinerTraining, config: RefinerConfig, seed: int, device: torch.device, path: Path, identity: str
) -> Learned:
    torch.manual_seed(seed)
    refiner = Refiner(config).to(device)
    learned = Learned(refiner, AdamW(refiner.parameters(), lr=settings.learning_rate), settings.steps)
    if not path.is_file():
        return learned
    held = torch.load(path, map_location="cpu", weights_only=True)
    if held["identity"] != identity:
        return learned
    refiner.load_state_dict(held["refiner"])
    learned.optimizer.load_state_dict(held["optimizer"])
    learned.step, learned.position, learned.best = held["step"], Position(**held["position"]), held["best"]
    return learned


def _save(learned: Learned, path: Path, identity: str) -> None:
    content = {
        "identity": identity,
        "refiner": learned.refiner.state_dict(),
        "optimizer": learned.optimizer.state_dict(),
        "step": learned.step,
        "position": asdict(learned.position),
        "best": learned.best,
    }
    with atomic.in_words("the state of the refiner"), atomic.new_file(path) as part:
        torch.save(content, part)
