"""Two training steps from the recipe's weights, for the adapter: builds networks, batches and draws of the
reference's plain arrays and hands them to the product's own step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from fixture_recipe import DISCRIMINATOR_RULES, GENERATOR_RULES, checksums, fill

from infer.mel import NUMERICS, MelSettings, spectrogram
from infer.synthesizer import Synthesizer, SynthesizerConfig, slice_starts
from trainer.discriminator import V1, V2, MultiPeriodDiscriminator
from trainer.step import Batch, Draws, StepSettings, make_optimizer, train_step


def run_steps(
    tag: str, hps: Any, f0: bool, batches: Any, draws: Any, numerics: str, largest: int = 1 << 40
) -> list[dict[str, Any]]:
    """Losses, gradient norms and waves of each step, and the checksums of all tensors of up to `largest` numbers."""
    version = "v1" if tag.startswith("v1") else "v2"
    data = hps["data"]
    generator = Synthesizer(config_of(hps, version, f0))
    judge = MultiPeriodDiscriminator(V1 if version == "v1" else V2)
    fill(generator, GENERATOR_RULES)
    fill(judge, DISCRIMINATOR_RULES)
    optimizers = {
        name: make_optimizer(network, learning_rate=hps["train"]["learning_rate"])
        for name, network in (("g", generator), ("d", judge))
    }
    state = SimpleNamespace(
        generator=generator, discriminator=judge, optimizer_g=optimizers["g"], optimizer_d=optimizers["d"]
    )
    mel = MelSettings(
        data["sampling_rate"], data["filter_length"], data["hop_length"], data["n_mel_channels"],
        data["mel_fmin"], data["mel_fmax"], NUMERICS[numerics],
    )  # fmt: skip
    settings = StepSettings(mel, hps["train"]["segment_size"] // data["hop_length"])
    results = []
    for clips, drawn in zip(batches, draws, strict=True):
        batch = batch_of(clips, f0, mel)
        before = {name: parameters(network) for name, network in (("G", generator), ("D", judge))}
        losses = train_step(state, batch, draws_of(drawn, batch, settings), settings)
        result: dict[str, Any] = {
            "loss_disc": losses.disc, "loss_gen": losses.gen, "loss_fm": losses.fm, "loss_mel": losses.mel,
            "loss_kl": losses.kl, "grad_norm_g": losses.grad_norm_g, "grad_norm_d": losses.grad_norm_d,
            "y_hat": losses.wave.numpy(),
        }  # fmt: skip
        for name, network in (("G", generator), ("D", judge)):
            after = parameters(network)
            gradients = {key: part.grad for key, part in network.named_parameters() if part.grad is not None}
            result["names_" + name] = sorted(gradients)
            for key, gradient in gradients.items():
                if gradient.numel() > largest:
                    continue
                change = after[key].astype(np.float64) - before[name][key]
                found = checksums(key, [gradient.numpy(), after[key], change])
                for kind, value in zip(("grad_", "after_", "delta_"), found, strict=True):
                    result.setdefault(kind + name, {})[key] = value
        results.append(result)
    return results


def parameters(network: torch.nn.Module) -> dict[str, Any]:
    return {key: part.detach().numpy().copy() for key, part in network.named_parameters()}


def config_of(hps: Any, version: str, f0: bool) -> SynthesizerConfig:
    model, data = hps["model"], hps["data"]
    values = [
        data["filter_length"] // 2 + 1, 32, model["inter_channels"], model["hidden_channels"],
        model["filter_channels"], model["n_heads"], model["n_layers"], model["kernel_size"], model["p_dropout"],
        model["resblock"], model["resblock_kernel_sizes"], model["resblock_dilation_sizes"],
        model["upsample_rates"], model["upsample_initial_channel"], model["upsample_kernel_sizes"],
        model["spk_embed_dim"], model["gin_channels"], data["sampling_rate"],
    ]  # fmt: skip
    return SynthesizerConfig.from_list(values, phone_dim=256 if version == "v1" else 768, f0=f0)


def batch_of(clips: Any, f0: bool, mel: MelSettings) -> Batch:
    """Each clip: features repeated to the frame rate, everything cut to the shortest, then padded with zeros."""
    rows: list[dict[str, torch.Tensor]] = []
    for clip in clips:
        wave = torch.as_tensor(clip["wav"])
        floor = mel.numerics.power_floor
        spec = spectrogram(wave[None], mel.n_fft, mel.hop, mel.win, power_floor=floor)[0]
        phone = torch.as_tensor(clip["phone"]).repeat_interleave(2, dim=0)
        frames = min(len(phone), spec.shape[1], len(clip["pitch"]))
        longer = len(wave) if frames == spec.shape[1] else frames * mel.hop
        rows.append(
            {
                "phone": phone[:frames],
                "pitch": torch.as_tensor(clip["pitch"])[:frames],
                "f0": torch.as_tensor(clip["f0"])[:frames],
                "spec": spec[:, :frames].T,
                "wave": wave[:longer],
            }
        )
    lengths = torch.tensor([len(row["phone"]) for row in rows])

    def padded(name: str) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence([row[name] for row in rows], batch_first=True)

    return Batch(
        phone=padded("phone"), phone_lengths=lengths, pitch=padded("pitch") if f0 else None,
        f0=padded("f0") if f0 else None, spec=padded("spec").transpose(1, 2).contiguous(), spec_lengths=lengths,
        wave=padded("wave").unsqueeze(1), sid=torch.tensor([clip["sid"] for clip in clips]),
    )  # fmt: skip


def draws_of(drawn: Any, batch: Batch, settings: StepSettings) -> Draws:
    starts = slice_starts(torch.as_tensor(drawn["slice_u"]), batch.spec_lengths, settings.slice_frames)
    noise_src = drawn["noise_src"]
    return Draws(starts, torch.as_tensor(drawn["noise_q"]), None if noise_src is None else torch.as_tensor(noise_src))
