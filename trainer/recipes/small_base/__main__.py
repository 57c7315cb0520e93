"""`python -m trainer.recipes.small_base --out DIR`: speak, freeze, train with the product's own trainer, export.

The folder is a library like any other; running the command again goes on from what is there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import save_file

from catalog import sets
from catalog.errors import CuratorError
from catalog.jobs import Job, JobReport, run_job
from catalog.library import Library
from trainer.config import PRESETS, TrainRequest
from trainer.device import choose_device
from trainer.loop import train
from trainer.recipes.small_base.voices import made_voices, real_voices, write_voice
from trainer.run import ready
from trainer.team import ALONE

SET, NAME = "voices", "small"


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to work in.")
@click.option(
    "--real",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of recordings with a table speech.csv (path, speaker).",
)
@click.option("--real-licence", default="", help="What the card says about the recordings of --real.")
@click.option("--sentences", default=12, show_default=True, help="Sentences each made voice says.")
@click.option("--steps", default=3000, show_default=True, help="Steps of training.")
@click.option("--lr-final", default=0.05, show_default=True, help="Share of the learning rate left at the end.")
@click.option("--threads", default=1, show_default=True, help="CPU threads.")
@click.option("--seed", default=1, show_default=True, help="Seed of material and training.")
@click.option("--base", help="Weights to start from, such as an earlier base.")
@click.option("--run", default="base", show_default=True, help="Name of this training within the folder.")
def main(
    out: Path, real: Path | None, real_licence: str, sentences: int, steps: int, lr_final: float, threads: int,
    seed: int, base: str | None, run: str,
) -> None:  # fmt: skip
    """Train the base weights of the small preset."""
    library = Library(out)
    library.create()
    try:
        if not (library.sets / SET).exists():
            freeze(library, real, sentences, seed)
        request = TrainRequest(
            library=str(library.root),
            set_name=SET,
            model=run,
            steps=steps,
            seed=seed,
            base=base or "none",
            patience=0,
            settings={"threads": threads, "save_every": 500, "lr_final": lr_final},
        )
        state = trained(library, request, run)
    except CuratorError as error:
        raise click.ClickException(str(error)) from error
    export(state, out, request, real_licence, library)


def freeze(library: Library, real: Path | None, sentences: int, seed: int) -> None:
    """Make the voices and the set."""
    raw = library.media / "voices"
    raw.mkdir(parents=True, exist_ok=True)
    rows = [row for voice in made_voices(sentences, seed) for row in write_voice(voice, raw)]
    if real is not None:
        rows += [row for voice in real_voices(real) for row in write_voice(voice, raw)]
    info = sets.freeze(library, SET, rows)
    click.echo(f"{info.clips} clips, {info.seconds / 60:.1f} min, {len(info.speakers)} voices")


def trained(library: Library, request: TrainRequest, run: str) -> dict[str, Any]:
    """Train, going on from an earlier start, and give the newest checkpoint's content.

    Raises JobFailed when the training did not end well.
    """
    folder = library.runs / run
    job = Job.open(folder) if folder.exists() else Job.create(library.runs, "train", request.to_dict(), job_id=run)
    if job.state() != "done":
        run_job(job.path, learn)
    job.outcome()
    newest = max((folder / "checkpoints").glob("step-*.pt"))
    content: dict[str, Any] = torch.load(newest, map_location="cpu", weights_only=True)
    return content


def learn(values: dict[str, Any], report: JobReport) -> dict[str, Any]:
    """The trainer's own work, without publishing a model."""
    request = TrainRequest.from_dict(values)
    device = choose_device(request.device, request.config().threads)
    made = ready(Library(Path(request.library)), request, report, device, ALONE)
    if made is None:
        return {"outcome": "stopped"}
    report.phase("train")
    state, _ = train(made.training, report)
    encoder = {"name": made.encoder.name, "version": made.encoder.version, "dim": made.encoder.dim}
    done = state.step >= made.training.steps
    return {"outcome": "done" if done else "stopped", "step": state.step, "encoder": encoder}


def export(content: dict[str, Any], out: Path, request: TrainRequest, licence: str, library: Library) -> None:
    """Write the network in fp16 with its speakers averaged, and its card."""
    voice = content["generator"]["emb_g.weight"].mean(dim=0, keepdim=True)
    rows = int(PRESETS["small"].config.network["spk_embed_dim"])
    generator = {
        name: value.half().contiguous() for name, value in content["generator"].items() if not name.startswith("emb_g.")
    }
    generator["emb_g.weight"] = voice.expand(rows, -1).half().contiguous()
    file = out / f"{NAME}-generator.safetensors"
    save_file(generator, file)
    info = sets.load(library, SET, verify=False).info
    card = {
        "format": 1,
        "name": NAME,
        "encoder": Job.open(library.runs / request.model).outcome()["encoder"],
        "steps": content["step"],
        "seed": request.seed,
        "minutes": round(info.seconds / 60, 1),
        "voices": list(info.speakers),
        "licences": {
            "espeak": "audio made by espeak-ng (GPL-3.0 program; its output carries no licence of its own)",
            "real": licence or "none used",
        },
        "parameters": sum(value.numel() for value in generator.values()),
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()},
        "recipe": "python -m trainer.recipes.small_base",
    }
    (out / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{file}: {card['parameters'] / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
