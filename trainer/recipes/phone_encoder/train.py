"""Training of the phone encoder: crops of all materials, two heads over one bottleneck, weights averaged and exported.

The schedule is warm restarts over wall-clock time or steps: a short first cycle ends in usable weights, a long
second one in the final weights.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as pack
from torch import Tensor, nn
from torch.nn import functional as F

from infer.phone_encoder import CLASSES, FEATURE_SIZE, STATES, EncoderShape, PhoneEncoder
from trainer.recipes.phone_encoder.align import SENONES
from trainer.recipes.phone_encoder.augment import Augmenter
from trainer.recipes.phone_encoder.corpus import Material
from trainer.recipes.phone_encoder.labels import UNKNOWN

CYCLES = (0.2, 1.0)
"""Ends of the cosine cycles as shares of the whole training."""

_SHARES = {"espeak": 0.42, "flite": 0.28, "real": 0.30}
_QUIET = 35.0 / 10.0 * math.log(10.0)


@dataclass(frozen=True)
class Settings:
    """How long and how; `steps` wins over `minutes` when it is given."""

    minutes: float = 50.0
    steps: int | None = None
    batch: int = 16
    crop: int = 320
    peak_rate: float = 2.5e-3
    teacher_weight: float = 0.5
    seed: int = 1
    bf16: bool = False
    """Matrix products in bfloat16 with fp32 weights and losses: quicker on processors that have it."""


def speech_of(mel: Tensor) -> Tensor:
    """Which frames at 50 Hz of log mel frames (..., M, mels) lie within 35 dB of the loud ones."""
    loud = torch.logsumexp(mel * 4.0, -1)[..., ::2]
    return loud > loud.quantile(0.95, -1, keepdim=True) - _QUIET


@dataclass(frozen=True)
class Cut:
    """A crop of a material; T = crop / 2 frames at 50 Hz."""

    mel: NDArray[np.float32]
    """(crop, mels)"""
    labels: NDArray[np.int16]
    """(T,), UNKNOWN where there is none."""
    taught: NDArray[np.float16]
    """(T, 126), zero where nothing was taught."""
    frames: NDArray[np.int64]
    """(T,) the mel frame of the material that each is nearest to."""


def stretched(material: Material, start: int, span: int, crop: int) -> Cut:
    """`span` mel frames of a material from `start`, stretched or squeezed in time to `crop`."""
    place = np.linspace(0, span - 1.001, crop)
    index = place.astype(int)
    share = (place - index)[:, None].astype(np.float32)
    piece = np.asarray(material.mel[start : start + span], np.float32)
    nearest = start + np.round(place[::2]).astype(int)
    nothing = np.zeros((len(nearest), SENONES), np.float16)
    return Cut(
        piece[index] * (1 - share) + piece[index + 1] * share,
        np.asarray(material.labels[nearest]),
        nothing if material.taught is None else np.asarray(material.taught[nearest]),
        nearest,
    )


def known_losses(logits: Tensor, heard: Tensor, labels: Tensor, taught: Tensor) -> dict[str, Tensor]:
    """The losses of what is known of frames, for the two answers of `Student.answers`: cross-entropy on the thirds of
    phones where there is a label, the divergence from the soft labels where there are some; and the share of labelled
    frames whose phone is right."""
    target, flat = labels.flatten(), logits.flatten(0, 1)
    named = target != UNKNOWN
    phone = F.cross_entropy(flat, target, ignore_index=UNKNOWN, label_smoothing=0.05, reduction="sum")
    spread = taught * (taught.clamp(min=1e-6).log() - heard)
    return {
        "phone": phone / named.sum().clamp(min=1),
        "teacher": spread.sum() / taught.sum().clamp(min=1),
        "right": ((flat.argmax(-1) // STATES == target // STATES) & named).sum() / named.sum().clamp(min=1),
    }


class Sampler:
    """Random crops of the materials, each stretched or squeezed in time by up to a quarter."""

    def __init__(self, materials: dict[str, Material], settings: Settings) -> None:
        self._materials = list(materials.values())
        shares = np.array([_SHARES.get(name, 0.3) for name in materials])
        self._shares = shares / shares.sum()
        self._chance = np.random.default_rng(settings.seed)
        self._settings = settings

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mel (B, crop, mels), classes (B, T) and soft labels (B, T, 126), zero where nothing was taught."""
        crop = self._settings.crop
        mels, labels, taught = [], [], []
        for pick in self._chance.choice(len(self._materials), self._settings.batch, p=self._shares):
            material = self._materials[pick]
            pace = float(np.exp(self._chance.uniform(-0.22, 0.22)))
            span = min(int(crop * pace) + 2, len(material.labels))
            start = int(self._chance.integers(0, len(material.labels) - span + 1))
            cut = stretched(material, start, span, crop)
            mels.append(cut.mel)
            labels.append(cut.labels)
            taught.append(cut.taught)
        return (
            torch.from_numpy(np.stack(mels)),
            torch.from_numpy(np.stack(labels)).long(),
            torch.from_numpy(np.stack(taught)).float(),
        )


