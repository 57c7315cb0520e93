"""`python -m trainer.recipes.phone_encoder --out DIR`: makes the material, trains the encoder, writes weights and card.

Every step is kept in the folder: running the command again goes on from the material that is there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import torch

from catalog.errors import CuratorError
from infer.phone_encoder import PhoneEncoder
from trainer.recipes.phone_encoder import corpus
from trainer.recipes.phone_encoder.train import Settings, export, train

LICENCES = {
    "espeak": "audio made by espeak-ng (GPL-3.0 program; its output carries no licence of its own)",
    "flite": "audio made by flite, voices {voices} (CMU, BSD-like)",
    "real": "recordings given with --real; the licence is the giver's to state",
}
CROWD = "crowd"
"""The material that only the encoder phonetic is trained on."""


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the result.")
@click.option(
    "--real",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of recordings with a table speech.csv (path, text, speaker).",
)
@click.option(
    "--crowd",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder like that of --real, many people with a recording each: material of the encoder phonetic.",
)
@click.option("--real-licence", default="", help="What the card says about the recordings of --real.")
@click.option("--minutes", default=50.0, show_default=True, help="Wall-clock minutes of training.")
@click.option("--steps", type=int, help="Steps of training, instead of minutes.")
@click.option("--batch", default=Settings.batch, show_default=True, help="Crops of 3.2 s in one step.")
@click.option("--scale", default=1.0, show_default=True, help="How much the synthesizers say, times the usual.")
@click.option("--threads", default=1, show_default=True, help="CPU threads.")
@click.option("--seed", default=1, show_default=True, help="Seed of the material and the training.")
@click.option(
    "--hold-out",
    default=",".join(corpus.HELD_OUT_VOICES),
    show_default=True,
    help="flite voices that training does not hear, with commas.",
)
@click.option("--bf16", is_flag=True, help="Matrix products in bfloat16, where the processor has it.")
@click.option("--teach/--no-teach", default=True, show_default=True, help="Soft labels by pocketsphinx.")
def main(
    out: Path,
    real: Path | None,
    crowd: Path | None,
    real_licence: str,
    minutes: float,
    steps: int | None,
    batch: int,
    scale: float,
    threads: int,
    seed: int,
    hold_out: str,
    bf16: bool,
    teach: bool,
) -> None:
    """Train the embedded content encoder from nothing but synthesizers and, if given, recordings.

    Then measure it on the voices held out, in turn --hold-out awb,rms and --hold-out slt,kal16:

    python -m trainer.recipes.phone_encoder.evaluate --weights DIR/phone_encoder.safetensors

    The encoder phonetic is made from these weights and the same material:

    python -m trainer.recipes.phone_encoder.phonetic --weights DIR/phone_encoder.safetensors --material DIR/material
    """
    torch.set_num_threads(threads)
    held_out = [voice for voice in hold_out.split(",") if voice]
    try:
        voices = corpus.training_voices(held_out)
        people = {name: folder for name, folder in (("real", real), (CROWD, crowd)) if folder}
        materials = make_materials(out / "material", people, scale, seed, voices, teach=teach)
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    materials.pop(CROWD, None)
    settings = Settings(minutes=minutes, steps=steps, batch=batch, seed=seed, bf16=bf16)
    licences = {name: LICENCES.get(name, "").format(voices=", ".join(voices)) for name in materials}
    if real_licence:
        licences["real"] = real_licence
    begun = time.monotonic()

    def keep(encoder: PhoneEncoder, step: int) -> None:
        spent = (time.monotonic() - begun) / 60
        where = export(encoder, out, facts(materials, settings, licences, held_out, step, spent))
        click.echo(f"wrote {where} after {step} steps")

    train(materials, settings, keep, note=click.echo)


def make_materials(
    folder: Path, people: dict[str, Path], scale: float, seed: int, voices: list[str], *, teach: bool
) -> dict[str, corpus.Material]:
    """The materials in `folder`, made where they are missing; says how much of each there is."""
    usual = corpus.Amount()
    amount = corpus.Amount(
        espeak_per_variant=max(1, round(usual.espeak_per_variant * scale)),
        espeak_foreign=round(usual.espeak_foreign * scale),
        flite_per_voice=max(1, round(usual.flite_per_voice * scale)),
    )
    found = {}
    for name, make in corpus.sources(amount, people, seed, voices, teach=teach).items():
        # Other voices are other material: what was made without one must not be taken for what holds it.
        place = folder / ("-".join([name, *voices]) if name == "flite" else name)
        if not (place / "labels.npy").exists():
            click.echo(f"making {name}")
            corpus.save(make(), place)
        found[name] = corpus.load(place)
        click.echo(
            f"{name}: {corpus.seconds(found[name]) / 60:.1f} min, {corpus.labelled_share(found[name]):.0%} labelled"
        )
    return found


def facts(
    materials: dict[str, corpus.Material],
    settings: Settings,
    licences: dict[str, str],
    held_out: list[str],
    step: int,
    minutes: float,
) -> dict[str, Any]:
    """What the card says about how the weights came to be."""
    return {
        "material_minutes": {name: round(corpus.seconds(m) / 60, 1) for name, m in materials.items()},
        "licences": licences,
        "held_out_voices": held_out,
        "seed": settings.seed,
        "steps": step,
        "batch": settings.batch,
        "matrix_products": "bf16" if settings.bf16 else "fp32",
        "training_minutes": round(minutes, 1),
        "recipe": "python -m trainer.recipes.phone_encoder",
    }


if __name__ == "__main__":
    main()
