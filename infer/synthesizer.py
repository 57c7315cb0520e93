"""The synthesizer: content features, pitch and a voice -> waveform; its parameters carry RVC's names.

Separate from its parts so that the whole of inference and of the training forward pass reads on one page each.
Method: Kim et al. 2021 (VITS), as RVC v1 and v2 lay it out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infer.synthesizer_config import SynthesizerConfig, published_config
from infer.transformer import Transformer
from infer.vocoder import Decoder
from infer.wavenet import Flow, PosteriorEncoder
from infer.weight_norm import fold_weight_norm

__all__ = ["Synthesizer", "SynthesizerConfig", "TrainOutput", "published_config"]

_FLOW_CONTEXT = 24
_SLOPE = 0.1


@dataclass(frozen=True)
class TrainOutput:
    """What the losses need of one training pass; T frames in a clip, S samples in a slice."""

    wave: Tensor
    """(B, 1, S) the slice as decoded."""
    z: Tensor
    z_p: Tensor
    m_p: Tensor
    logs_p: Tensor
    m_q: Tensor
    logs_q: Tensor
    """These six are (B, I, T): the latent, its image under the flow, and means and log deviations of both sides."""
    mask: Tensor
    """(B, 1, T), 1 on real frames."""


class PriorEncoder(nn.Module):
    """Content features and coarse pitch -> mean and log deviation of the prior latent."""

    def __init__(self, config: SynthesizerConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels
        self.emb_phone = nn.Linear(config.phone_dim, hidden)
        self.emb_pitch = nn.Embedding(256, hidden) if config.f0 else None
        self.encoder = Transformer(
            hidden,
            config.filter_channels,
            config.n_heads,
            config.n_layers,
            config.kernel_size,
            config.p_dropout,
        )
        self.proj = nn.Conv1d(hidden, 2 * config.inter_channels, 1)

    def forward(self, phone: Tensor, pitch: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
        """phone (B, T, C), pitch in 1..255 (B, T) or None, mask (B, 1, T) -> two of (B, I, T)."""
        x = self.emb_phone(phone)
        if self.emb_pitch is not None:
            if pitch is None:
                raise ValueError("this voice needs pitch")
            x = x + self.emb_pitch(pitch)
        x = F.leaky_relu(x * math.sqrt(x.shape[-1]), _SLOPE).transpose(1, 2)
        mean, log_deviation = (self.proj(self.encoder(x, mask)) * mask).chunk(2, dim=1)
        return mean, log_deviation


class Synthesizer(nn.Module):
    """RVC's generator; without the posterior encoder (`posterior=False`) it has the keys of a distributed file."""

    def __init__(self, config: SynthesizerConfig, *, posterior: bool = True) -> None:
        super().__init__()
        self.config = config
        # RVC saves optimizer states by position, and its v2 classes register the prior encoder last
        prior_first = config.phone_dim == 256
        if prior_first:
            self.enc_p = PriorEncoder(config)
        self.dec = Decoder(config)
        self.enc_q = (
            PosteriorEncoder(
                config.spec_channels,
                config.inter_channels,
                config.hidden_channels,
                config.posterior_layers,
                config.gin_channels,
            )
            if posterior
            else None
        )
        self.flow = Flow(config.inter_channels, config.hidden_channels, config.gin_channels)
        self.emb_g = nn.Embedding(config.spk_embed_dim, config.gin_channels)
        if not prior_first:
            self.enc_p = PriorEncoder(config)

    @property
    def reach(self) -> tuple[int, int]:
        """Frames before a decoded part that still pass the flow, and frames around a sample that the decoder hears."""
        return _FLOW_CONTEXT, self.dec.reach

    def infer(
        self,
        phone: Tensor,
        lengths: Tensor,
        pitch: Tensor | None,
        f0: Tensor | None,
        sid: Tensor,
        *,
        noise_z: Tensor | None = None,
        noise_src: Tensor | None = None,
        noise_scale: float = 0.66666,
        skip_head: int | None = None,
        return_length: int | None = None,
        phase: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Convert: phone (B, T, C), lengths (B,), pitch in 1..255 and f0 in Hz (B, T), sid (B,) -> wave (B, N).

        N = T * hop; with `skip_head` and `return_length`, in frames, only that part is decoded (24 frames before it
        still pass the flow), and noise_z then has T - max(skip_head - 24, 0) frames, noise_src return_length * hop
        samples. noise_z (B, I, T) and noise_src (B, N, 1) are of unit variance, drawn from `generator` if None.
        `phase` is where the source of the decoded part starts, in turns.
        """
        voice = self.emb_g(sid).unsqueeze(-1)
        mask = frame_mask(lengths, phone.shape[1], phone.dtype)
        mean, log_deviation = self.enc_p(phone, pitch, mask)
        head = skip_head or 0
        cut = max(head - _FLOW_CONTEXT, 0)
        mean, log_deviation, mask = mean[..., cut:], log_deviation[..., cut:], mask[..., cut:]
        if noise_z is None:
            noise_z = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        z_p = (mean + log_deviation.exp() * noise_z * noise_scale) * mask
        z = self.flow(z_p, mask, voice, reverse=True) * mask
        end = phone.shape[1] if return_length is None else head + return_length
        z = z[..., head - cut : end - cut]
        if f0 is not None:
            f0 = f0[:, head:end]
        wave: Tensor = self.dec(z, f0, voice, noise_src, generator, phase)
        return wave.squeeze(1)

    def forward_train(
        self,
        phone: Tensor,
        lengths: Tensor,
        pitch: Tensor | None,
        f0: Tensor | None,
        spec: Tensor,
        spec_lengths: Tensor,
        sid: Tensor,
        *,
        slice_starts: Tensor,
        slice_frames: int,
        noise_q: Tensor | None = None,
        noise_src: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> TrainOutput:
        """One training pass: spec (B, F, T) with its lengths, and a slice of `slice_frames` decoded from
        `slice_starts` (B,); noise_q (B, I, T) and noise_src (B, slice_frames * hop, 1) are drawn if None."""
        if self.enc_q is None:
            raise ValueError("this synthesizer was built without the posterior encoder and cannot be trained")
        if spec.device.type == "cpu":
            self.dec.lay_flat()
        voice = self.emb_g(sid).unsqueeze(-1)
        m_p, logs_p = self.enc_p(phone, pitch, frame_mask(lengths, phone.shape[1], phone.dtype))
        mask = frame_mask(spec_lengths, spec.shape[2], spec.dtype)
        m_q, logs_q = self.enc_q(spec, mask, voice)
        if noise_q is None:
            noise_q = torch.randn(m_q.shape, generator=generator, device=m_q.device, dtype=m_q.dtype)
        z = (m_q + noise_q * logs_q.exp()) * mask
        z_p = self.flow(z, mask, voice)
        z_slice = take_slices(z, slice_starts, slice_frames)
        f0_slice = None if f0 is None else take_slices(f0.unsqueeze(1), slice_starts, slice_frames).squeeze(1)
        wave = self.dec(z_slice, f0_slice, voice, noise_src, generator)
        return TrainOutput(wave, z, z_p, m_p, logs_p, m_q, logs_q, mask)

    def fold_weight_norm(self) -> Synthesizer:
        """Make the weights of all convolutions constant, for inference only; returns self."""
        self.dec.fold_weight_norm()
        fold_weight_norm(self)
        return self


def frame_mask(lengths: Tensor, steps: int, dtype: torch.dtype) -> Tensor:
    """lengths (B,) -> (B, 1, steps), 1 on the first frames of each and 0 after."""
    frames = torch.arange(steps, device=lengths.device)
    return (frames < lengths.unsqueeze(1)).to(dtype).unsqueeze(1)


def take_slices(x: Tensor, starts: Tensor, size: int) -> Tensor:
    """x (B, C, T), starts (B,) -> (B, C, size), of each row the part from its own start."""
    index = starts.to(x.device).unsqueeze(1) + torch.arange(size, device=x.device)
    return x.gather(2, index.unsqueeze(1).expand(-1, x.shape[1], -1))


def slice_starts(draws: Tensor, lengths: Tensor, size: int) -> Tensor:
    """Uniform draws in 0..1 (B,) -> first frames (B,), so that every slice of `size` frames that fits is equally
    likely: floor(u * (length - size + 1))."""
    room = (lengths.to(draws.device) - size + 1).clamp(min=1)
    return torch.minimum((draws * room).long(), room - 1)
