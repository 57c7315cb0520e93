"""The transformer of the prior encoder: self-attention that knows relative positions, and a convolutional feed-forward.

Separate from the encoders so that its attention can be tested against the definition.
Methods: Vaswani et al. 2017 (attention), Shaw et al. 2018 (relative positions within a window), Kim et al. 2021 (VITS).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_WINDOW = 10
_MASKED = -1e4


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of (B, C, T)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> each frame normalised over its channels, (B, C, T)."""
        y = F.layer_norm(x.transpose(1, -1), (x.shape[1],), self.gamma, self.beta, 1e-5)
        return y.transpose(1, -1)


def band_to_square(band: Tensor) -> Tensor:
    """(..., T, 2w+1) values at offsets -w..w of each row -> (..., T, T) with zero outside the band."""
    steps, width = band.shape[-2], band.shape[-1]
    window = width // 2
    # laid out in rows one shorter than they are, each row moves right by one against the row above
    flat = F.pad(band, (0, steps)).flatten(-2)[..., : steps * (steps + 2 * window)]
    skewed: Tensor = flat.reshape(*band.shape[:-1], steps + 2 * window)
    return skewed[..., window : window + steps]


def square_to_band(square: Tensor, window: int) -> Tensor:
    """(..., T, T) -> (..., T, 2w+1): of each row the entries at offsets -w..w, zero past the edges."""
    steps = square.shape[-1]
    flat = F.pad(F.pad(square, (window, window)).flatten(-2), (0, steps))
    straight: Tensor = flat.reshape(*square.shape[:-1], steps + 2 * window + 1)
    return straight[..., : 2 * window + 1]


class RelativeAttention(nn.Module):
    """Multi-head self-attention with a learned vector per offset of -window..window frames, for keys and for values.

    Without a window it knows no positions.
    """

    def __init__(self, channels: int, n_heads: int, p_dropout: float, window: int = _WINDOW) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.p_dropout = p_dropout
        self.window = window
        size = channels // n_heads
        if window:
            self.emb_rel_k = nn.Parameter(torch.randn(1, 2 * window + 1, size) * size**-0.5)
            self.emb_rel_v = nn.Parameter(torch.randn(1, 2 * window + 1, size) * size**-0.5)
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        for conv in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(conv.weight)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x (B, C, T); mask (B, 1, T, T) True where attention is not allowed, or None -> (B, C, T)."""
        q, k, v = (self._heads(conv(x)) for conv in (self.conv_q, self.conv_k, self.conv_v))
        q = q / math.sqrt(q.shape[-1])
        scores = q @ k.transpose(-2, -1)
        if self.window:
            scores = scores + band_to_square(q @ self.emb_rel_k.transpose(-2, -1))
        if mask is not None:
            scores = scores.masked_fill(mask, _MASKED)
        weights = F.dropout(scores.softmax(-1), self.p_dropout, self.training)
        out = weights @ v
        if self.window:
            out = out + square_to_band(weights, self.window) @ self.emb_rel_v
        mixed: Tensor = self.conv_o(out.transpose(2, 3).flatten(1, 2))
        return mixed

    def _heads(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, H, T, C / H)."""
        return x.reshape(x.shape[0], self.n_heads, -1, x.shape[2]).transpose(2, 3)


class FeedForward(nn.Module):
    """Two convolutions over time with a ReLU between; a causal one sees no frame after its own."""

    def __init__(
        self, channels: int, filter_channels: int, kernel_size: int, p_dropout: float, *, causal: bool = False
    ) -> None:
        super().__init__()
        self.p_dropout = p_dropout
        self.causal = causal
        self.conv_1 = nn.Conv1d(channels, filter_channels, kernel_size)
        self.conv_2 = nn.Conv1d(filter_channels, channels, kernel_size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, C, T), mask (B, 1, T) -> (B, C, T)."""
        size = self.conv_1.kernel_size[0]
        edges = (size - 1, 0) if self.causal else ((size - 1) // 2, size // 2)
        y = torch.relu(self.conv_1(F.pad(x * mask, edges)))
        y = F.dropout(y, self.p_dropout, self.training)
        out: Tensor = self.conv_2(F.pad(y * mask, edges))
        return out * mask


class Transformer(nn.Module):
    """Post-norm layers of attention and feed-forward."""

    def __init__(
        self,
        channels: int,
        filter_channels: int,
        n_heads: int,
        n_layers: int,
        kernel_size: int,
        p_dropout: float,
        window: int = _WINDOW,
    ) -> None:
        super().__init__()
        self.p_dropout = p_dropout
        layers = range(n_layers)
        self.attn_layers = nn.ModuleList(RelativeAttention(channels, n_heads, p_dropout, window) for _ in layers)
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in layers)
        self.ffn_layers = nn.ModuleList(FeedForward(channels, filter_channels, kernel_size, p_dropout) for _ in layers)
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in layers)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, C, T), mask (B, 1, T) with 1 on real frames -> (B, C, T), zero past each length."""
        barred = (mask.unsqueeze(2) * mask.unsqueeze(-1)) == 0
        x = x * mask
        for attend, norm_1, feed, norm_2 in zip(
            self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True
        ):
            x = norm_1(x + F.dropout(attend(x, barred), self.p_dropout, self.training))
            x = norm_2(x + F.dropout(feed(x, mask), self.p_dropout, self.training))
        return x * mask
