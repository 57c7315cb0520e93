"""Reading torch files that hold objects beside their tensors, without importing or running anything they name.

torch's own safe loader refuses such files as a whole. Here every name in the pickle that does not build a tensor or
a plain container becomes an inert stand-in, so the tensors can be taken out and the rest falls away. The module has
the shape that `torch.load` expects of its `pickle_module`.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

from catalog.errors import BadModel

_TENSOR_BUILDERS = {
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "Size"),
}


class Inert:
    """Stands for an object of a class that is not loaded: takes anything, does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> Inert:
        return self

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def append(self, _: object) -> None:
        """List-like objects in a pickle are filled through this."""

    def extend(self, _: object) -> None:
        """As `append`, for several at once."""

    def __hash__(self) -> int:
        return id(self)


class Unpickler(pickle.Unpickler):
    """A pickle reader that can build tensors and plain containers and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The builder a pickle asks for, or the inert stand-in."""
        if (module, name) in _TENSOR_BUILDERS:
            import torch
            import torch._utils

            return torch.Size if name == "Size" else getattr(torch._utils, name)
        if module == "torch" and name.endswith("Storage") and name[:-7].isalpha():
            import torch

            kind = getattr(torch, name, None)
            return kind if isinstance(kind, type) else Inert
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        return Inert


def load(file: BinaryIO, **options: Any) -> Any:
    """One object from a pickle stream, as `pickle.load` but inert."""
    return Unpickler(file, **options).load()


def read_tensors(path: Path, key: str) -> dict[str, Any]:
    """The tensors under `key` of a torch file, by name; raises BadModel when there are none or the file is damaged."""
    import sys

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=False, pickle_module=sys.modules[__name__])
    except Exception as error:  # a damaged pickle can raise anything, and all of it means the same to the reader
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(f"{path.name} is damaged or cut off ({line[:120]})") from error
    held = content.get(key) if isinstance(content, dict) else None
    tensors = {name: value for name, value in dict(held or {}).items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise BadModel(f"{path.name} holds no weights under {key!r}")
    return tensors
