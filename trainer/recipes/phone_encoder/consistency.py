"""Trains a network on until two virtual voices of one sound are heard as the same phones: that of `phonetic`.

Apart from `train.py` because it begins with trained weights and sees everything twice: each crop in two draws of the
augmenter, and where a recording has copies with moved pitch and formants, in two of those. The divergence between the
two answers is a loss (R-Drop, Liang et al. 2021, with virtual voices in place of dropout). Sounds without a label are
learnt from the network's own answers before, averaged over the copies (pseudo-labels, Lee 2013).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from infer.phone_encoder import CLASSES, PhoneEncoder
from trainer.recipes.phone_encoder.augment import Augmenter
from trainer.recipes.phone_encoder.corpus import Material
from trainer.recipes.phone_encoder.labels import UNKNOWN
from trainer.recipes.phone_encoder.train import Student, follow, known_losses, speech_of, stretched

_SHARES = {"espeak": 0.30, "flite": 0.22, "real": 0.24, "crowd": 0.24}
_OF_COPIES = 0.7
"""So many of the crops of a material with copies are taken from two of them."""
_USUAL_UNKNOWN = 0.25
"""The weight of the own answers is for this share of frames without a label, and in proportion for others."""
_WARM_UP = 30
_RAMP = 60
_SLOWEST_HEAD = 1e-4
_MARGIN = 60


@dataclass(frozen=True)
class ConsistencySettings:
    """How long and how; the weights are those of the losses beside the cross-entropy of labelled frames."""

    steps: int = 3000
    crops: int = 10
    crop: int = 200
    peak_rate: float = 1.2e-3
    teacher_weight: float = 0.5
    answer_weight: float = 0.5
    consistency_weight: float = 1.0
    keep: float = 0.997
    """How much of the averaged weights stays in a step."""
    seed: int = 1
    bf16: bool = False


class Views(NamedTuple):
    """Two views of every crop, all first ones, then all second ones; what is not known of a frame is zero."""

    mel: Tensor
    """(2 B, crop, mels)"""
    labels: Tensor
    """(2 B, T), UNKNOWN where there is none."""
    taught: Tensor
    """(2 B, T, 126)"""
    answers: Tensor
    """(2 B, T, classes)"""


@torch.no_grad()
def own_answers(network: PhoneEncoder, material: Material, block: int = 3000) -> NDArray[np.float16]:
    """The network's probabilities (F // 2, classes) of a material of F mel frames, the mean over copies of a sound."""
    frames = len(material.labels) // 2
    found = np.zeros((frames, CLASSES), np.float16)
    for start in range(0, frames, block):
        left = max(0, 2 * start - _MARGIN)
        piece = np.asarray(material.mel[left : 2 * (start + block) + _MARGIN], np.float32)
        shares = network.logits(network.features(torch.from_numpy(piece)[None]))[0].softmax(-1)
        skip = start - left // 2
        found[start : start + block] = shares[skip : skip + min(block, frames - start)].numpy()
    for starts in material.versions if material.versions is not None else ():
        count = int(starts[1] - starts[0]) // 2 - 1
        places = [slice(int(start + 1) // 2, int(start + 1) // 2 + count) for start in starts]
        mean = np.mean([found[place].astype(np.float32) for place in places], axis=0)
        for place in places:
            found[place] = mean
    return found


class PairSampler:
    """Random crops in two views of the same sound, stretched or squeezed in time alike by up to a quarter."""

    def __init__(
        self,
        materials: dict[str, Material],
        answers: dict[str, NDArray[np.float16]],
        settings: ConsistencySettings,
    ) -> None:
        self._materials = materials
        self._answers = answers
        self._settings = settings
        shares = np.array([_SHARES.get(name.split("-")[0], 0.25) for name in materials])
        self._shares = shares / shares.sum()
        self._chance = np.random.default_rng(settings.seed)

    def batch(self) -> Views:
        """The next crops."""
        names = list(self._materials)
        chosen = self._chance.choice(len(names), self._settings.crops, p=self._shares)
        pairs = [self._pair(names[index]) for index in chosen]
        rows = [first for first, _ in pairs] + [second for _, second in pairs]
        mel, labels, taught, answers = (np.stack(column) for column in zip(*rows, strict=True))
        return Views(
            torch.from_numpy(mel),
            torch.from_numpy(labels).long(),
            torch.from_numpy(taught).float(),
            torch.from_numpy(answers).float(),
        )

    def _pair(self, name: str) -> list[tuple[NDArray[np.generic], ...]]:
        pace = float(np.exp(self._chance.uniform(-0.22, 0.22)))
        span = int(self._settings.crop * pace) + 2
        return [self._view(name, start, span) for start in self._starts(self._materials[name], span)]

    def _starts(self, material: Material, span: int) -> tuple[int, int]:
        versions = material.versions
        if versions is not None and len(versions) and self._chance.random() < _OF_COPIES:
            starts = versions[self._chance.integers(len(versions))]
            length = int(starts[1] - starts[0])
            if length > span + 2:
                offset = int(self._chance.integers(0, length - span - 1))
                first, second = self._chance.choice(len(starts), 2, replace=False)
                return int(starts[first]) + offset, int(starts[second]) + offset
        start = int(self._chance.integers(0, len(material.labels) - span))
        return start, start

    def _view(self, name: str, start: int, span: int) -> tuple[NDArray[np.generic], ...]:
        cut = stretched(self._materials[name], start, span, self._settings.crop)
        known = self._answers.get(name)
        answers = (
            np.zeros((len(cut.frames), CLASSES), np.float16)
            if known is None
            else known[np.minimum(cut.frames // 2, len(known) - 1)]
        )
        return cut.mel, cut.labels, cut.taught, answers


def consistency_losses(logits: Tensor, heard: Tensor, views: Views, settings: ConsistencySettings) -> dict[str, Tensor]:
    """The losses of one batch: logits (2 B, T, classes) and the teacher's states `heard` (2 B, T, 126), log shares.

    `phone` counts labelled frames, `teacher` taught ones, `answer` those without a label by the network's own earlier
    answers, `consistency` speech frames: the mean of both Kullback-Leibler divergences between two views.
    """
    shares = F.log_softmax(logits, -1)
    unnamed = (views.labels == UNKNOWN) & (views.answers.sum(-1) > 0.5)
    answer = (-(views.answers * shares).sum(-1) * unnamed).sum() / unnamed.sum().clamp(min=1)
    first, second = shares.chunk(2)
    apart = ((first.exp() - second.exp()) * (first - second)).sum(-1) / 2
    both = torch.stack([row.float() for row in speech_of(views.mel).chunk(2)]).prod(0)
    return {
        **known_losses(logits, heard, views.labels, views.taught),
        "answer": answer * (unnamed.float().mean() / _USUAL_UNKNOWN),
        "consistency": (apart * both).sum() / both.sum().clamp(min=1),
    }


def _rate(step: int, settings: ConsistencySettings) -> float:
    warm = min(1.0, (step + 1) / _WARM_UP)
    return settings.peak_rate * warm * (0.5 + 0.5 * math.cos(math.pi * step / settings.steps)) + 1e-6


def train_on(
    network: PhoneEncoder,
    materials: dict[str, Material],
    settings: ConsistencySettings,
    *,
    note: Callable[[str], None] = print,
) -> PhoneEncoder:
    """A copy of `network` trained on by the losses above: an average over recent weights. Notes every 100 steps."""
    answers = {
        name: own_answers(network, material)
        for name, material in materials.items()
        if name in ("real", "crowd") and settings.answer_weight
    }
    torch.manual_seed(settings.seed)
    student = Student(network.shape, bf16=settings.bf16)
    student.encoder.load_state_dict(network.state_dict())
    average = copy.deepcopy(network).eval()
    sampler, change = PairSampler(materials, answers, settings), Augmenter(settings.seed)
    groups = [{"params": part.parameters()} for part in (student.encoder, student.heard)]
    optimizer = torch.optim.AdamW(groups, lr=settings.peak_rate, betas=(0.9, 0.98), weight_decay=0.02)
    for step in range(settings.steps):
        for group, least in zip(optimizer.param_groups, (0.0, _SLOWEST_HEAD), strict=True):
            group["lr"] = max(_rate(step, settings), least)
        views = sampler.batch()
        parts = consistency_losses(*student.answers(change(views.mel)), views, settings)
        ramp = settings.consistency_weight * min(1.0, step / _RAMP)
        loss = parts["phone"] + settings.teacher_weight * parts["teacher"]
        loss = loss + settings.answer_weight * parts["answer"] + ramp * parts["consistency"]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        follow(average, student.encoder, step, settings.keep)
        if (step + 1) % 100 == 0:
            note(f"step {step + 1}  " + "  ".join(f"{name} {float(part.detach()):.3f}" for name, part in parts.items()))
    return average
