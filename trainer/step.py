"""One training step: the discriminator on a detached fake first, then the generator against it.

Separate from the loop so that it is a plain function of networks, batch and random draws, and can be compared
with reference numbers. Method: RVC v2's step; the discriminator's parameters are frozen while the generator learns
and its view of the real slice needs no gradient then, which changes no gradient of the generator.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from infer.mel import MelSettings, mel_from_spectrogram, mel_spectrogram
from infer.synthesizer import Synthesizer, TrainOutput, take_slices
from infer.weight_norm import held_weights
from trainer.discriminator import MultiPeriodDiscriminator
from trainer.losses import discriminator_loss, feature_loss, generator_loss, kl_loss, mel_loss

_FUSED = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True)
class StepSettings:
    """What a step needs to know beyond the networks."""

    mel: MelSettings
    slice_frames: int
    """Length of the decoded slice: 40 frames at 32k, 32 at 40k, 36 at 48k in the published models."""
    c_mel: float = 45.0
    c_kl: float = 1.0
    autocast: torch.dtype | None = None
    """bfloat16 to run the networks in mixed precision; losses stay in float32."""


@dataclass(frozen=True)
class Batch:
    """Clips padded with zeros to the longest; T frames, N samples, C numbers a content feature."""

    phone: Tensor
    """(B, T, C) at the model's frame rate."""
    phone_lengths: Tensor
    pitch: Tensor | None
    """(B, T) coarse pitch 1..255, or None for a voice without f0."""
    f0: Tensor | None
    """(B, T) in Hz."""
    spec: Tensor
    """(B, F, T) linear magnitudes."""
    spec_lengths: Tensor
    wave: Tensor
    """(B, 1, N) at the model's rate, N at least T * hop."""
    sid: Tensor
    """(B,) speaker numbers."""

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""

        def moved(part: Tensor | None) -> Tensor | None:
            return None if part is None else part.to(device, non_blocking=True)

        return Batch(
            phone=self.phone.to(device, non_blocking=True),
            phone_lengths=self.phone_lengths.to(device, non_blocking=True),
            pitch=moved(self.pitch),
            f0=moved(self.f0),
            spec=self.spec.to(device, non_blocking=True),
            spec_lengths=self.spec_lengths.to(device, non_blocking=True),
            wave=self.wave.to(device, non_blocking=True),
            sid=self.sid.to(device, non_blocking=True),
        )


@dataclass(frozen=True)
class Draws:
    """Everything random in a step, so that a step can be repeated exactly; None is drawn from `generator`."""

    slice_starts: Tensor
    """(B,) first frame of each slice: infer.synthesizer.slice_starts makes them of uniform draws."""
    noise_q: Tensor | None = None
    """(B, I, T)."""
    noise_src: Tensor | None = None
    """(B, slice_frames * hop, 1)."""
    generator: torch.Generator | None = None


class Trained(Protocol):
    """What a step changes; the loop's state has at least these."""

    @property
    def generator(self) -> Synthesizer: ...
    @property
    def discriminator(self) -> MultiPeriodDiscriminator: ...
    @property
    def optimizer_g(self) -> Optimizer: ...
    @property
    def optimizer_d(self) -> Optimizer: ...


@dataclass(frozen=True)
class StepLosses:
    """The losses of a step as they enter the sum (mel with its 45), and gradient norms; scalars on the device."""

    disc: Tensor
    gen: Tensor
    fm: Tensor
    mel: Tensor
    kl: Tensor
    grad_norm_d: Tensor
    grad_norm_g: Tensor
    wave: Tensor
    """(B, 1, S) the decoded slices, detached."""

    def values(self) -> dict[str, float]:
        """All as plain numbers, in one transfer; `g/total` is the generator's sum."""
        names = ("d/loss", "g/adv", "g/fm", "g/mel", "g/kl", "d/grad_norm", "g/grad_norm")
        parts = (self.disc, self.gen, self.fm, self.mel, self.kl, self.grad_norm_d, self.grad_norm_g)
        read = torch.stack([part.float() for part in parts]).tolist()
        values = dict(zip(names, read, strict=True))
        values["g/total"] = values["g/adv"] + values["g/fm"] + values["g/mel"] + values["g/kl"]
        return values


