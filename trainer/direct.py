"""One training step along the path of a conversion: prior, reversed flow, decoder; without the posterior encoder.

Separate from the published step because it is another method for another purpose: where there are minutes and two
cores instead of hours and a GPU, spectral losses on what a conversion says reach an intelligible voice first, and the
discriminator can join later. The network and its parameters are the same.
Methods: Yamamoto et al. 2020 (multi-resolution STFT loss), Kong et al. 2020 (the adversarial part).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from infer.mel import MelSettings, mel_from_spectrogram, mel_spectrogram, spectrogram
from infer.synthesizer import Synthesizer, frame_mask, take_slices
from infer.weight_norm import held_weights
from trainer.config import LossWeights
from trainer.losses import discriminator_loss, feature_loss, generator_loss, mel_loss
from trainer.step import Batch, Trained, gradient_norm

NOISE_SCALE = 0.66666
"""Spread of the prior's noise, as in a conversion."""
RESOLUTIONS = ((512, 128), (1024, 256), (256, 64))
"""FFT size and hop in samples."""


@dataclass(frozen=True)
class DirectSettings:
    """What a direct step needs to know beyond the networks."""

    mel: MelSettings
    slice_frames: int
    weights: LossWeights
    adversarial: bool
    """Whether the discriminator takes part in this step."""


@dataclass(frozen=True)
class DirectLosses:
    """The losses of a step that took part, as they enter the sum; scalars on the device."""

    generator: Mapping[str, Tensor]
    """Some of mel, stft, adv, fm."""
    discriminator: Tensor | None
    grad_norm: Tensor

    def values(self) -> dict[str, float]:
        """All as plain numbers, in one transfer; `g/total` is the generator's sum."""
        parts = {f"g/{name}": part for name, part in self.generator.items()}
        if self.discriminator is not None:
            parts["d/loss"] = self.discriminator
        parts["g/grad_norm"] = self.grad_norm
        numbers = torch.stack([part.float() for part in parts.values()]).tolist()
        values = dict(zip(parts, numbers, strict=True))
        values["g/total"] = sum(values[f"g/{name}"] for name in self.generator)
        return values


def direct_step(state: Trained, batch: Batch, starts: Tensor, settings: DirectSettings) -> DirectLosses:
    """Change the generator, and the discriminator where it takes part, by one step; `starts` (B,) in frames."""
    hop, frames = state.generator.config.hop, settings.slice_frames
    made = speak_slices(state.generator, batch, starts, frames)
    real = take_slices(batch.wave, starts * hop, frames * hop)
    weights = settings.weights
    spec = take_slices(batch.spec, starts, frames)
    mel = weights.mel * mel_loss(
        mel_from_spectrogram(spec, settings.mel), mel_spectrogram(made.squeeze(1), settings.mel)
    )
    parts = {"mel": mel}
    if weights.stft:
        parts["stft"] = weights.stft * stft_loss(real.squeeze(1), made.squeeze(1))
    disc = None
    if settings.adversarial:
        disc = _train_discriminator(state, real, made.detach())
        gen, features = _judged(state, real, made)
        parts |= {"adv": weights.adversarial * gen, "fm": weights.feature / 2 * features}
    state.optimizer_g.zero_grad(set_to_none=True)
    torch.autograd.backward([torch.stack(list(parts.values())).sum()])
    norm = gradient_norm(state.generator.parameters())
    state.optimizer_g.step()
    return DirectLosses({name: part.detach() for name, part in parts.items()}, disc, norm)


def speak_slices(network: Synthesizer, batch: Batch, starts: Tensor, frames: int) -> Tensor:
    """What a conversion would say in each slice: (B, 1, frames * hop)."""
    voice = network.emb_g(batch.sid).unsqueeze(-1)
    mask = frame_mask(batch.phone_lengths, batch.phone.shape[1], batch.phone.dtype)
    mean, log_deviation = network.enc_p(batch.phone, batch.pitch, mask)
    noise = torch.randn_like(mean) * NOISE_SCALE
    z = network.flow((mean + log_deviation.exp() * noise) * mask, mask, voice, reverse=True) * mask
    f0 = None if batch.f0 is None else take_slices(batch.f0.unsqueeze(1), starts, frames).squeeze(1)
    wave: Tensor = network.dec(take_slices(z, starts, frames), f0, voice)
    return wave


def stft_loss(real: Tensor, made: Tensor) -> Tensor:
    """Mean over three resolutions of spectral convergence and log-magnitude L1; waves (B, N)."""
    terms = []
    for size, hop in RESOLUTIONS:
        there, here = spectrogram(real, size, hop, size), spectrogram(made, size, hop, size)
        convergence = torch.linalg.vector_norm(here - there) / torch.linalg.vector_norm(there)
        terms.append(convergence + (here.log() - there.log()).abs().mean())
    return torch.stack(terms).mean()


def _train_discriminator(state: Trained, real: Tensor, made: Tensor) -> Tensor:
    scores, _ = state.discriminator(torch.cat([real, made]))
    pairs = [score.chunk(2) for score in scores]
    loss = discriminator_loss([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    state.optimizer_d.zero_grad(set_to_none=True)
    torch.autograd.backward([loss])
    state.optimizer_d.step()
    return loss.detach()


def _judged(state: Trained, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """The generator's adversarial and feature-matching losses, with the discriminator as it now is."""
    judge = state.discriminator
    judge.requires_grad_(False)
    with held_weights(judge):
        with torch.no_grad():
            _, features_real = judge(real)
        scores, features_made = judge(made)
    judge.requires_grad_(True)
    return generator_loss(scores), feature_loss(features_real, features_made)
