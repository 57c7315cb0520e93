"""All bindings that a person can give other keys, from every screen and widget that has some.

Separate because it imports all of them, which only the settings and a person's own keys need.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.binding import Binding

from curator.tui.rooms import room_classes
from curator.tui.screens.help import HelpScreen
from curator.tui.screens.jobs import JobsScreen
from curator.tui.screens.learned import LearnedScreen
from curator.tui.screens.pick import Pick
from curator.tui.screens.settings import SettingsScreen
from curator.tui.screens.takes import TakesScreen
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import FilterLine
from curator.tui.widgets.listing import Listing

OURS = "curator.tui."


def named_bindings(app: type[App[Any]]) -> dict[str, Binding]:
    """The bindings of an app, its rooms and what is in them, by name, in the order of the rooms.

    A room has those of the rooms that it is made of as well.
    """
    places: list[Any] = [app, *room_classes(), ClipTable, Listing, FilterLine]
    places += [LearnedScreen, TakesScreen, Pick, JobsScreen, SettingsScreen, HelpScreen]
    found: dict[str, Binding] = {}
    for place in places:
        for part in place.__mro__:
            for binding in part.__dict__.get("BINDINGS", ()):
                # the framework's own have other names, or none
                if isinstance(binding, Binding) and binding.id and part.__module__.startswith(OURS):
                    found.setdefault(binding.id, binding)
    return found
