"""The discriminators: published names, reference outputs, and smaller ones for a CPU."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixture_recipe import DISCRIMINATOR_RULES, checksum, fill

from trainer.discriminator import V1, V2, DiscriminatorConfig, MultiPeriodDiscriminator
from trainer.losses import discriminator_loss, feature_loss, generator_loss

REFERENCE = Path(__file__).parents[1] / "reference"
PUBLISHED = json.loads((REFERENCE / "state_dicts.json").read_text())


@pytest.mark.parametrize(("name", "config"), [("D_v1", V1), ("D_v2", V2)])
def test_a_discriminator_has_exactly_the_published_names_shapes_and_order(
    name: str, config: DiscriminatorConfig
) -> None:
    with torch.device("meta"):
        network = MultiPeriodDiscriminator(config)
    lines = [f"{key} {'x'.join(map(str, value.shape))}" for key, value in network.state_dict().items()]
    order = [key for key, _ in network.named_parameters()]
    assert len(lines) == PUBLISHED[name]["tensors"]
    assert sum(part.numel() for part in network.parameters()) == PUBLISHED[name]["parameters"]
    assert hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() == PUBLISHED[name]["sha256"]
    assert hashlib.sha256("\n".join(order).encode()).hexdigest() == PUBLISHED[name]["order_sha256"]


def test_scores_feature_maps_and_losses_are_the_reference_ones() -> None:
    reference: Any = np.load(REFERENCE / "discriminator.npz")
    network = MultiPeriodDiscriminator(V2)
    fill(network, DISCRIMINATOR_RULES)
    real, fake = (torch.from_numpy(reference[name].astype(np.float32)) for name in ("real", "fake"))
    with torch.no_grad():
        scores, features = network(torch.cat([real, fake]))
    scores_real, scores_fake = zip(*(score.chunk(2) for score in scores), strict=True)
    halves = [[layer.chunk(2) for layer in part] for part in features]
    features_real, features_fake = ([[pair[side] for pair in part] for part in halves] for side in (0, 1))
    for index, (true, made) in enumerate(zip(scores_real, scores_fake, strict=True)):
        np.testing.assert_allclose(true.numpy(), reference[f"out_real_{index}"], atol=2e-5)
        np.testing.assert_allclose(made.numpy(), reference[f"out_fake_{index}"], atol=2e-5)
    found = [
        checksum(f"f{index}.{layer}", values.numpy())
        for index, part in enumerate(features_fake)
        for layer, values in enumerate(part)
    ]
    expected = reference["fmaps"]
    assert (np.abs(np.array(found)[:, 2] - expected[:, 2]) / expected[:, 1]).max() < 1e-4
    losses = [
        discriminator_loss(scores_real, scores_fake),
        generator_loss(scores_fake),
        feature_loss(features_real, features_fake),
    ]
    np.testing.assert_allclose([float(loss) for loss in losses], reference["losses"][:3], rtol=1e-5)


def test_a_period_sees_every_periodth_sample_in_one_column() -> None:
    network = MultiPeriodDiscriminator(DiscriminatorConfig((5,), 16))
    wave = torch.randn(1, 1, 400, generator=torch.Generator().manual_seed(0))
    changed = wave.clone()
    changed[..., 3::5] += 1
    with torch.no_grad():
        before, after = network.discriminators[1](wave)[1], network.discriminators[1](changed)[1]
    for layer, other in zip(before, after, strict=True):
        same = (layer == other).flatten(0, 2).all(dim=0)
        assert same.tolist() == [True, True, True, False, True]


@pytest.mark.parametrize("length", [4801, 7680])
def test_a_small_discriminator_takes_any_length_and_trains(length: int) -> None:
    network = MultiPeriodDiscriminator(DiscriminatorConfig((2, 3, 7), 32))
    assert sum(part.numel() for part in network.parameters()) < 100_000
    scores, features = network(torch.randn(2, 1, length))
    assert len(scores) == len(features) == 4
    torch.stack([score.mean() for score in scores]).sum().backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in network.parameters())
