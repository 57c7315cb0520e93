"""One training step: reference losses and gradients, order of the two networks, and that it learns."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fixture_training import run_steps
from torch.amp import GradScaler

from infer.mel import NUMERICS, MelSettings, spectrogram
from infer.synthesizer import Synthesizer, SynthesizerConfig, published_config
from trainer.discriminator import DiscriminatorConfig, MultiPeriodDiscriminator
from trainer.step import Batch, Draws, StepSettings, gradient_norm, make_optimizer, train_step

REFERENCE = Path(__file__).parents[1] / "reference"


def tiny(**changes: Any) -> SynthesizerConfig:
    return replace(
        published_config("v2", "32k"),
        upsample_rates=(10, 6, 2, 2), upsample_kernel_sizes=(20, 12, 4, 4), sample_rate=24000,
        inter_channels=16, hidden_channels=16, filter_channels=32, n_layers=1, posterior_layers=2,
        upsample_initial_channel=32, spk_embed_dim=2, gin_channels=8, phone_dim=12,
        resblock_kernel_sizes=(3,), resblock_dilation_sizes=((1, 3),), **changes,
    )  # fmt: skip


def state_of(config: SynthesizerConfig, learning_rate: float = 1e-4) -> SimpleNamespace:
    torch.manual_seed(0)
    generator, judge = Synthesizer(config), MultiPeriodDiscriminator(DiscriminatorConfig((2, 3), 32))
    return SimpleNamespace(
        generator=generator,
        discriminator=judge,
        optimizer_g=make_optimizer(generator, learning_rate=learning_rate),
        optimizer_d=make_optimizer(judge, learning_rate=learning_rate),
    )


def settings_of(config: SynthesizerConfig, frames: int = 12, **changes: Any) -> StepSettings:
    return StepSettings(MelSettings.published(config.sample_rate, config.hop), frames, **changes)


def clips(config: SynthesizerConfig, frames: int = 24) -> Batch:
    source = torch.Generator().manual_seed(1)
    samples = torch.arange(frames * config.hop) / config.sample_rate
    wave = torch.stack([torch.sin(2 * torch.pi * pitch * samples) for pitch in (150.0, 220.0)]) * 0.3
    lengths = torch.full((2,), frames)
    return Batch(
        phone=torch.randn(2, frames, config.phone_dim, generator=source),
        phone_lengths=lengths,
        pitch=torch.full((2, frames), 60) if config.f0 else None,
        f0=torch.tensor([[150.0], [220.0]]).expand(2, frames) if config.f0 else None,
        spec=spectrogram(wave, config.n_fft, config.hop, config.n_fft),
        spec_lengths=lengths,
        wave=wave.unsqueeze(1),
        sid=torch.tensor([0, 1]),
    )


def draws(step: int = 0) -> Draws:
    return Draws(torch.tensor([step % 5, (3 * step) % 7]), generator=torch.Generator().manual_seed(step))


@pytest.fixture(scope="module")
def reference() -> Any:
    return np.load(REFERENCE / "training.npz")


@pytest.fixture(scope="module")
def found(reference: Any) -> dict[str, Any]:
    """One step of the small generator and the full discriminator from the recipe's weights."""

    def single(values: Any) -> Any:
        return np.asarray(values, np.float32)

    batch = [
        {
            "wav": single(reference["wav_" + clip]),
            "phone": single(reference["phone_" + clip]),
            "pitch": reference["pitch_" + clip],
            "f0": single(reference["pitchf_" + clip]),
            "sid": int(reference["sid_" + clip]),
        }
        for clip in "ab"
    ]
    drawn = {
        "noise_q": single(reference["noise_q_0"]),
        "noise_src": single(reference["noise_src_0"]),
        "slice_u": reference["slice_u_0"],
    }
    return run_steps("v2_40k_f0_small", json.loads(str(reference["hps"])), True, [batch], [drawn], "classic", 1 << 20)[
        0
    ]


def test_losses_and_gradient_norms_are_the_reference_ones(reference: Any, found: dict[str, Any]) -> None:
    values = [float(found[name]) for name in reference["names"]]
    np.testing.assert_allclose(values, reference["expected"], rtol=1e-4)


def test_the_decoded_slice_is_the_reference_one(reference: Any, found: dict[str, Any]) -> None:
    np.testing.assert_allclose(found["y_hat"][:, :, ::4], reference["y_hat"], atol=2e-5)


@pytest.mark.parametrize("network", ["G", "D"])
def test_gradients_and_changes_are_the_reference_ones(reference: Any, found: dict[str, Any], network: str) -> None:
    names = found["names_" + network]
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == str(reference["names_" + network])
    checked = found["grad_" + network]
    assert len(checked) > 0.85 * len(names)
    # the gradient of an attention key's bias is zero but for rounding
    kept = [index for index, name in enumerate(names) if name in checked and not name.endswith("conv_k.bias")]
    for kind, limit, judge in (("grad_", 5e-3, np.max), ("delta_", 3e-4, np.median)):
        made = np.array([found[kind + network][names[index]] for index in kept])
        true = reference[kind + network][kept]
        assert judge(np.abs(made[:, 2] - true[:, 2]) / true[:, 1]) < limit


def test_the_2026_numerics_change_only_the_mel_loss(reference: Any) -> None:
    differs = dict(zip(reference["names"], np.abs(reference["expected_2026"] / reference["expected"] - 1), strict=True))
    assert differs["loss_mel"] > 1e-6
    config = tiny()
    values = {}
    for name in ("classic", "2026"):
        settings = StepSettings(MelSettings.published(24000, 240, NUMERICS[name]), 12)
        values[name] = train_step(state_of(config), clips(config), draws(), settings).values()
    assert values["classic"]["g/mel"] != values["2026"]["g/mel"]
    assert values["classic"]["g/kl"] == values["2026"]["g/kl"]
    assert values["classic"]["d/loss"] == values["2026"]["d/loss"]


