"""Fit the network on mixtures, in bfloat16 where the processor has it, and keep the average of its late weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from curator.recipes.overlap.measures import auc
from curator.recipes.overlap.network import Network
from curator.scores.overlap_spectrum import TONES

BATCH = 32
RATE = 4e-3
RESUMED_RATE = 2e-3
DECAY = 0.995
SOFT = 0.02
LOUDER = 0.4
"""Spread of the level of a passage, in tens of dB: how loud its loud frames are depends on who else speaks in it."""


@dataclass(frozen=True)
class Examples:
    """Spectra (examples, 200, 184) in half precision, and labels and weights (examples, 100)."""

    spectra: npt.NDArray[np.float16]
    labels: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float16]

    def batch(self, chosen: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Some of them as float tensors."""
        parts = (self.spectra[chosen], self.labels[chosen], self.weights[chosen])
        return tuple(torch.from_numpy(part.astype(np.float32)) for part in parts)  # type: ignore[return-value]


def train(
    examples: Examples,
    held: Examples,
    epochs: int,
    seed: int,
    begun: Mapping[str, Tensor] | None = None,
    each_epoch: Callable[[Network], None] = lambda network: None,
    **shape: Any,
) -> Network:
    """The network after some passes over the examples; says after each what it makes of the held-out ones.

    It begins anew or from the state of an earlier training and is the mean of its averages after the last two epochs;
    `each_epoch` is given the network as it is by then, and that mean at the end.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = Network(**shape).to(memory_format=torch.channels_last)
    if begun is not None:
        model.load_state_dict(begun)
    average = copy.deepcopy(model)
    rate = RATE if begun is None else RESUMED_RATE
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=2e-2)
    batches = max(1, len(examples.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches, pct_start=0.15)
    before = average
    for epoch in range(epochs):
        before = copy.deepcopy(average) if epoch else average
        order = random.permutation(len(examples.labels))
        total = 0.0
        model.train()
        for batch in range(batches):
            x, y, weight = examples.batch(np.sort(order[batch * BATCH : (batch + 1) * BATCH]))
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(varied(x))
            each = nn.functional.binary_cross_entropy_with_logits(
                logits.float(), y * (1 - 2 * SOFT) + SOFT, reduction="none"
            )
            loss = (each * weight).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
            follow(average, model, min(DECAY, 1 - 1 / (1 + epoch * batches + batch)))
        found = f"epoch {epoch + 1}: loss {total / batches:.4f}"
        print(f"{found}, AUC on voices held out {area(average, held):.4f}", flush=True)
        each_epoch(average)
    follow(average, before, 0.5)
    each_epoch(average)
    return average


def follow(average: Network, model: Network, decay: float) -> None:
    """Move the averaged weights and statistics a little towards the model's."""
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
            mean.copy_(value if not mean.is_floating_point() else mean.lerp(value, 1 - decay))


def varied(x: Tensor) -> Tensor:
    """The same spectra through other microphones, a little louder, at another pitch, with a band missing."""
    count, bins = len(x), x.shape[2]
    ramp = torch.cat([torch.linspace(0, 3.1, TONES), torch.linspace(0, 3.9, bins - TONES)])
    curve = torch.zeros(count, bins)
    for turns in (0.5, 1.0, 2.0):
        curve += torch.randn(count, 1) * 0.2 * torch.cos(turns * ramp + torch.rand(count, 1) * 6.3)
    x = torch.where(x > -3, x + curve[:, None] + torch.randn(count, 1, 1) * LOUDER, x).clamp(-3, 4)
    for index in torch.nonzero(torch.rand(count) < 0.5)[:, 0].tolist():
        x[index, :, :TONES] = x[index, :, :TONES].roll(int(torch.randint(-4, 5, ())), 1)
        start, wide = int(torch.randint(0, bins - 8, ())), int(torch.randint(1, 16, ()))
        x[index, :, start : start + wide] = -3
    return x


def predicted(model: Network, held: Examples) -> npt.NDArray[np.float32]:
    """Logits for all of the examples, (examples, 100)."""
    model.eval()
    steps = np.array_split(np.arange(len(held.labels)), max(1, len(held.labels) // 64))
    with torch.inference_mode():
        return np.concatenate([model(held.batch(step)[0]).numpy() for step in steps])


def area(model: Network, held: Examples) -> float:
    """AUC over the frames that count."""
    counts = held.weights > 0
    return auc(predicted(model, held)[counts], held.labels[counts])
