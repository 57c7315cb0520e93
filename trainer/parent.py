"""The model that a run goes on from: which one is meant, and what there is of it besides its published weights.

Separate from base weights, which come from outside, and free of torch, so that the command line and the app can say
what a run will start from before anything heavy is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catalog import registry, sets
from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import SetInfo
from infer.source_filter_config import KIND
from trainer.config import TrainRequest

AUTO, LAST, PRESET = "auto", "last", "preset"


@dataclass(frozen=True)
class Parent:
    """A model of the registry as the beginning of a run."""

    name: str
    id: str
    weights: Path
    checkpoint: Path | None
    """The newest whole state of the run that made it, where it is still there: it holds what is not published."""

    @staticmethod
    def of(library: Library, name: str) -> Parent:
        """The model of this name, every file verified; raises BadRequest or BadModel."""
        entry = registry.load(library, name)
        run = str((entry.card.get("run") or {}).get("id") or "none")
        kept = library.runs / run / "checkpoints"
        newest = max(kept.glob("best-*.pt"), default=max(kept.glob("step-*.pt"), default=None))
        return Parent(name, str(entry.card["id"]), entry.weights, newest)


def resolved(library: Library, request: TrainRequest, asked: str) -> TrainRequest:
    """The request with `base` as asked for: a model's name in the place of `last`, so that the request says it.

    `auto` is the last model of the voice if it was made from another set, else the preset's own base; `preset` is that
    base in any case. Raises BadRequest for `last` where there is none, or for an unknown set.
    """
    if asked in (AUTO, LAST):
        info = sets.load(library, request.set_name, verify=False).info
        card = last_model(library, request, info)
        if card is None and asked == LAST:
            raise BadRequest(
                f"There is no earlier model of {' and '.join(info.speakers)} with the preset {request.preset} and the "
                f"encoder {request.encoder} to go on from: leave --base away"
            )
        if card is None or (asked == AUTO and (card.get("set") or {}).get("id") == info.id):
            return replace(request, base=None)
        return replace(request, base=str(card["name"]))
    return replace(request, base=None if asked == PRESET else asked)


def last_model(library: Library, request: TrainRequest, info: SetInfo) -> dict[str, Any] | None:
    """The card of the newest model of the same voices, with the same network and encoder; None when there is none."""
    fitting = [card for card in registry.list_models(library) if _fits(card, request, info)]
    return max(fitting, key=lambda card: (str(card["created_at"]), str(card["name"])), default=None)


def _fits(card: Mapping[str, Any], request: TrainRequest, info: SetInfo) -> bool:
    if "error" in card or not card.get("run") or sorted(card.get("speakers") or ()) != sorted(info.speakers):
        return False
    config = request.config()
    network = "rvc" if config.method == "published" else KIND
    sizes = {**config.network, "sample_rate": config.sample_rate}
    own = card.get("config") or {}
    same = all(name == "spk_embed_dim" or _plain(own.get(name)) == _plain(value) for name, value in sizes.items())
    return bool(same and card.get("network") == network and card["encoder"]["name"] == request.encoder)


def _plain(value: Any) -> Any:
    """Tuples as JSON holds them."""
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
