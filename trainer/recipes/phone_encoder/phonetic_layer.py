"""The layer of the encoder `phonetic`: from the probabilities of phones around a frame to the features.

Apart from the training because it is fitted in closed form, in ten seconds, to a network whose phones are learnt. The
features come as close to the network's bottleneck as phones can say: most of what is left out tells the voice. Soft
labels of sounds in place of the continuous features behind them are what van Niekerk et al. (2022) compare for
conversion.

    python -m trainer.recipes.phone_encoder.phonetic_layer --weights FILE --material DIR --out DIR
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from safetensors.torch import save as pack
from torch import Tensor
from torch.nn import functional as F

from catalog.errors import BadModel, CuratorError
from infer.phone_encoder import PhoneEncoder, load_phone_encoder, packaged_weights, read_card
from infer.phonetic import FILE, Phonetic
from trainer.recipes.phone_encoder import corpus
from trainer.recipes.phone_encoder.corpus import Material

PIECE = 1200
"""Mel frames of one piece: 12 s are normalised together, about as much as one recording."""
_RIDGE = 1e-3
_QUIET = 35.0 / 10.0 * float(np.log(10.0))
_SMALLEST_SPREAD = 1e-3


@dataclass
class _Normal:
    """Sums of a least-squares problem, piece by piece: predictors (D, D), with the targets (D, F), squared targets."""

    own: Tensor
    cross: Tensor
    power: float = 0.0
    rows: int = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Predictors (N, D) and targets (N, F)."""
        self.own += x.T @ x
        self.cross += x.T @ y
        self.power += float(y.square().sum())
        self.rows += len(x)

    def solve(self) -> tuple[Tensor, float]:
        """Weights (D, F) by ridge regression, and the share of the targets' power that they explain."""
        weights = torch.linalg.solve(self.own + _RIDGE * self.rows * torch.eye(len(self.own)), self.cross)
        left = self.power - 2 * (weights * self.cross).sum() + (weights * (self.own @ weights)).sum()
        return weights, 1.0 - float(left) / self.power


@torch.no_grad()
def fit(phonetic: Phonetic, materials: dict[str, Material], pieces: int = 60, seed: int = 0) -> float:
    """Fits the layer to `pieces` random pieces of every material; returns the share of the bottleneck's power kept.

    The target is the bottleneck with mean 0 and spread 1 over the speech of each piece, so that no voice is told by
    where its features lie.
    """
    chance = np.random.default_rng(seed)
    layer = phonetic.layer
    inputs = layer.in_channels * layer.kernel_size[0]
    sums = _Normal(torch.zeros(inputs, inputs), torch.zeros(inputs, layer.out_channels))
    for material in materials.values():
        span = min(PIECE, len(material.labels))
        for start in chance.integers(0, len(material.labels) - span + 1, pieces):
            mel = torch.from_numpy(np.asarray(material.mel[start : start + span], np.float32))
            bottleneck = phonetic.network.features(mel[None])
            speech = _loud(mel)[: bottleneck.shape[1]]
            around = in_context(phonetic.shares(bottleneck)[0], phonetic.shape.context)[speech]
            sums.add(around, _levelled(bottleneck[0][speech]))
    weights, kept = sums.solve()
    features, classes, frames = layer.weight.shape
    layer.weight.copy_(weights.T.reshape(features, frames, classes).transpose(1, 2))
    return kept


def in_context(shares: Tensor, context: int) -> Tensor:
    """Each row of (T, C) with the `context` rows before and after it, (T, (2 context + 1) C), zeros beyond the ends."""
    padded = F.pad(shares, (0, 0, context, context))
    return torch.cat([padded[k : k + len(shares)] for k in range(2 * context + 1)], dim=1)


def _loud(mel: Tensor) -> Tensor:
    """Which frames at 50 Hz of log mel frames (M, mels) lie within 35 dB of the loud ones."""
    loud = torch.logsumexp(mel * 4.0, -1)[::2]
    return loud > loud.quantile(0.95) - _QUIET


def _levelled(frames: Tensor) -> Tensor:
    return (frames - frames.mean(0)) / (frames.std(0) + _SMALLEST_SPREAD)


def export(
    network: PhoneEncoder, version: str, materials: dict[str, Material], out: Path, pieces: int = 60, seed: int = 0
) -> Path:
    """Fits the layer to a network of a `version` and writes it (fp16) with its card into `out`; returns its path."""
    phonetic = Phonetic(network).eval()
    kept = fit(phonetic, materials, pieces, seed)
    blob = pack({name: value.half().contiguous() for name, value in phonetic.layer.state_dict().items()})
    digest = hashlib.sha256(blob + version.encode()).hexdigest()
    card = {
        "format": 1,
        "name": "phonetic",
        "version": digest[:12],
        "sha256": hashlib.sha256(blob).hexdigest(),
        "fitted_to": version,
        "shape": asdict(phonetic.shape),
        "parameters": phonetic.layer.weight.numel(),
        "material_minutes": {name: round(corpus.seconds(m) / 60, 1) for name, m in materials.items()},
        "licences": "those of the network, in phone_encoder.json",
        "bottleneck_kept": round(kept, 3),
        "pieces": pieces,
        "seed": seed,
        "recipe": "python -m trainer.recipes.phone_encoder.phonetic_layer",
    }
    out.mkdir(parents=True, exist_ok=True)
    weights = out / FILE
    weights.write_bytes(blob)
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return weights


def materials_of(folder: Path, held_out: list[str]) -> dict[str, Material]:
    """What the recipe made in `folder` without the voices `held_out`. Raises BadModel when that is nothing."""
    names = ["espeak", "-".join(["flite", *corpus.training_voices(held_out)]), "real"]
    found = {name: corpus.load(folder / name) for name in names if (folder / name).exists()}
    if not found:
        raise BadModel(f"{folder} holds none of {', '.join(names)}")
    return found


@click.command()
@click.option("--weights", type=click.Path(path_type=Path, exists=True), help="Weights; the packaged ones if left out.")
@click.option("--material", type=click.Path(path_type=Path, exists=True), required=True, help="DIR/material of a run.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for it; that of the weights.")
@click.option("--pieces", default=60, show_default=True, help="Pieces of 12 s from each material.")
@click.option("--seed", default=0, show_default=True, help="Seed of the pieces.")
def main(weights: Path | None, material: Path, out: Path | None, pieces: int, seed: int) -> None:
    """Fit the layer of the encoder phonetic to trained weights, from the material they were trained on."""
    torch.set_num_threads(1)
    source = weights or packaged_weights()
    try:
        materials = materials_of(material, read_card(source)["held_out_voices"])
        network = load_phone_encoder(source)
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    where = export(network, network.version, materials, out or source.parent, pieces, seed)
    kept = read_card(where)["bottleneck_kept"]
    click.echo(f"wrote {where}: {kept:.1%} of the bottleneck's power is kept")


if __name__ == "__main__":
    main()
