"""The network of so-vits-svc 4.0 and 4.1 voices: content, loudness and f0 -> waveform; parameters carry their names.

Separate from RVC's synthesizer because it is another graph: its own frame rate, voicing and loudness inputs, eight
overtones in the source, deeper couplings and a decoder for f0. To the conversion it looks like the others: features
and f0 come in and samples go out at 100 frames a second, and the change of rate happens inside.
Methods: Kim et al. 2021 (VITS), Wang et al. 2019 (neural source-filter), Kong et al. 2020 (HiFi-GAN), as the voices of
so-vits-svc 4.x lay them out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from catalog.errors import BadModel
from infer.sovits_config import FRAMES, SoVitsConfig
from infer.synthesizer_config import SynthesizerConfig
from infer.transformer import ChannelNorm, FeedForward, RelativeAttention, Transformer
from infer.vocoder import Decoder, sine_phase
from infer.wavenet import Flow
from infer.weight_norm import NormedConv1d, fold_weight_norm

_WINDOW = 4
_OVERTONES = 8
_SINE_AMPLITUDE = 0.1
_NOISE = 0.003
_MEL_BREAK, _MEL_SCALE, _MEL_UNIT = 700.0, 2595.0, 500.0
_BINS, _LOWEST, _HIGHEST = 256, 50.0, 1100.0


class HarmonicSource(nn.Module):
    """A sine at f0 and its first overtones, merged by learned gains."""

    def __init__(self, sample_rate: int, hop: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop = hop
        self.l_linear = nn.Linear(_OVERTONES + 1, 1)

    def forward(
        self, f0: Tensor, noise: Tensor | None, generator: torch.Generator | None = None, phase: float = 0.0
    ) -> Tensor:
        """f0 in Hz (B, T) without gaps, noise of unit variance (B, T * hop, 1 or 9) or None, the phase in turns that
        the fundamental starts at -> (B, 1, T * hop)."""
        with torch.no_grad():
            fundamental = sine_phase(f0, self.hop, self.sample_rate, phase).unsqueeze(-1)
            orders = torch.arange(1, _OVERTONES + 2, device=f0.device, dtype=f0.dtype)
            # overtones start anywhere, the fundamental where it is told to
            start = torch.rand(f0.shape[0], 1, _OVERTONES + 1, generator=generator, device=f0.device)
            start[..., 0] = 0
            sines = torch.sin(2 * math.pi * (fundamental * orders + start)) * _SINE_AMPLITUDE
            if noise is None:
                noise = torch.randn(sines.shape, generator=generator, device=f0.device, dtype=f0.dtype)
            sounding = (f0 > 0).to(f0.dtype).repeat_interleave(self.hop, dim=1).unsqueeze(-1)
            amplitude = sounding * _NOISE + (1 - sounding) * (_SINE_AMPLITUDE / 3)
            sines = sines * sounding + amplitude * noise
        return torch.tanh(self.l_linear(sines)).transpose(1, 2)


class SoVitsDecoder(Decoder):
    """The decoder of RVC with overtones in its source and weight norm around its ends."""

    def __init__(self, config: SynthesizerConfig) -> None:
        super().__init__(config)
        self.m_source = HarmonicSource(config.sample_rate, config.hop)  # type: ignore[assignment]
        wide = config.upsample_initial_channel
        self.conv_pre = NormedConv1d(config.inter_channels, wide, 7, padding=3)
        self.conv_post = NormedConv1d(wide >> len(config.upsample_rates), 1, 7, padding=3)


class ContentPrior(nn.Module):
    """Content hidden states and coarse pitch -> mean and log deviation of the prior latent."""

    def __init__(self, config: SoVitsConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels
        self.proj = nn.Conv1d(hidden, 2 * config.inter_channels, 1)
        self.f0_emb = nn.Embedding(_BINS, hidden)
        self.enc_ = Transformer(
            hidden, config.filter_channels, config.n_heads, config.n_layers, config.kernel_size, 0.0, _WINDOW
        )

    def forward(self, x: Tensor, pitch: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, H, T), pitch in 1..255 (B, T), mask (B, 1, T) -> two of (B, I, T)."""
        x = x + self.f0_emb(pitch).transpose(1, 2)
        mean, log_deviation = (self.proj(self.enc_(x * mask, mask)) * mask).chunk(2, dim=1)
        return mean, log_deviation


