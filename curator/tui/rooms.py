"""Where each room's screen is, looked up by name and imported when the room is first entered.

Separate so that the first screen does not wait for the code of the other five.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from textual.screen import Screen

PLACES: dict[str, str] = {
    "library": "curator.tui.screens.library:LibraryScreen",
    "review": "curator.tui.screens.review:ReviewScreen",
    "sets": "curator.tui.screens.sets:SetsScreen",
    "training": "curator.tui.screens.training:TrainingScreen",
    "models": "curator.tui.screens.models:ModelsScreen",
    "convert": "curator.tui.screens.convert:ConvertScreen",
}


def room_class(name: str) -> type[Screen[Any]]:
    """The screen of a room."""
    module, attribute = PLACES[name].split(":")
    found: type[Screen[Any]] = getattr(importlib.import_module(module), attribute)
    return found


def room_classes() -> list[type[Screen[Any]]]:
    """The screens of all rooms."""
    return [room_class(name) for name in PLACES]


def _enter(name: str) -> Screen[Any]:
    return room_class(name)()


MODES: dict[str, Callable[[], Screen[Any]]] = {name: partial(_enter, name) for name in PLACES}
"""For each room what makes its screen, as the framework's modes want it."""
