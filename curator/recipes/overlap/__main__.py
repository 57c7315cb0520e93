"""`python -m curator.recipes.overlap FOLDER OUT.npz`: mixes voices, trains the network, writes weights and a card.

FOLDER is laid out as `curator.recipes.overlap.material` says. With the defaults it takes under an hour of one core.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from catalog.errors import CuratorError
from curator.recipes.overlap.material import Material, gather, without
from curator.recipes.overlap.mixtures import MEETINGS, example
from curator.recipes.overlap.network import Network, arrays
from curator.recipes.overlap.train import Examples, area, train
from curator.scores.overlap_spectrum import spectrum

HELD_OUT = 12
HELD_MIXTURES = 800


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--mixtures", default=24_000, show_default=True, help="Mixtures of 4 s to train on.")
@click.option("--epochs", default=8, show_default=True, help="Passes over the mixtures.")
@click.option("--songs", default=140, show_default=True, help="Sung lines to make of the voices.")
@click.option("--sentences", default=6, show_default=True, help="Sentences of each espeak-ng voice; 0 for none.")
@click.option("--pieces", default=24, show_default=True, help="Pieces of made music, 12 s each, to put behind voices.")
@click.option("--meetings", default=MEETINGS, show_default=True, help="Share of mixtures that begin with a meeting.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Go on from OUT.pt of an earlier run; another --seed makes other mixtures.",
)
@click.option("--threads", default=1, show_default=True, help="CPU threads.")
@click.option("--seed", default=1, show_default=True, help="Seed of the mixtures and the training.")
@click.option("--licence", default="", help="What the card says about the recordings in FOLDER.")
def main(
    folder: Path,
    out: Path,
    mixtures: int,
    epochs: int,
    songs: int,
    sentences: int,
    pieces: int,
    meetings: float,
    resume: Path | None,
    threads: int,
    seed: int,
    licence: str,
) -> None:
    """Train the network that hears a second voice on mixtures of the voices in FOLDER."""
    torch.set_num_threads(threads)
    began = time.process_time()
    try:
        material = gather(folder, songs, sentences, pieces, seed)
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    seen, unseen = without(material, HELD_OUT)
    print(f"{material}; every {HELD_OUT}th voice and line is held out", flush=True)
    examples = mix(seen, mixtures, seed, meetings)
    held = mix(unseen, min(HELD_MIXTURES, mixtures), seed + 1)
    print(f"{mixtures} mixtures, overlap in {examples.labels.mean():.1%} of the frames", flush=True)
    begun = torch.load(resume, weights_only=True) if resume else None
    model = train(examples, held, epochs, seed, begun, each_epoch=lambda network: save(network, out))
    minutes = (time.process_time() - began) / 60
    card: dict[str, Any] = {
        "recipe": "python -m curator.recipes.overlap",
        "material": str(material),
        "licence": licence,
        "mixtures": mixtures,
        "epochs": epochs,
        "seed": seed,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "cpu_minutes": round(minutes, 1),
        "auc_on_mixtures_of_voices_held_out": round(area(model, held), 4),
    }
    out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"{out} after {minutes:.0f} CPU minutes", flush=True)


def save(network: Network, out: Path) -> None:
    """Write the arrays in half precision, and the state to go on from; after every epoch, lest an end lose all."""
    halves: dict[str, Any] = {name: value.astype(np.float16) for name, value in arrays(network).items()}
    np.savez(out, **halves)
    torch.save(network.state_dict(), out.with_suffix(".pt"))


def mix(material: Material, count: int, seed: int, meetings: float = MEETINGS) -> Examples:
    """So many random mixtures, one at least, as the network sees them; the same ones for the same seed."""
    random = np.random.default_rng(seed)
    parts: list[NDArray[Any]] = []
    for number in range(count):
        made = example(random, material, meetings)
        row = (spectrum(made.wave).astype(np.float16), made.label, made.weight.astype(np.float16))
        # written where it stays, since twice all mixtures is more memory than a training needs
        parts = parts or [np.empty((count, *part.shape), part.dtype) for part in row]
        for part, value in zip(parts, row, strict=True):
            part[number] = value
    return Examples(*parts)


if __name__ == "__main__":
    main()