def make_optimizer(
    network: nn.Module,
    *,
    learning_rate: float = 1e-4,
    betas: tuple[float, float] = (0.8, 0.99),
    eps: float = 1e-9,
    weight_decay: float = 0.01,
) -> AdamW:
    """AdamW with RVC's settings, in its fused form where the device has it."""
    parameters = list(network.parameters())
    fused = all(part.device.type in _FUSED for part in parameters)
    return AdamW(parameters, lr=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, fused=fused)


def train_step(state: Trained, batch: Batch, draws: Draws, settings: StepSettings) -> StepLosses:
    """Change both networks by one step and return the losses.

    Gradients are left on the parameters until the next step. Raises nothing of its own: a loss that is not finite
    is returned as such, for the loop to judge.
    """
    with _mixed(batch.wave.device, settings.autocast):
        out = state.generator.forward_train(
            batch.phone,
            batch.phone_lengths,
            batch.pitch,
            batch.f0,
            batch.spec,
            batch.spec_lengths,
            batch.sid,
            slice_starts=draws.slice_starts,
            slice_frames=settings.slice_frames,
            noise_q=draws.noise_q,
            noise_src=draws.noise_src,
            generator=draws.generator,
        )
    hop = state.generator.config.hop
    real = take_slices(batch.wave, draws.slice_starts * hop, settings.slice_frames * hop)
    disc, norm_d = _discriminator_step(state, real, out.wave.detach(), settings)
    parts, norm_g = _generator_step(state, batch, draws, out, real, settings)
    return StepLosses(disc, *parts, norm_d, norm_g, out.wave.detach())


def _discriminator_step(state: Trained, real: Tensor, fake: Tensor, settings: StepSettings) -> tuple[Tensor, Tensor]:
    """Real and fake pass as one batch, so the weights are normalised once."""
    with _mixed(real.device, settings.autocast):
        scores, _ = state.discriminator(torch.cat([real, fake.to(real.dtype)]))
    pairs = [score.chunk(2) for score in scores]
    loss = discriminator_loss([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    state.optimizer_d.zero_grad(set_to_none=True)
    torch.autograd.backward([loss])
    norm = gradient_norm(state.discriminator.parameters())
    state.optimizer_d.step()
    return loss.detach(), norm


def _generator_step(
    state: Trained, batch: Batch, draws: Draws, out: TrainOutput, real: Tensor, settings: StepSettings
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """The generator's four losses and one step of its optimizer."""
    judge = state.discriminator
    with held_weights(judge), _mixed(real.device, settings.autocast):
        with torch.no_grad():
            _, features_real = judge(real)
        with _frozen(judge):
            scores, features_fake = judge(out.wave)
    gen = generator_loss(scores)
    fm = feature_loss(features_real, features_fake)
    mel = settings.c_mel * mel_loss(
        _real_mel(batch, draws, settings), mel_spectrogram(out.wave.float().squeeze(1), settings.mel)
    )
    kl = settings.c_kl * kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, out.mask)
    state.optimizer_g.zero_grad(set_to_none=True)
    torch.autograd.backward([gen + fm + mel + kl])
    norm = gradient_norm(state.generator.parameters())
    state.optimizer_g.step()
    return (gen.detach(), fm.detach(), mel.detach(), kl.detach()), norm


def _real_mel(batch: Batch, draws: Draws, settings: StepSettings) -> Tensor:
    """The slice's mel, taken from the whole clip's spectrogram so that its edges have real neighbours."""
    spec = take_slices(batch.spec.float(), draws.slice_starts, settings.slice_frames)
    return mel_from_spectrogram(spec, settings.mel)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """L2 norm of all gradients together, without leaving the device."""
    norms = torch._foreach_norm([part.grad for part in parameters if part.grad is not None])
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def _mixed(device: torch.device, kind: torch.dtype | None) -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext() if kind is None else torch.autocast(device.type, dtype=kind)


@contextlib.contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Inside, no operation records a gradient for the network's parameters."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
