"""The refiner's network held against the published formulas written out in NumPy, and what refining does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catalog.errors import BadModel
from infer.diffusion import betas
from infer.refiner import MEAN, SPREAD, Refiner, from_unit, mel_settings, step_waves, to_unit
from infer.refiner_config import SOVITS, RefinerConfig

SIZES = RefinerConfig(
    16000, 160, n_mels=5, phone_dim=6, layers=3, width=8, hidden=4, speakers=2, shifted=True, layout=SOVITS
)

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    torch.manual_seed(0)
    made = Refiner(SIZES)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


def weights(refiner: Refiner) -> dict[str, Array]:
    return {name: value.numpy().astype(np.float64) for name, value in refiner.state_dict().items()}


def along(x: Array, weight: Array, bias: Array) -> Array:
    """A convolution (C, T) of odd width, sample by sample, silence beyond both ends."""
    half = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (half, half)))
    columns = [np.einsum("oik,ik->o", weight, padded[:, t : t + weight.shape[2]]) for t in range(x.shape[1])]
    return np.stack(columns, axis=1) + bias[:, None]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def by_formula(w: dict[str, Array], noisy: Array, step: int, condition: Array) -> Array:
    """DiffWave's denoiser as DiffSinger has it, for one spectrogram (M, T)."""
    name = "decoder.denoise_fn."
    width = w[f"{name}skip_projection.bias"].size
    rates = 10000.0 ** (-np.arange(width // 2) / (width // 2 - 1))
    told = np.concatenate([np.sin(step * rates), np.cos(step * rates)])
    told = w[f"{name}mlp.0.weight"] @ told + w[f"{name}mlp.0.bias"]
    told = told * np.tanh(np.log1p(np.exp(told)))
    told = w[f"{name}mlp.2.weight"] @ told + w[f"{name}mlp.2.bias"]
    x = np.maximum(along(noisy, w[f"{name}input_projection.weight"], w[f"{name}input_projection.bias"]), 0)
    total = np.zeros_like(x)
    for number in range(SIZES.layers):
        layer = f"{name}residual_layers.{number}."
        step_in = w[f"{layer}diffusion_projection.weight"] @ told + w[f"{layer}diffusion_projection.bias"]
        y = along(x + step_in[:, None], w[f"{layer}dilated_conv.weight"], w[f"{layer}dilated_conv.bias"])
        y = y + along(condition, w[f"{layer}conditioner_projection.weight"], w[f"{layer}conditioner_projection.bias"])
        y = sigmoid(y[:width]) * np.tanh(y[width:])
        y = along(y, w[f"{layer}output_projection.weight"], w[f"{layer}output_projection.bias"])
        x, total = (x + y[:width]) / math.sqrt(2), total + y[width:]
    total = along(total / math.sqrt(SIZES.layers), w[f"{name}skip_projection.weight"], w[f"{name}skip_projection.bias"])
    return along(np.maximum(total, 0), w[f"{name}output_projection.weight"], w[f"{name}output_projection.bias"])


def condition_by_formula(w: dict[str, Array], units: Array, f0: Array, volume: Array, speaker: int) -> Array:
    rows = units @ w["unit_embed.weight"].T + w["unit_embed.bias"]
    rows = rows + np.log(1 + f0[:, None] / 700) @ w["f0_embed.weight"].T + w["f0_embed.bias"]
    rows = rows + volume[:, None] @ w["volume_embed.weight"].T + w["volume_embed.bias"]
    return (rows + w["spk_embed.weight"][speaker]).T


def test_the_network_is_the_published_one(refiner: Refiner) -> None:
    chance = np.random.default_rng(1)
    units, noisy = chance.standard_normal((9, 6)), chance.standard_normal((5, 9))
    f0, volume = chance.uniform(80, 400, 9), chance.uniform(0, 1, 9)
    w = weights(refiner)
    wanted_condition = condition_by_formula(w, units, f0, volume, 1)
    with torch.no_grad():
        given = (torch.from_numpy(each).float()[None] for each in (units, f0, volume))
        condition = refiner.condition(*given, torch.tensor([1]))
        for step in (0, 37, 999):
            found = refiner.predict(torch.from_numpy(noisy).float()[None], torch.tensor([step]), condition)
            np.testing.assert_allclose(found[0], by_formula(w, noisy, step, wanted_condition), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(condition[0], wanted_condition, rtol=1e-5, atol=1e-5)


def test_refining_is_noise_put_on_and_taken_off_by_the_network(refiner: Refiner) -> None:
    """With one step and one call the answer can be written down."""
    chance = np.random.default_rng(2)
    mel, noise = chance.uniform(-9, 0, (5, 7)), chance.standard_normal((5, 7))
    condition = torch.from_numpy(chance.standard_normal((1, 4, 7))).float()
    kept = 1 - betas()[0]
    noisy = kept**0.5 * ((mel + 12) / 7 - 1) + (1 - kept) ** 0.5 * noise
    clean = (noisy - (1 - kept) ** 0.5 * by_formula(weights(refiner), noisy, 0, condition[0].numpy())) / kept**0.5
    with torch.no_grad():
        found = refiner.refine(
            torch.from_numpy(mel).float()[None], condition, torch.from_numpy(noise).float()[None], steps=1
        )
    np.testing.assert_allclose(found[0], (clean + 1) * 7 - 12, atol=1e-3)


def test_a_new_one_of_our_own_guesses_best_from_mean_and_spread_alone() -> None:
    """Before it has learned anything it answers as is exact for data of one Gaussian, and errors count alike."""
    refiner = Refiner(RefinerConfig(16000, 160, n_mels=5, phone_dim=6))
    torch.nn.init.zeros_(refiner.decoder["denoise_fn"].output_projection.bias)  # type: ignore[arg-type, union-attr]
    chance = torch.Generator().manual_seed(0)
    data = MEAN + SPREAD * torch.randn(1, 5, 4000, generator=chance)
    noise = torch.randn(1, 5, 4000, generator=chance)
    told = refiner.condition(torch.zeros(1, 4000, 6), torch.zeros(1, 4000), torch.zeros(1, 4000), torch.tensor([0]))
    for step in (0, 50, 199, 999):
        kept = float(np.prod(1 - betas()[: step + 1]))
        noisy = kept**0.5 * data + (1 - kept) ** 0.5 * noise
        wanted = (1 - kept) ** 0.5 * (noisy - kept**0.5 * MEAN) / (kept * SPREAD**2 + 1 - kept)
        with torch.no_grad():
            found = refiner.predict(noisy, torch.tensor([step]), told)
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
        counted = (found - noise).square().mean() * refiner.weight(torch.tensor([step]))
        assert float(counted) == pytest.approx(1, abs=0.05)


def test_the_range_of_the_spectrogram_is_minus_one_to_one() -> None:
    mel = torch.tensor([-12.0, -5.0, 2.0])
    torch.testing.assert_close(to_unit(mel), torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(from_unit(to_unit(mel)), mel)


def test_steps_are_told_apart() -> None:
    waves = step_waves(torch.arange(1000), 64)
    apart = torch.cdist(waves, waves) + 10 * torch.eye(1000)
    assert float(apart.min()) > 0.5


def test_so_vits_reads_the_spectrogram_of_its_vocoder() -> None:
    settings = mel_settings(RefinerConfig(44100, 512, n_mels=128, phone_dim=768, layout=SOVITS))
    assert (settings.n_fft, settings.hop, settings.n_mels) == (2048, 512, 128)
    assert (settings.f_min, settings.f_max, settings.numerics.mel_floor) == (40.0, 16000.0, 1e-5)


@pytest.mark.parametrize(
    ("field", "value"),
    [("layers", 0), ("width", 7), ("most_steps", 1001), ("n_mels", True), ("hop", 1.5), ("layout", "other")],
)
def test_sizes_that_are_none_are_refused(field: str, value: object) -> None:
    with pytest.raises(BadModel, match="refiner's config"):
        RefinerConfig.from_dict(SIZES.to_dict() | {field: value})
    assert RefinerConfig.from_dict(SIZES.to_dict()) == SIZES
