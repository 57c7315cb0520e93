"""Jumping: every place on the screen that can have the keys gets a letter, and the letter goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from curator.tui.widgets.top_bar import Tab

LETTERS = "asdfghjklqweruiopzxcvbnmty"


@dataclass(frozen=True)
class Target:
    """A place to jump to, with its letter."""

    letter: str
    widget: Widget
    at: Offset


def targets(screen: Screen[Any]) -> list[Target]:
    """What can be jumped to on a screen: rooms, then whatever takes the keys, from the top left to the bottom right."""
    places: list[Widget] = [*screen.query(Tab), *(widget for widget in screen.focus_chain if widget.display)]
    seen = [widget for widget in places if widget.region.area and screen.region.contains_point(widget.region.offset)]
    ordered = sorted(seen, key=lambda widget: (widget.region.y, widget.region.x))
    return [Target(letter, widget, widget.region.offset) for letter, widget in zip(LETTERS, ordered, strict=False)]


class JumpScreen(ModalScreen[Widget | None]):
    """The letters, over the screen below."""

    DEFAULT_CSS = """
    JumpScreen .letter {
        position: absolute; width: 3; height: 1; background: $accent; color: $background; text-style: bold;
        text-align: center;
    }
    """

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self.targets = targets(below)

    def compose(self) -> ComposeResult:
        for target in self.targets:
            label = Static(target.letter, classes="letter")
            label.styles.offset = (target.at.x, target.at.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go where the letter is; any other key leaves."""
        event.stop()
        event.prevent_default()
        self.dismiss(next((each.widget for each in self.targets if each.letter == event.key), None))

    def on_click(self) -> None:
        """Leave."""
        self.dismiss(None)
