"""A separation network of a few hundred thousand numbers, saved as Demucs publishes its own."""

from __future__ import annotations

import json
import warnings
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "sources": ["drums", "bass", "other", "vocals"],
    "channels": 8,
    "t_layers": 1,
    "t_heads": 2,
    "segment": Fraction(1, 2),
    "samplerate": 44_100,
}


def network(**changes: Any) -> Any:
    """An HTDemucs with random weights, the same every time."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HTDemucs(**{**SETTINGS, **changes}).eval()


def package(made: Any, **changes: Any) -> dict[str, Any]:
    """What a published `.th` holds: the class and its settings as objects, half-precision weights, and more."""
    from demucs.htdemucs import HTDemucs

    state = OrderedDict((name, value.half()) for name, value in made.state_dict().items())
    whole = {"klass": HTDemucs, "args": (), "kwargs": dict(SETTINGS), "state": state}
    return {**whole, "training_args": {"folder": Path("/nowhere"), "lr": 3e-4}, **changes}


def write_th(path: Path, **changes: Any) -> Path:
    """A checkpoint as published."""
    import torch

    torch.save(package(network(), **changes), path)
    return path


def write_safetensors(path: Path, klass: str = "demucs.htdemucs.HTDemucs") -> Path:
    """The newer form: tensors, and the class and settings as JSON in the header."""
    from safetensors.torch import save_file

    segment = {"_type": "fraction", "numerator": 1, "denominator": 2}
    header = {"klass": klass, "args": "[]", "kwargs": json.dumps({**SETTINGS, "segment": segment})}
    state = {name: value.half().contiguous() for name, value in network().state_dict().items()}
    save_file(state, path, metadata=header)
    return path
