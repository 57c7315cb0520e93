"""All bindings that a person can give other keys, from every screen and widget that has some.

Separate because it imports all of them, which only the settings and a person's own keys need.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.binding import Binding

from curator.tui.rooms import room_classes
from curator.tui.screens.jobs import JobsScreen
from curator.tui.screens.learned import LearnedScreen
from curator.tui.screens.settings import SettingsScreen
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import FilterLine
from curator.tui.widgets.listing import Listing


def named_bindings(app: type[App[Any]]) -> dict[str, Binding]:
    """The bindings of an app, its rooms and what is in them, by name, in the order of the rooms."""
    places: list[Any] = [
        app,
        *room_classes(),
        ClipTable,
        Listing,
        FilterLine,
        LearnedScreen,
        JobsScreen,
        SettingsScreen,
    ]
    found: dict[str, Binding] = {}
    for place in places:
        for binding in place.BINDINGS:
            if isinstance(binding, Binding) and binding.id:
                found.setdefault(binding.id, binding)
    return found
