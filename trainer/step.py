"""One training step: the discriminator on a detached fake first, then the generator against it.

Separate from the loop so that it is a plain function of networks, batch and random draws, and can be compared
with reference numbers. Method: RVC v2's step, arranged so that nothing is computed for nothing and little is held at
once, which changes no gradient. Each of the discriminators goes forward and backward by itself; they
are frozen while the generator learns, see the real slice without a gradient then, and leave theirs on the waveform,
from where a single backward pass goes through the generator. A batch may pass in shares whose gradients add up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW, Optimizer

from infer.mel import MelSettings, mel_from_spectrogram, mel_spectrogram
from infer.synthesizer import Synthesizer, TrainOutput, take_slices
from infer.weight_norm import held_weights
from trainer.discriminator import MultiPeriodDiscriminator
from trainer.losses import discriminator_loss, feature_loss, generator_loss, kl_loss, mel_loss
from trainer.side_by_side import side_by_side

T = TypeVar("T")
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
    """bfloat16 or float16 to run the networks in mixed precision; losses stay in float32."""
    rows_at_once: int = 0
    """Rows of a batch that pass the networks together, the gradients of all being added up; 0: all of them."""


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

    mean_frames: Tensor | None = None
    """Real frames a row on average over everything that one step learns from, where these rows are a share of it;
    None where they are all."""

    def rows(self, part: slice) -> Batch:
        """Some rows of the batch."""
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        mean = values.pop("mean_frames")
        cut: dict[str, Any] = {name: None if value is None else value[part] for name, value in values.items()}
        return Batch(**cut, mean_frames=self.spec_lengths.float().mean() if mean is None else mean)


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

    def complete(self, batch: Batch, network: Synthesizer, slice_frames: int) -> Draws:
        """The same with all noise drawn, as the network would draw it."""

        def drawn(given: Tensor | None, *shape: int) -> Tensor:
            if given is not None:
                return given
            return torch.randn(shape, generator=self.generator, device=batch.wave.device)

        rows, _, frames = batch.spec.shape
        noise_q = drawn(self.noise_q, rows, network.config.inter_channels, frames)
        noise_src = drawn(self.noise_src, rows, slice_frames * network.config.hop, 1)
        return replace(self, noise_q=noise_q, noise_src=noise_src if network.config.f0 else None)

    def rows(self, part: slice) -> Draws:
        """The draws of some rows; all noise must have been drawn."""
        assert self.noise_q is not None
        noise_src = None if self.noise_src is None else self.noise_src[part]
        return Draws(self.slice_starts[part], self.noise_q[part], noise_src)


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
class Passes:
    """The forward passes that a step takes through networks of which it wants gradients: the networks' own, or ones
    that average the gradients of several processes."""

    generate: Callable[..., TrainOutput]
    """`Synthesizer.forward_train`, or alike."""
    judges: Sequence[nn.Module]
    """One for each discriminator: wave (B, 1, N) -> scores and feature maps."""

    @staticmethod
    def own(state: Trained) -> Passes:
        """Those of a single process."""
        return Passes(state.generator.forward_train, list(state.discriminator.discriminators))


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


def train_step(
    state: Trained,
    batch: Batch,
    draws: Draws,
    settings: StepSettings,
    *,
    passes: Passes | None = None,
    scaler: GradScaler | None = None,
) -> StepLosses:
    """Change both networks by one step and return the losses.

    Gradients are left on the parameters until the next step. `scaler` keeps small gradients above the smallest number
    of float16 (Micikevicius et al. 2018); both optimizers share it, and skip a step whose gradients overflow. Raises
    nothing of its own: a loss that is not finite is returned as such, for the loop to judge.
    """
    step = _Step(state, settings, passes or Passes.own(state), scaler)
    shares = _shares(batch, draws, state.generator, settings)
    if len(shares) == 1:
        outs: list[TrainOutput | None] = [step.generate(shares[0])]
        fakes = [out.wave.detach() for out in outs if out is not None]
    else:
        # no graph is kept while the discriminators learn: the generator passes again when it is its turn
        outs = [None] * len(shares)
        with torch.no_grad():
            fakes = [step.generate(share).wave for share in shares]
    disc, norm_d = step.teach_discriminator(shares, fakes)
    parts, norm_g = step.teach_generator(shares, outs)
    if scaler is not None:
        scaler.update()
    return StepLosses(disc, *parts, norm_d, norm_g, torch.cat(fakes))


@dataclass(frozen=True)
class _Share:
    """Rows of a batch that pass together."""

    batch: Batch
    draws: Draws
    weight: float
    """Share of the step's rows."""
    real: Tensor
    """(B, 1, S) the slices as recorded."""


def _shares(batch: Batch, draws: Draws, generator: Synthesizer, settings: StepSettings) -> list[_Share]:
    hop, total = generator.config.hop, len(batch.wave)
    size = settings.rows_at_once or total

    def share(rows: Batch, own: Draws) -> _Share:
        real = take_slices(rows.wave, own.slice_starts * hop, settings.slice_frames * hop)
        return _Share(rows, own, len(rows.wave) / total, real)

    if size >= total:
        return [share(batch, draws)]
    # the generator passes twice and must see the same noise
    drawn = draws.complete(batch, generator, settings.slice_frames)
    parts = [slice(start, start + size) for start in range(0, total, size)]
    return [share(batch.rows(part), drawn.rows(part)) for part in parts]