class CausalTransformer(nn.Module):
    """Layers of attention and feed-forward that see only frames up to their own, without positions."""

    def __init__(self, channels: int, filter_channels: int, n_heads: int, n_layers: int, kernel_size: int) -> None:
        super().__init__()
        layers = range(n_layers)
        self.self_attn_layers = nn.ModuleList(RelativeAttention(channels, n_heads, 0.0, 0) for _ in layers)
        self.norm_layers_0 = nn.ModuleList(ChannelNorm(channels) for _ in layers)
        self.ffn_layers = nn.ModuleList(
            FeedForward(channels, filter_channels, kernel_size, 0.0, causal=True) for _ in layers
        )
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in layers)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, C, T), mask (B, 1, T) -> (B, C, T)."""
        steps = x.shape[2]
        later = torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1)[None, None]
        x = x * mask
        for attend, norm_0, feed, norm_1 in zip(
            self.self_attn_layers, self.norm_layers_0, self.ffn_layers, self.norm_layers_1, strict=True
        ):
            x = norm_0(x + attend(x, later))
            x = norm_1(x + feed(x, mask))
        return x * mask


class F0Decoder(nn.Module):
    """Content and the given contour's shape -> the contour this voice would speak with."""

    def __init__(self, config: SoVitsConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels
        self.prenet = nn.Conv1d(hidden, hidden, 3, padding=1)
        self.decoder = CausalTransformer(
            hidden, config.filter_channels, config.n_heads, config.n_layers, config.kernel_size
        )
        self.proj = nn.Conv1d(hidden, 1, 1)
        self.f0_prenet = nn.Conv1d(1, hidden, 3, padding=1)
        self.cond = nn.Conv1d(config.gin_channels, hidden, 1)

    def forward(self, x: Tensor, contour: Tensor, mask: Tensor, voice: Tensor) -> Tensor:
        """x (B, H, T), normalised contour (B, 1, T), mask (B, 1, T), voice (B, G, 1) -> contour (B, 1, T)."""
        x = x + self.cond(voice) + self.f0_prenet(contour)
        x = self.prenet(x) * mask
        found: Tensor = self.proj(self.decoder(x, mask)) * mask
        return found


class SoVitsSynthesizer(nn.Module):
    """The generator of a so-vits-svc 4.x voice, without its posterior encoder."""

    def __init__(self, config: SoVitsConfig) -> None:
        super().__init__()
        self.config = config
        self.emb_g = nn.Embedding(config.spk_embed_dim, config.gin_channels)
        self.pre = nn.Conv1d(config.phone_dim, config.hidden_channels, 5, padding=2)
        self.enc_p = ContentPrior(config)
        self.dec = SoVitsDecoder(decoder_config(config))
        self.flow = Flow(
            config.inter_channels, config.hidden_channels, config.gin_channels, n_layers=config.flow_layers
        )
        self.f0_decoder = F0Decoder(config) if config.predicts_f0 else None
        self.emb_uv = nn.Embedding(2, config.hidden_channels)
        self.emb_vol = nn.Linear(1, config.hidden_channels) if config.volume else None

    def speak(
        self,
        content: Tensor,
        f0: Tensor,
        voiced: Tensor,
        sid: Tensor,
        *,
        volume: Tensor | None = None,
        predict_f0: bool = False,
        noise_z: Tensor | None = None,
        noise_src: Tensor | None = None,
        noise_scale: float = 0.4,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The network at its own frame rate: content (B, C, T), f0 in Hz without gaps (B, T), voiced 0 or 1 (B, T),
        sid (B,), RMS volume (B, T) for voices that read it -> wave (B, T * frame_hop).

        noise_z (B, I, T) and noise_src (B, N, 1 or 9) are of unit variance, drawn from `generator` if None.
        """
        voice = self.emb_g(sid).unsqueeze(-1)
        mask = torch.ones_like(f0).unsqueeze(1)
        x = self.pre(content) * mask + self.emb_uv(voiced.long()).transpose(1, 2)
        if self.emb_vol is not None:
            if volume is None:
                raise ValueError("this voice reads the loudness of the input")
            x = x + self.emb_vol(volume.unsqueeze(-1)).transpose(1, 2)
        if predict_f0:
            f0 = self._own_contour(x, f0, voiced, mask, voice)
        mean, log_deviation = self.enc_p(x, coarse(f0), mask)
        if noise_z is None:
            noise_z = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        z = self.flow(mean + noise_z * log_deviation.exp() * noise_scale, mask, voice, reverse=True)
        wave: Tensor = self.dec(z, f0, voice, noise_src, generator)
        return wave.squeeze(1)

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
        noise_scale: float = 0.4,
        volume: Tensor | None = None,
        predict_f0: bool = False,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """As the conversion calls every voice: phone (1, T, C), f0 in Hz with 0 where unvoiced (1, T) and volume
        (1, T) at 100 frames a second -> wave (1, T * hop). `lengths` and coarse `pitch` are not needed here."""
        if f0 is None:
            raise ValueError("this voice needs f0")
        given, samples = phone.shape[1], phone.shape[1] * self.config.hop
        frames = -(-samples // self.config.frame_hop)
        at = torch.arange(frames, device=phone.device) * (self.config.frame_hop * FRAMES / self.config.sample_rate)
        nearest = at.round().long().clamp(max=given - 1)
        whole, voiced = without_gaps(f0)
        wave = self.speak(
            phone[:, nearest].transpose(1, 2),
            _between(whole, at),
            voiced[:, nearest],
            sid,
            volume=None if volume is None else volume[:, nearest],
            predict_f0=predict_f0,
            noise_z=None if noise_z is None else noise_z[..., :frames],
            noise_src=_padded(noise_src, frames * self.config.frame_hop),
            noise_scale=noise_scale,
            generator=generator,
        )
        return wave[:, :samples]

    def fold_weight_norm(self) -> SoVitsSynthesizer:
        """Make the weights of all convolutions constant, for inference only; returns self."""
        self.dec.fold_weight_norm()
        fold_weight_norm(self)
        return self

    def _own_contour(self, x: Tensor, f0: Tensor, voiced: Tensor, mask: Tensor, voice: Tensor) -> Tensor:
        if self.f0_decoder is None:
            raise BadModel("this voice was trained without a prediction of f0")
        contour = _MEL_SCALE * torch.log10(1 + f0 / _MEL_BREAK) / _MEL_UNIT
        weight = voiced.to(contour.dtype)
        mean = (contour * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)
        own = self.f0_decoder(x, (contour - mean).unsqueeze(1), mask, voice).squeeze(1)
        predicted: Tensor = _MEL_BREAK * (10 ** (own * _MEL_UNIT / _MEL_SCALE) - 1)
        return predicted


def decoder_config(config: SoVitsConfig) -> SynthesizerConfig:
    """The decoder's sizes in RVC's terms."""
    return SynthesizerConfig(
        sample_rate=config.sample_rate,
        spec_channels=1025,
        upsample_rates=config.upsample_rates,
        upsample_kernel_sizes=config.upsample_kernel_sizes,
        inter_channels=config.inter_channels,
        resblock_kernel_sizes=config.resblock_kernel_sizes,
        resblock_dilation_sizes=config.resblock_dilation_sizes,
        upsample_initial_channel=config.upsample_initial_channel,
        gin_channels=config.gin_channels,
    )


def network_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a checkpoint that a conversion needs, under this network's names.

    The posterior encoder falls away, and so does the second name that couplings with shared layers are saved under.
    """
    return {
        name: value for name, value in tensors.items() if not name.startswith(("enc_q.", "flow.wn.", "dec.f0_upsamp."))
    }


def coarse(f0: Tensor) -> Tensor:
    """f0 in Hz -> 1..255, evenly spaced in mel between 50 and 1100 Hz, of the same shape."""
    low, high = (1127 * math.log(1 + hz / _MEL_BREAK) for hz in (_LOWEST, _HIGHEST))
    mel = 1127 * torch.log(1 + f0 / _MEL_BREAK)
    scaled = torch.where(mel > 0, (mel - low) * (_BINS - 2) / (high - low) + 1, mel)
    return (scaled.clamp(1, _BINS - 1) + 0.5).long()


def without_gaps(f0: Tensor) -> tuple[Tensor, Tensor]:
    """f0 (1, T) with 0 where unvoiced -> the same with lines drawn across the gaps, and voiced as 0 or 1 (1, T)."""
    voiced = f0 > 0
    places = voiced[0].nonzero().squeeze(-1)
    if len(places) == 0:
        return f0, voiced.to(f0.dtype)
    at = torch.arange(f0.shape[1], device=f0.device)
    after = torch.searchsorted(places, at).clamp(max=len(places) - 1)
    before = (torch.searchsorted(places, at, right=True) - 1).clamp(min=0)
    left, right = places[before], places[after]
    share = ((at - left) / (right - left).clamp(min=1)).clamp(0, 1)
    values = f0[0]
    return (values[left] + share * (values[right] - values[left])).unsqueeze(0), voiced.to(f0.dtype)


def _between(values: Tensor, at: Tensor) -> Tensor:
    """Values (1, T) read at fractional places (N,), straight lines between."""
    low = at.floor().long().clamp(max=values.shape[1] - 1)
    high = (low + 1).clamp(max=values.shape[1] - 1)
    return values[:, low] + (at - low) * (values[:, high] - values[:, low])


def _padded(noise: Tensor | None, samples: int) -> Tensor | None:
    """Noise (1, N, K) brought to `samples`, which is less than one frame more or less than was drawn."""
    return None if noise is None else F.pad(noise, (0, 0, 0, max(0, samples - noise.shape[1])))[:, :samples]