@pytest.mark.parametrize("f0", [True, False])
def test_a_step_changes_every_parameter_of_both_networks(f0: bool) -> None:
    config = tiny(f0=f0)
    state = state_of(config)
    networks = (state.generator, state.discriminator)
    before = [{key: part.detach().clone() for key, part in network.named_parameters()} for network in networks]
    for step in range(2):
        values = train_step(state, clips(config), draws(step), settings_of(config)).values()
    assert all(math.isfinite(value) for value in values.values())
    for network, old in zip(networks, before, strict=True):
        for key, part in network.named_parameters():
            assert not torch.equal(part, old[key]), key


def test_steps_are_repeatable_to_the_last_bit() -> None:
    def run() -> list[dict[str, float]]:
        config = tiny()
        state = state_of(config)
        return [train_step(state, clips(config), draws(step), settings_of(config)).values() for step in range(3)]

    assert run() == run()


def test_the_discriminator_is_judged_before_it_learns_and_the_generator_after() -> None:
    config = tiny()
    state = state_of(config)
    initial = {key: part.clone() for key, part in state.discriminator.state_dict().items()}
    frozen = state_of(config)
    frozen.optimizer_d = torch.optim.SGD(frozen.discriminator.parameters(), lr=0.0)
    learned = train_step(state, clips(config), draws(), settings_of(config)).values()
    kept = train_step(frozen, clips(config), draws(), settings_of(config)).values()
    assert learned["d/loss"] == kept["d/loss"]
    assert learned["g/adv"] != kept["g/adv"]
    assert all(torch.equal(part, initial[key]) for key, part in frozen.discriminator.state_dict().items())


def test_the_generator_leaves_no_gradient_on_the_discriminator() -> None:
    config = tiny()
    state = state_of(config)
    found = train_step(state, clips(config), draws(), settings_of(config))
    norm = gradient_norm(state.discriminator.parameters())
    torch.testing.assert_close(norm, found.grad_norm_d)
    assert all(part.requires_grad for part in state.discriminator.parameters())


def test_forty_steps_on_two_clips_bring_the_mel_loss_down() -> None:
    config = tiny()
    state = state_of(config, learning_rate=2e-3)
    losses = [
        train_step(state, clips(config), draws(step), settings_of(config)).values()["g/mel"] for step in range(40)
    ]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_mixed_precision_gives_nearly_the_same_losses() -> None:
    config = tiny()
    plain, mixed = (
        train_step(state_of(config), clips(config), draws(), settings_of(config, autocast=kind)).values()
        for kind in (None, torch.bfloat16)
    )
    for name in ("g/mel", "g/kl", "d/loss", "g/adv"):
        assert mixed[name] == pytest.approx(plain[name], rel=0.05), name


def test_a_batch_that_passes_in_shares_leaves_the_gradients_of_one_that_passes_whole() -> None:
    config = tiny()
    found = []
    for rows in (0, 1):
        state = state_of(config)
        batch = clips(config)
        # rows of unequal length: the prior's loss is a mean over real frames, of which the shares have unequal numbers
        batch = replace(batch, spec_lengths=torch.tensor([24, 16]), phone_lengths=torch.tensor([24, 16]))
        drawn = Draws(torch.tensor([3, 2]), generator=torch.Generator().manual_seed(5))
        drawn = drawn.complete(batch, state.generator, 12)
        values = train_step(state, batch, drawn, settings_of(config, rows_at_once=rows)).values()
        gradients = {
            name: part.grad.clone()
            for network in (state.generator, state.discriminator)
            for name, part in network.named_parameters()
        }
        found.append((values, gradients))
    (whole, expected), (shares, made) = found
    assert shares == pytest.approx(whole, rel=1e-4)
    for name, gradient in expected.items():
        torch.testing.assert_close(made[name], gradient, rtol=2e-3, atol=2e-4 * float(gradient.abs().max()) + 1e-6)


def test_activations_that_are_computed_again_leave_the_same_gradients() -> None:
    config = tiny()
    kept, again = state_of(config), state_of(config)
    again.generator.dec.recompute = True
    expected, found = (train_step(state, clips(config), draws(), settings_of(config)) for state in (kept, again))
    assert found.values() == pytest.approx(expected.values(), rel=1e-6)
    for one, other in zip(kept.generator.parameters(), again.generator.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-7)


def test_a_scaler_scales_losses_and_gives_back_the_same_gradients() -> None:
    config = tiny()
    plain, scaled = state_of(config), state_of(config)
    expected = train_step(plain, clips(config), draws(), settings_of(config)).values()
    scaler = GradScaler("cpu", init_scale=2.0**8)
    found = train_step(scaled, clips(config), draws(), settings_of(config), scaler=scaler).values()
    assert found == pytest.approx(expected, rel=1e-4)
    for one, other in zip(plain.generator.parameters(), scaled.generator.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_gradients_that_overflow_float16_skip_the_step_and_halve_the_scale() -> None:
    config = tiny()
    state = state_of(config)
    before = [part.detach().clone() for part in state.generator.parameters()]
    scaler = GradScaler("cpu", init_scale=2.0**127)
    values = train_step(state, clips(config), draws(), settings_of(config), scaler=scaler).values()
    assert not math.isfinite(values["g/grad_norm"])
    assert math.isfinite(values["g/total"])
    assert scaler.get_scale() == 2.0**126
    assert all(torch.equal(one, two) for one, two in zip(before, state.generator.parameters(), strict=True))