@dataclass(frozen=True)
class _Step:
    """One step at work."""

    state: Trained
    settings: StepSettings
    passes: Passes
    scaler: GradScaler | None

    def generate(self, share: _Share) -> TrainOutput:
        """The generator's forward pass."""
        batch, draws = share.batch, share.draws
        with _mixed(batch.wave.device, self.settings.autocast):
            return self.passes.generate(
                batch.phone,
                batch.phone_lengths,
                batch.pitch,
                batch.f0,
                batch.spec,
                batch.spec_lengths,
                batch.sid,
                slice_starts=draws.slice_starts,
                slice_frames=self.settings.slice_frames,
                noise_q=draws.noise_q,
                noise_src=draws.noise_src,
                generator=draws.generator,
            )

    def teach_discriminator(self, shares: Sequence[_Share], fakes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Real and fake pass as one batch, so the weights are normalised once; gives loss and gradient norm."""
        self.state.optimizer_d.zero_grad(set_to_none=True)

        def teach(judge: nn.Module) -> Tensor:
            total = fakes[0].new_zeros((), dtype=torch.float32)
            for share, fake in zip(shares, fakes, strict=True):
                with _quiet(judge, share is not shares[-1]):
                    with _mixed(fake.device, self.settings.autocast):
                        scores, _ = judge(torch.cat([share.real, fake.to(share.real.dtype)]))
                    true, made = scores.chunk(2)
                    loss = discriminator_loss([true], [made]) * share.weight
                    self._backward([loss])
                total += loss.detach()
            return total

        total = torch.stack(self._each(teach, self.passes.judges, fakes[0].device)).sum()
        return total, self._learn(self.state.optimizer_d, self.state.discriminator)

    def teach_generator(
        self, shares: Sequence[_Share], outs: Sequence[TrainOutput | None]
    ) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]:
        """The generator's four losses and one step of its optimizer."""
        self.state.optimizer_g.zero_grad(set_to_none=True)
        found: list[Tensor] = []
        for share, kept in zip(shares, outs, strict=True):
            with _quiet(self.passes.generate, share is not shares[-1]):
                out = self.generate(share) if kept is None else kept
                gen, fm, gradient = self._judged(share, out.wave)
                mel = self.settings.c_mel * share.weight * self._mel_loss(share, out.wave)
                frames = share.batch.mean_frames
                kl = kl_loss(out.z_p, out.logs_q, out.m_p, out.logs_p, out.mask, mean_frames=frames)
                kl = self.settings.c_kl * share.weight * kl
                self._backward([mel + kl], [out.wave], [gradient])
            found.append(torch.stack([gen, fm, mel.detach(), kl.detach()]))
        gen, fm, mel, kl = torch.stack(found).sum(0).unbind()
        return (gen, fm, mel, kl), self._learn(self.state.optimizer_g, self.state.generator)

    def _judged(self, share: _Share, wave: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Adversarial and feature loss, and the gradient (B, 1, S) of both together at the waveform."""

        def judged(judge: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
            heard = wave.detach().requires_grad_()
            with _mixed(heard.device, self.settings.autocast), held_weights(judge):
                with torch.no_grad():
                    _, true = judge(share.real)
                with _frozen(judge):
                    score, made = judge(heard)
            adversarial = generator_loss([score]) * share.weight
            features = feature_loss([true], [made]) * share.weight
            self._backward([adversarial + features])
            assert heard.grad is not None
            return adversarial.detach(), features.detach(), heard.grad

        found = self._each(judged, list(self.state.discriminator.discriminators), wave.device)
        gen, fm, gradient = (torch.stack(parts).sum(0) for parts in zip(*found, strict=True))
        return gen, fm, gradient

    def _each(self, work: Callable[[nn.Module], T], judges: Sequence[nn.Module], device: torch.device) -> list[T]:
        """What `work` gives for each judge: at once where no other process waits for their gradients in order."""
        if any(isinstance(judge, DistributedDataParallel) for judge in judges):
            return [work(judge) for judge in judges]
        return side_by_side(work, judges, device)

    def _mel_loss(self, share: _Share, wave: Tensor) -> Tensor:
        made = mel_spectrogram(wave.float().squeeze(1), self.settings.mel)
        return mel_loss(_real_mel(share.batch, share.draws, self.settings), made)

    def _backward(self, losses: list[Tensor], others: Sequence[Tensor] = (), gradients: Sequence[Tensor] = ()) -> None:
        """Backward from losses, and from `others` with gradients that are scaled already."""
        scaled = losses if self.scaler is None else [self.scaler.scale(loss) for loss in losses]
        torch.autograd.backward([*scaled, *others], [None] * len(scaled) + list(gradients))

    def _learn(self, optimizer: Optimizer, network: nn.Module) -> Tensor:
        """One step of an optimizer; gives the gradient's norm before it."""
        if self.scaler is None:
            norm = gradient_norm(network.parameters())
            optimizer.step()
            return norm
        self.scaler.unscale_(optimizer)
        norm = gradient_norm(network.parameters())
        self.scaler.step(optimizer)
        return norm


def _real_mel(batch: Batch, draws: Draws, settings: StepSettings) -> Tensor:
    """The slice's mel, taken from the whole clip's spectrogram so that its edges have real neighbours."""
    spec = take_slices(batch.spec.float(), draws.slice_starts, settings.slice_frames)
    return mel_from_spectrogram(spec, settings.mel)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """L2 norm of all gradients together, without leaving the device."""
    norms = torch._foreach_norm([part.grad for part in parameters if part.grad is not None])
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def _quiet(passing: object, quiet: bool) -> contextlib.AbstractContextManager[object]:
    """Inside, gradients are added up and not yet averaged over processes."""
    if quiet and isinstance(passing, DistributedDataParallel):
        return passing.no_sync()
    return contextlib.nullcontext()


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