class Student(nn.Module):
    """The encoder with the second head that only training needs."""

    def __init__(self, shape: EncoderShape, *, bf16: bool = False) -> None:
        super().__init__()
        self.bf16 = bf16
        self.encoder = PhoneEncoder(shape)
        self.heard = nn.Linear(FEATURE_SIZE, SENONES)

    def answers(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, T, classes) of the thirds of phones and log shares (B, T, 126) of the teacher's states."""
        with torch.autocast(mel.device.type, torch.bfloat16, enabled=self.bf16):
            features = self.encoder.features(mel)
            logits, heard = self.encoder.logits(features), self.heard(torch.tanh(features))
        return logits.float(), F.log_softmax(heard.float(), -1)

    def losses(self, mel: Tensor, labels: Tensor, taught: Tensor, teacher_weight: float) -> dict[str, Tensor]:
        """Cross-entropy on the thirds of phones and, where there are soft labels, the divergence from them."""
        parts = known_losses(*self.answers(mel), labels, taught)
        return {"loss": parts["phone"] + teacher_weight * parts["teacher"], **parts}


def learning_rate(share: float, peak: float) -> float:
    """Cosine cycles with restarts (Loshchilov and Hutter 2017) and a short warm-up, for the share of training done."""
    start = 0.0
    for end in CYCLES:
        if share < end:
            break
        start = end
    within = min(1.0, (share - start) / max(end - start, 1e-9))
    warm = min(1.0, within / 0.03 + 0.02)
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * within)) + 1e-6


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, step: int, most: float = 0.998) -> None:
    """Moves the averaged weights towards those of `model`: `most` of them stays in a step, less in the first ones."""
    keep = min(most, (1 + step) / (10 + step))
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)


def train(
    materials: dict[str, Material],
    settings: Settings,
    exported: Callable[[PhoneEncoder, int], None],
    *,
    note: Callable[[str], None] = print,
    shape: EncoderShape | None = None,
) -> PhoneEncoder:
    """The trained encoder (an average over recent weights); `exported` gets it with the step at each cycle's end."""
    torch.manual_seed(settings.seed)
    student = Student(shape or EncoderShape(), bf16=settings.bf16)
    average = Student(shape or EncoderShape())
    average.load_state_dict(student.state_dict())
    sampler, change = Sampler(materials, settings), Augmenter(settings.seed)
    optimizer = torch.optim.AdamW(student.parameters(), lr=settings.peak_rate, betas=(0.9, 0.98), weight_decay=0.02)
    begun, step, ends = time.monotonic(), 0, list(CYCLES)
    while ends:
        spent = (time.monotonic() - begun) / 60 / settings.minutes
        share = spent if settings.steps is None else step / settings.steps
        if share >= ends[0]:
            ends.pop(0)
            exported(average.encoder.eval(), step)
            continue
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(share, settings.peak_rate)
        mel, labels, taught = sampler.batch()
        parts = student.losses(change(mel), labels, taught, settings.teacher_weight)
        optimizer.zero_grad()
        parts["loss"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        follow(average, student, step)
        step += 1
        if step % 50 == 0:
            note(
                f"step {step}  {(time.monotonic() - begun) / 60:.1f} min  {share:.0%}  "
                + "  ".join(f"{name} {float(value.detach()):.3f}" for name, value in parts.items())
            )
    return average.encoder


def export(encoder: PhoneEncoder, out: Path, facts: dict[str, Any]) -> Path:
    """Writes phone_encoder.safetensors (fp16) and its card phone_encoder.json into `out`; returns the weights' path."""
    out.mkdir(parents=True, exist_ok=True)
    blob = pack({name: value.half().contiguous() for name, value in encoder.state_dict().items()})
    digest = hashlib.sha256(blob).hexdigest()
    weights = out / "phone_encoder.safetensors"
    card = {
        "format": 1,
        "name": "phone_encoder",
        "version": digest[:12],
        "sha256": digest,
        "sample_rate": 16000,
        "frame_rate": 50,
        "features": FEATURE_SIZE,
        "classes": CLASSES,
        "shape": asdict(encoder.shape),
        "parameters": sum(p.numel() for p in encoder.parameters()),
        **facts,
    }
    weights.write_bytes(blob)
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return weights
