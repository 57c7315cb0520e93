"""Every key that works where the help was asked for, written from the bindings themselves, so that it cannot drift."""

from __future__ import annotations

import contextlib
import unicodedata
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

KEY_WIDTH = 20
SPELLED = {
    "slash": "/",
    "space": "space",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "plus": "+",
    "minus": "-",
}
HEADINGS = {"ClipTable": "Clips", "Listing": "List", "CuratorApp": "Everywhere"}


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="help.close"),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self.below = below

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as frame:
            frame.border_title = "Keys"
            frame.border_subtitle = "esc closes"
            yield Static(Content("\n").join(help_lines(self.below)))

    def action_scroll(self, lines: int) -> None:
        """Move through the keys."""
        self.query_one(VerticalScroll).scroll_relative(y=lines * 3, animate=False)


def help_lines(screen: Screen[Any]) -> list[Content]:
    """The active bindings of a screen as text, grouped by where they work; the screen's own come first."""
    groups: dict[str, dict[str, tuple[list[str], str]]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.system or not binding.description or not (binding.id or binding.show):
            continue
        heading = heading_of(active.node, screen)
        keys, _ = groups.setdefault(heading, {}).setdefault(binding.action, ([], ""))
        keys.append(spelled(key))
        groups[heading][binding.action] = (keys, (binding.tooltip or binding.description).rstrip("."))
    own = heading_of(screen, screen)
    order = sorted(groups, key=lambda heading: (heading != own, heading == "Everywhere"))
    lines: list[Content] = []
    for heading in order:
        if lines:
            lines.append(Content(""))
        lines.append(Content.styled(heading, "bold $accent"))
        for keys, meaning in groups[heading].values():
            lines.append(
                Content.assemble((f"  {'  '.join(keys):<{KEY_WIDTH}}", "$foreground"), (meaning, "$foreground 60%"))
            )
    return lines


def heading_of(node: DOMNode, screen: Screen[Any]) -> str:
    """What a group of keys is called."""
    if isinstance(node, App):
        return "Everywhere"
    if node is screen:
        return str(getattr(screen, "ROOM", "") or "here").capitalize()
    name = type(node).__name__
    return HEADINGS.get(name, name)


def spelled(key: str) -> str:
    """A key as it is printed on the keyboard."""
    if key in SPELLED:
        return SPELLED[key]
    for name in (key.replace("_", " "), key.replace("_", "-", 1).replace("_", " ")):
        with contextlib.suppress(KeyError):
            character = unicodedata.lookup(name)
            return character if character.isprintable() and not character.isspace() else key
    return key.replace("ctrl+", "^")


def all_bindings(app: App[Any]) -> dict[str, Binding]:
    """All bindings that a person can give other keys, by name, in the order of the rooms."""
    from curator.tui.rooms import room_classes
    from curator.tui.screens.jobs import JobsScreen
    from curator.tui.screens.learned import LearnedScreen
    from curator.tui.screens.settings import SettingsScreen
    from curator.tui.widgets.clip_table import ClipTable
    from curator.tui.widgets.filter_line import FilterLine
    from curator.tui.widgets.listing import Listing

    places: list[Any] = [type(app), *room_classes(), ClipTable, Listing, FilterLine]
    found: dict[str, Binding] = {}
    for place in (*places, LearnedScreen, JobsScreen, SettingsScreen):
        for binding in place.BINDINGS:
            if isinstance(binding, Binding) and binding.id:
                found.setdefault(binding.id, binding)
    return found


def binding_ids(app: App[Any]) -> set[str]:
    """The names of all bindings that a person can give other keys."""
    return set(all_bindings(app))
