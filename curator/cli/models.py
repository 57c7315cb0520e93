"""`curator models`: the registry that trainer and converter share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.output import DONE, emit, json_option, pass_library, progress_bar, table


@click.group()
def models() -> None:
    """List, show, import, export, remove and pull models."""


@models.command("list")
@json_option
@pass_library
def list_models(library: Library, as_json: bool) -> int:
    """List the models."""
    from catalog import registry

    cards = registry.list_models(library)
    if as_json:
        emit(cards)
        return DONE
    rows = [row(card) for card in cards]
    columns = {
        "name": "NAME",
        "rate": "RATE",
        "encoder": "ENCODER",
        "set": "SET",
        "steps": "STEPS",
        "created_at": "CREATED",
    }
    table(rows, columns, empty="No models yet: curator train SET --name MODEL")
    return DONE


def row(card: dict[str, Any]) -> dict[str, Any]:
    """A card as one row; a damaged model shows what is wrong with it."""
    if "error" in card:
        return {"name": card["name"], "encoder": card["error"]}
    return {
        "name": card["name"],
        "rate": card["sample_rate"],
        "encoder": card["encoder"]["name"],
        "set": (card.get("set") or {}).get("name"),
        "steps": (card.get("run") or {}).get("steps"),
        "created_at": card["created_at"],
    }


@models.command("show")
@click.argument("name")
@json_option
@pass_library
def show(library: Library, name: str, as_json: bool) -> int:
    """Show a model's card and check its files against their hashes."""
    from catalog import registry
    from curator.cli.runs import STRANGE

    card = registry.load(library, name).card
    if as_json:
        emit(card)
        return DONE
    strange = card.pop("look_again", [])
    for key, value in card.items():
        if isinstance(value, dict):
            click.echo(f"{key}:")
            for inner, detail in value.items():
                told = f"{len(detail)} saves: curator runs show {card['run']['id']}" if inner == "curve" else detail
                click.echo(f"  {inner}: {told}")
        else:
            click.echo(f"{key}: {value}")
    if strange:
        click.echo("look_again:")
        table(strange, STRANGE, empty="")
    return DONE


@models.command("remove")
@click.argument("name")
@json_option
@pass_library
def remove(library: Library, name: str, as_json: bool) -> int:
    """Remove a model from the registry."""
    from catalog import registry

    registry.remove(library, name)
    if as_json:
        emit({"removed": name})
    else:
        click.echo(f"Removed {name}")
    return DONE


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--index",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Its retrieval index (.index; feature_and_index.pkl of so-vits-svc 4.1).",
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="The config.json of a so-vits-svc voice."
)
@click.option(
    "--clusters", type=click.Path(path_type=Path), metavar="FILE", help="The kmeans_*.pt of a so-vits-svc voice."
)
@click.option(
    "--diffusion",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The diffusion model of a so-vits-svc 4.1 voice.",
)
@click.option(
    "--diffusion-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The .yaml of its diffusion model (the one beside it by default).",
)
@click.option("--name", metavar="NAME", help="What to call it (the file's name by default).")
@json_option
@pass_library
def import_model(
    library: Library,
    file: Path,
    index: Path | None,
    config: Path | None,
    clusters: Path | None,
    diffusion: Path | None,
    diffusion_config: Path | None,
    name: str | None,
    as_json: bool,
) -> int:
    """Import an RVC voice, or with --config a so-vits-svc 4 one. Nothing in the file is executed."""
    from infer.exchange import import_rvc
    from infer.sovits_exchange import import_sovits

    if config is None and clusters is not None:
        raise BadRequest("--clusters belongs to a so-vits-svc voice: give its --config as well")
    if config is None and (diffusion is not None or diffusion_config is not None):
        raise BadRequest("--diffusion belongs to a so-vits-svc voice: give its --config as well")
    if diffusion is None and diffusion_config is not None:
        raise BadRequest("--diffusion-config belongs to a diffusion model: give it with --diffusion")
    library.create()
    if config is None:
        card = import_rvc(library, file, index=index, name=name or file.stem)
    else:
        card = import_sovits(
            library, file, config, name=name or file.stem, clusters=clusters, index=index,
            diffusion=diffusion, diffusion_config=diffusion_config,
        )  # fmt: skip
    if as_json:
        emit(card)
    else:
        click.echo(f"Imported {card['name']}: {card['version']}, {card['sample_rate']} Hz")
    return DONE


@models.command("export")
@click.argument("name")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["rvc"]),
    default="rvc",
    show_default=True,
    help="The layout to write.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("."), metavar="DIR", help="Where to write.")
@json_option
@pass_library
def export_model(library: Library, name: str, layout: str, out: Path, as_json: bool) -> int:
    """Write a model for RVC and the real-time clients. They load its .pth and .index."""
    from infer.exchange import export_rvc

    written = export_rvc(library, name, out)
    if as_json:
        emit({"format": layout, "files": [str(path) for path in written]})
    else:
        for path in written:
            click.echo(path)
    return DONE


@models.command("pull")
@click.argument("name", required=False)
@json_option
@pass_library
def pull(library: Library, name: str | None, as_json: bool) -> int:
    """Fetch published base weights by name. They are pinned by their SHA-256; without NAME, list them."""
    from infer.pull import pull as fetch

    if name is None:
        return _list_published(library, as_json)
    library.create()
    with progress_bar(f"Pulling {name}") as update:
        path = fetch(
            name,
            library.weights,
            progress=lambda done, total: update(
                {"type": "progress", "done": done / 1e6, "total": total / 1e6, "unit": "MB"}
            ),
        )
    if as_json:
        emit({"name": name, "path": str(path)})
    else:
        click.echo(path)
    return DONE


def _list_published(library: Library, as_json: bool) -> int:
    """Say what can be pulled, and what of it is here."""
    from infer.pull import place, published

    rows = [
        {"name": each.name, "here": place(each.name, library.weights).is_file(), "what": each.what}
        for each in published().values()
    ]
    if as_json:
        emit(rows)
    else:
        table(rows, {"name": "NAME", "here": "HERE", "what": "WHAT"}, empty="")
    return DONE
