"""The gated convolution stack (WN), the posterior encoder and the coupling flow built from it.

Separate from the synthesizer because the flow is one invertible unit with its own tests.
Methods: van den Oord et al. 2016 (gated units), Dinh et al. 2017 (coupling layers), Kim et al. 2021 (VITS).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from infer.weight_norm import NormedConv1d


class GatedStack(nn.Module):
    """Layers of gated convolutions conditioned on a voice vector; returns the sum of their skip outputs."""

    def __init__(self, channels: int, kernel_size: int, n_layers: int, gin_channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.in_layers = nn.ModuleList(
            NormedConv1d(channels, 2 * channels, kernel_size, padding=kernel_size // 2) for _ in range(n_layers)
        )
        # the last layer has nobody to pass a residual to
        self.res_skip_layers = nn.ModuleList(
            NormedConv1d(channels, 2 * channels if index < n_layers - 1 else channels, 1) for index in range(n_layers)
        )
        self.cond_layer = NormedConv1d(gin_channels, 2 * channels * n_layers, 1)

    def forward(self, x: Tensor, mask: Tensor, voice: Tensor) -> Tensor:
        """x (B, C, T), mask (B, 1, T), voice (B, G, 1) -> (B, C, T)."""
        conditions = self.cond_layer(voice).chunk(len(self.in_layers), dim=1)
        total: Tensor | None = None
        for convolve, split, condition in zip(self.in_layers, self.res_skip_layers, conditions, strict=True):
            filtered, gate = (convolve(x) + condition).chunk(2, dim=1)
            y = split(torch.tanh(filtered) * torch.sigmoid(gate))
            if y.shape[1] > self.channels:
                residual, y = y.chunk(2, dim=1)
                x = (x + residual) * mask
            total = y if total is None else total + y
        assert total is not None
        return total * mask


class PosteriorEncoder(nn.Module):
    """Linear spectrogram -> mean and log deviation of the latent; used by training only."""

    def __init__(
        self, spec_channels: int, inter_channels: int, hidden_channels: int, n_layers: int, gin_channels: int
    ) -> None:
        super().__init__()
        self.pre = nn.Conv1d(spec_channels, hidden_channels, 1)
        self.enc = GatedStack(hidden_channels, 5, n_layers, gin_channels)
        self.proj = nn.Conv1d(hidden_channels, 2 * inter_channels, 1)

    def forward(self, spec: Tensor, mask: Tensor, voice: Tensor) -> tuple[Tensor, Tensor]:
        """spec (B, F, T) -> mean (B, I, T), log deviation (B, I, T)."""
        hidden = self.enc(self.pre(spec) * mask, mask, voice)
        mean, log_deviation = (self.proj(hidden) * mask).chunk(2, dim=1)
        return mean, log_deviation


class Coupling(nn.Module):
    """Shifts one half of the channels by a function of the other half; undone by shifting back."""

    def __init__(self, channels: int, hidden_channels: int, gin_channels: int, n_layers: int) -> None:
        super().__init__()
        half = channels // 2
        self.pre = nn.Conv1d(half, hidden_channels, 1)
        self.enc = GatedStack(hidden_channels, 5, n_layers, gin_channels)
        self.post = nn.Conv1d(hidden_channels, half, 1)
        # starts as the identity
        nn.init.zeros_(self.post.weight)
        assert self.post.bias is not None
        nn.init.zeros_(self.post.bias)

    def forward(self, x: Tensor, mask: Tensor, voice: Tensor, reverse: bool) -> Tensor:
        """x (B, C, T) -> (B, C, T)."""
        kept, moved = x.chunk(2, dim=1)
        shift = self.post(self.enc(self.pre(kept) * mask, mask, voice)) * mask
        moved = (moved - shift) * mask if reverse else shift + moved * mask
        return torch.cat([kept, moved], dim=1)


class Flip(nn.Module):
    """Reverses the channel order so that the next coupling moves the other half; has no weights."""

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, T) -> (B, C, T)."""
        return x.flip(1)


class Flow(nn.Module):
    """Couplings with flips between, four in RVC: posterior latent -> prior latent, and back."""

    def __init__(
        self, channels: int, hidden_channels: int, gin_channels: int, *, n_layers: int = 3, n_couplings: int = 4
    ) -> None:
        super().__init__()
        self.flows = nn.ModuleList()
        for _ in range(n_couplings):
            self.flows.append(Coupling(channels, hidden_channels, gin_channels, n_layers))
            self.flows.append(Flip())

    def forward(self, x: Tensor, mask: Tensor, voice: Tensor, *, reverse: bool = False) -> Tensor:
        """x (B, I, T), mask (B, 1, T), voice (B, G, 1) -> (B, I, T)."""
        for step in reversed(self.flows) if reverse else self.flows:
            x = step(x) if isinstance(step, Flip) else step(x, mask, voice, reverse)
        return x
