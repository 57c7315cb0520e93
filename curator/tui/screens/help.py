"""Every key that works where the help was asked for, written from the bindings themselves, so that it cannot drift."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from curator.words import spelled

KEY_WIDTH = 20
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
