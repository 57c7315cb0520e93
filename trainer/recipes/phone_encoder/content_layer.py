"""The last layer of the encoder: from the probabilities of phones around a frame to the features that are compared.

Apart from the training because it is fitted in closed form, in a minute, to a network whose phones are learnt. The
features come as close to the network's bottleneck as phones can say: what is left out tells the voice. Soft labels of
sounds in place of the continuous features behind them are what van Niekerk et al. (2022) compare for conversion.

    python -m trainer.recipes.phone_encoder.content_layer --weights FILE --material DIR --out DIR
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor
from torch.nn import functional as F

from catalog.errors import BadModel, CuratorError
from infer.phone_encoder import EncoderShape, PhoneEncoder, packaged_weights, read_card
from trainer.recipes.phone_encoder import corpus
from trainer.recipes.phone_encoder.corpus import Material
from trainer.recipes.phone_encoder.train import export

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
def fit(encoder: PhoneEncoder, materials: dict[str, Material], pieces: int = 60, seed: int = 0) -> float:
    """Fits the layer `content` to `pieces` random pieces of every material; returns the share of the bottleneck kept.

    The target is the bottleneck with mean 0 and spread 1 over the speech of each piece, so that no voice is told by
    where its features lie.
    """
    chance = np.random.default_rng(seed)
    inputs = encoder.content.in_channels * encoder.content.kernel_size[0]
    sums = _Normal(torch.zeros(inputs, inputs), torch.zeros(inputs, encoder.content.out_channels))
    for material in materials.values():
        span = min(PIECE, len(material.labels))
        for start in chance.integers(0, len(material.labels) - span + 1, pieces):
            mel = torch.from_numpy(np.asarray(material.mel[start : start + span], np.float32))
            hidden = encoder.hidden(mel[None])
            speech = _loud(mel)[: hidden.shape[1]]
            around = in_context(encoder.shares(hidden)[0], encoder.shape.context)[speech]
            sums.add(around, _levelled(hidden[0][speech]))
    weights, kept = sums.solve()
    shape = encoder.content.weight.shape
    encoder.content.weight.copy_(weights.T.reshape(shape[0], shape[2], shape[1]).transpose(1, 2))
    torch.nn.init.zeros_(encoder.content.bias)  # type: ignore[arg-type]
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


def materials_of(folder: Path, held_out: list[str]) -> dict[str, Material]:
    """What the recipe made in `folder` without the voices `held_out`. Raises BadModel when that is nothing."""
    names = ["espeak", "-".join(["flite", *corpus.training_voices(held_out)]), "real"]
    found = {name: corpus.load(folder / name) for name in names if (folder / name).exists()}
    if not found:
        raise BadModel(f"{folder} holds none of {', '.join(names)}")
    return found


def load_network(weights: Path) -> PhoneEncoder:
    """The encoder of a file whose last layer may be missing. Raises BadModel when anything else is."""
    card = read_card(weights)
    encoder = PhoneEncoder(EncoderShape(**card["shape"]), version=str(card["version"]))
    lacking = encoder.load_state_dict(
        {name: value.float() for name, value in load_tensors(weights.read_bytes()).items()}, strict=False
    )
    if any(not name.startswith("content.") for name in [*lacking.missing_keys, *lacking.unexpected_keys]):
        raise BadModel(f"{weights} does not have the shape its card states")
    return encoder.eval()


@click.command()
@click.option("--weights", type=click.Path(path_type=Path, exists=True), help="Weights; the packaged ones if left out.")
@click.option("--material", type=click.Path(path_type=Path, exists=True), required=True, help="DIR/material of a run.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the result.")
@click.option("--pieces", default=60, show_default=True, help="Pieces of 12 s from each material.")
@click.option("--seed", default=0, show_default=True, help="Seed of the pieces.")
def main(weights: Path | None, material: Path, out: Path, pieces: int, seed: int) -> None:
    """Fit the last layer of trained weights again, from the material they were trained on."""
    torch.set_num_threads(1)
    source = weights or packaged_weights()
    try:
        card = read_card(source)
        encoder = load_network(source)
        materials = materials_of(material, card["held_out_voices"])
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    kept = fit(encoder, materials, pieces, seed)
    where = export(encoder, out, {**told(card), **facts(kept, hashlib.sha256(source.read_bytes()).hexdigest())})
    click.echo(f"wrote {where}: {kept:.1%} of the bottleneck's power is kept")


def facts(kept: float, network: str | None = None) -> dict[str, Any]:
    """What the card says about the layer; `network` is the SHA-256 of the weights whose phones it was fitted to."""
    found: dict[str, Any] = {"content_layer": {"bottleneck_kept": round(kept, 3)}}
    if network:
        found["content_layer"]["fitted_to"] = network
    return found


def told(card: dict[str, Any]) -> dict[str, Any]:
    """What an earlier card says of the training, without what `export` says and what was measured."""
    anew = ("format", "name", "version", "sha256", "sample_rate", "frame_rate", "features", "classes", "shape")
    return {k: v for k, v in card.items() if k not in (*anew, "parameters", "figures", "frame_accuracy")}


if __name__ == "__main__":
    main()
