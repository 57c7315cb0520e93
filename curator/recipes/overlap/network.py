"""The torch form of `curator.scores.overlap_network`, and its arrays as that module reads them.

Separate from the training so that a test can hold the two forms against each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from curator.scores.overlap_network import DILATIONS, PLANE_STRIDES
from curator.scores.overlap_spectrum import MELS, TONES

CHANNELS = (16, 32, 48, 48)
KERNELS = ((3, 5), (3, 3), (3, 3), (3, 3))
MEL_CHANNELS = 48
WIDTH = 96


class Network(nn.Module):
    """Spectra (batch, frames, 184) of 20 ms to logits (batch, frames / 2) of 40 ms that two voices are heard."""

    def __init__(self, width: int = WIDTH, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        sizes = (1, *channels)
        self.plane = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], KERNELS[i], PLANE_STRIDES[i], (KERNELS[i][0] // 2, KERNELS[i][1] // 2))
            for i in range(len(channels))
        )
        self.plane_norm = nn.ModuleList(nn.BatchNorm2d(size) for size in channels)
        self.mel = nn.Conv1d(MELS, MEL_CHANNELS, 5, 2, 2)
        self.mel_norm = nn.BatchNorm1d(MEL_CHANNELS)
        self.join = nn.Conv1d(channels[-1] * (TONES // 16) + MEL_CHANNELS, width, 1)
        self.join_norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.2)
        self.reach = nn.ModuleList(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width) for dilation in DILATIONS
        )
        self.reach_norm = nn.ModuleList(nn.BatchNorm1d(width) for _ in DILATIONS)
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in DILATIONS)
        self.out = nn.Conv1d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        tones = x[:, None, :, :TONES]
        for layer, norm in zip(self.plane, self.plane_norm, strict=True):
            tones = torch.relu(norm(layer(tones)))
        mel = torch.relu(self.mel_norm(self.mel(x[:, :, TONES:].transpose(1, 2))))
        flat = torch.cat([tones.transpose(2, 3).flatten(1, 2), mel], 1)
        y = self.drop(torch.relu(self.join_norm(self.join(flat))))
        for reach, norm, mix in zip(self.reach, self.reach_norm, self.mix, strict=True):
            y = y + mix(torch.relu(norm(reach(y))))
        logits: Tensor = self.out(y)[:, 0]
        return logits


def arrays(model: Network) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays that `curator.scores.overlap_network` reads, each normalisation folded into the convolution before."""
    found: dict[str, npt.NDArray[Any]] = {}

    def keep(name: str, layer: Any, norm: Any = None) -> None:
        weight, bias = layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()
        if norm is not None:
            gain = norm.weight.detach().numpy() / np.sqrt(norm.running_var.numpy() + norm.eps)
            weight *= gain.reshape(-1, *[1] * (weight.ndim - 1))
            bias = (bias - norm.running_mean.numpy()) * gain + norm.bias.detach().numpy()
        found[f"{name}.weight"], found[f"{name}.bias"] = weight, bias

    for group in ("plane", "reach"):
        for index, (layer, norm) in enumerate(zip(getattr(model, group), getattr(model, f"{group}_norm"), strict=True)):
            keep(f"{group}.{index}", layer, norm)
    for name in ("mel", "join"):
        keep(name, getattr(model, name), getattr(model, f"{name}_norm"))
    for index, layer in enumerate(model.mix):
        keep(f"mix.{index}", layer)
    keep("out", model.out)
    return found
