"""numpy and pyarrow, loaded when something of them is first used.

Separate because the first screen is drawn from modules that work with both and yet needs neither, and loading them
takes long (`benchmarks/review.py` times the way to that screen). Modules on the way to it take them from here instead
of importing them; whatever else works with arrays imports them as usual.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["np", "pa"]


class Late(ModuleType):
    """A module that is imported when the first of its attributes is asked for; each is looked up once."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, found)
        return found


if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
else:
    np, pa = Late("numpy"), Late("pyarrow")
