"""`python -m trainer.recipes.phone_encoder.phonetic --material DIR`: the encoder `phonetic`, from the encoder `phone`.

Trains the network on (`consistency.py`), fits the layers after it (`phonetic_layer.py`), and writes both as one file
with its card. The material is what `python -m trainer.recipes.phone_encoder` made, without the voices that the card
of the weights names as held out.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import save as pack

from catalog.errors import BadModel, CuratorError
from infer.phone_encoder import PhoneEncoder, load_phone_encoder, packaged_weights, read_card
from infer.phonetic import FILE, Phonetic, PhoneticShape
from trainer.recipes.phone_encoder import corpus, phonetic_layer
from trainer.recipes.phone_encoder.consistency import ConsistencySettings, train_on
from trainer.recipes.phone_encoder.corpus import Material


def materials_of(folder: Path, held_out: list[str]) -> dict[str, Material]:
    """What the recipe made in `folder` without the voices `held_out`. Raises BadModel when that is nothing."""
    names = ["espeak", "-".join(["flite", *corpus.training_voices(held_out)]), "real", "crowd"]
    found = {name: corpus.load(folder / name) for name in names if (folder / name).exists()}
    if not found:
        raise BadModel(f"{folder} holds none of {', '.join(names)}")
    return found


def export(phonetic: Phonetic, out: Path, facts: dict[str, Any]) -> Path:
    """Writes phonetic.safetensors (fp16) and its card phonetic.json into `out`; returns the weights' path."""
    out.mkdir(parents=True, exist_ok=True)
    blob = pack({name: value.half().contiguous() for name, value in phonetic.state_dict().items()})
    digest = hashlib.sha256(blob).hexdigest()
    card = {
        "format": 1,
        "name": "phonetic",
        "version": digest[:12],
        "sha256": digest,
        "shape": asdict(phonetic.shape),
        "network": asdict(phonetic.network.shape),
        "parameters": sum(p.numel() for p in phonetic.parameters()),
        **facts,
        "recipe": "python -m trainer.recipes.phone_encoder.phonetic",
    }
    weights = out / FILE
    weights.write_bytes(blob)
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return weights


def make(
    target: PhoneEncoder, materials: dict[str, Material], settings: ConsistencySettings, shape: PhoneticShape
) -> tuple[Phonetic, float]:
    """The encoder whose features stand in for the bottleneck of `target`, and the share of its power that they keep."""
    network = train_on(target, materials, settings, note=click.echo) if settings.steps else target
    phonetic = Phonetic(network, shape).eval()
    return phonetic, phonetic_layer.fit(phonetic, target, materials)


@click.command()
@click.option(
    "--weights", type=click.Path(path_type=Path, exists=True), help="Weights of phone; the packaged ones if left out."
)
@click.option("--material", type=click.Path(path_type=Path, exists=True), required=True, help="DIR/material of a run.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for it; that of the weights.")
@click.option("--steps", default=ConsistencySettings.steps, show_default=True, help="Steps of training on; 0: none.")
@click.option("--context", default=PhoneticShape.context, show_default=True, help="Frames before and after one.")
@click.option("--sharpness", default=PhoneticShape.sharpness, show_default=True, help="Factor on the scores of phones.")
@click.option("--numbers", default=PhoneticShape.numbers, show_default=True, help="How many numbers pass.")
@click.option("--crowd-licence", default="", help="What the card says about the recordings of --crowd.")
@click.option("--threads", default=1, show_default=True, help="CPU threads.")
@click.option("--seed", default=1, show_default=True, help="Seed of the training.")
@click.option("--bf16", is_flag=True, help="Matrix products in bfloat16, where the processor has it.")
def main(
    weights: Path | None,
    material: Path,
    out: Path | None,
    steps: int,
    context: int,
    sharpness: float,
    numbers: int,
    crowd_licence: str,
    threads: int,
    seed: int,
    bf16: bool,
) -> None:
    """Train the encoder phonetic from the weights of phone and the material they were trained on."""
    torch.set_num_threads(threads)
    source = weights or packaged_weights()
    settings = ConsistencySettings(steps=steps, seed=seed, bf16=bf16)
    begun = time.monotonic()
    try:
        card = read_card(source)
        materials = materials_of(material, card["held_out_voices"])
        target = load_phone_encoder(source)
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    phonetic, kept = make(target, materials, settings, PhoneticShape(context, sharpness, numbers))
    licences = card.get("licences", {}) | ({"crowd": crowd_licence} if crowd_licence else {})
    facts = {
        "stands_in_for": target.version,
        "bottleneck_kept": round(kept, 3),
        "material_minutes": {name.split("-")[0]: round(corpus.seconds(m) / 60, 1) for name, m in materials.items()},
        "licences": licences,
        "held_out_voices": card["held_out_voices"],
        "training": asdict(settings),
        "training_minutes": round((time.monotonic() - begun) / 60, 1),
    }
    where = export(phonetic, out or source.parent, facts)
    click.echo(f"wrote {where}: {kept:.1%} of the bottleneck's power is kept")


if __name__ == "__main__":
    main()
