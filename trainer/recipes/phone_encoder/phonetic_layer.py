"""The layers of the encoder `phonetic`: from the probabilities of phones around a frame to the features.

Apart from the training because they are fitted in closed form, in ten seconds, to a network whose phones are learnt.
The features come as close to the bottleneck of the encoder `phone` as few numbers made of phones can: reduced-rank
regression (Izenman 1975). Soft labels of sounds in place of the continuous features behind them are what van Niekerk
et al. (2022) compare for conversion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from infer.phone_encoder import PhoneEncoder
from infer.phonetic import Phonetic
from trainer.recipes.phone_encoder.corpus import Material
from trainer.recipes.phone_encoder.train import speech_of

PIECE = 1200
"""Mel frames of one piece: 12 s are normalised together, about as much as one recording."""
_RIDGE = 1e-3
_SMALLEST_SPREAD = 1e-3


@dataclass
class _Normal:
    """Sums of a least-squares problem, piece by piece: predictors (D, D), with the targets (D, F), squared targets."""

    own: Tensor
    cross: Tensor
    power: float = 0.0
    rows: int = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Predictors (N, D) and targets (N, F)."""
        self.own += x.T @ x
        self.cross += x.T @ y
        self.power += float(y.square().sum())
        self.rows += len(x)

    def solve(self, rank: int) -> tuple[Tensor, Tensor, float]:
        """Weights (D, rank) and (rank, F) by ridge regression, and the share of the targets' power they explain.

        Of what the predictors say of the targets, the `rank` directions of most power are kept.
        """
        weights = torch.linalg.solve(self.own + _RIDGE * self.rows * torch.eye(len(self.own)), self.cross)
        directions = torch.linalg.eigh(weights.T @ self.own @ weights).eigenvectors[:, -rank:]
        narrow = weights @ directions
        whole = narrow @ directions.T
        left = self.power - 2 * (whole * self.cross).sum() + (whole * (self.own @ whole)).sum()
        return narrow, directions.T, 1.0 - float(left) / self.power


@torch.no_grad()
def fit(
    phonetic: Phonetic, target: PhoneEncoder, materials: dict[str, Material], pieces: int = 60, seed: int = 0
) -> float:
    """Fits the layers to `pieces` random pieces of every material; returns the share of the target's power kept.

    The target is the bottleneck of `target` with mean 0 and spread 1 over the speech of each piece, so that no voice
    is told by where its features lie.
    """
    chance = np.random.default_rng(seed)
    features, classes, frames = phonetic.widen.out_features, phonetic.narrow.in_channels, phonetic.narrow.kernel_size[0]
    sums = _Normal(torch.zeros(classes * frames, classes * frames), torch.zeros(classes * frames, features))
    for material in materials.values():
        span = min(PIECE, len(material.labels))
        for start in chance.integers(0, len(material.labels) - span + 1, pieces):
            mel = torch.from_numpy(np.asarray(material.mel[start : start + span], np.float32))
            shares = phonetic.shares(phonetic.network.features(mel[None]))[0]
            speech = speech_of(mel)[: len(shares)]
            around = in_context(shares, phonetic.shape.context)[speech]
            sums.add(around, _levelled(target.features(mel[None])[0][speech]))
    narrow, widen, kept = sums.solve(phonetic.shape.numbers)
    phonetic.narrow.weight.copy_(narrow.T.reshape(-1, frames, classes).transpose(1, 2))
    phonetic.widen.weight.copy_(widen.T)
    return kept


def in_context(shares: Tensor, context: int) -> Tensor:
    """Each row of (T, C) with the `context` rows before and after it, (T, (2 context + 1) C), zeros beyond the ends."""
    padded = F.pad(shares, (0, 0, context, context))
    return torch.cat([padded[k : k + len(shares)] for k in range(2 * context + 1)], dim=1)


def _levelled(frames: Tensor) -> Tensor:
    return (frames - frames.mean(0)) / (frames.std(0) + _SMALLEST_SPREAD)
