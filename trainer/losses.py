"""The losses of adversarial training with a variational prior; all are computed in float32.

Separate from the step so that each can be compared with its definition.
Methods: Mao et al. 2017 (least squares GAN), Larsen et al. 2016 (feature matching), Kim et al. 2021 (the prior term).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Sum over discriminators of mean (1 - real)^2 + mean fake^2; scores (B, n) each."""
    terms = [
        (1 - true.float()).square().mean() + made.float().square().mean() for true, made in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).sum()


def generator_loss(fake: Sequence[Tensor]) -> Tensor:
    """Sum over discriminators of mean (1 - fake)^2, a scalar; scores (B, n) each."""
    return torch.stack([(1 - made.float()).square().mean() for made in fake]).sum()


class _Distance(torch.autograd.Function):
    """Mean absolute difference; its gradient lies in memory as `made` does.

    torch's own lies as the shape reads, and where feature maps lie otherwise everything before it has to turn it back.
    """

    @staticmethod
    def forward(ctx: Any, made: Tensor, true: Tensor) -> Tensor:
        apart = made - true
        ctx.save_for_backward(apart)
        return apart.abs().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (apart,) = ctx.saved_tensors
        return apart.sign().mul_(gradient / apart.numel()), None


def feature_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """Twice the sum over all layers of the mean absolute difference, a scalar; no gradient flows into `real`.

    For each discriminator the activations of its layers, (B, C, ...).
    """
    terms = [
        _Distance.apply(made.float(), true.detach().float())
        for layers_true, layers_made in zip(real, fake, strict=True)
        for true, made in zip(layers_true, layers_made, strict=True)
    ]
    return 2 * torch.stack(terms).sum()


def kl_loss(
    z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, mask: Tensor, *, mean_frames: Tensor | None = None
) -> Tensor:
    """Divergence of posterior and prior, estimated at the drawn latent: all (B, I, T), mask (B, 1, T); summed over
    channels, averaged over real frames.

    Where the rows are a share of a batch, `mean_frames` is the batch's mean number of real frames a row: the mean of
    the shares' losses is then the loss of the batch.
    """
    z_p, logs_q, m_p, logs_p, mask = (part.float() for part in (z_p, logs_q, m_p, logs_p, mask))
    divergence = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
    frames = mask.sum() if mean_frames is None else mean_frames * len(mask)
    return (divergence * mask).sum() / frames


def mel_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Mean absolute difference of two log-mel spectrograms (B, M, T); weigh it by 45 as RVC does."""
    return F.l1_loss(fake.float(), real.float())
