"""The first line of every screen: the rooms with their number keys, and which library this is."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from curator.words import one_line

ROOMS: tuple[tuple[str, str], ...] = (
    ("library", "Library"),
    ("review", "Review"),
    ("sets", "Sets"),
    ("training", "Training"),
    ("models", "Models"),
    ("convert", "Convert"),
)


class Tab(Static):
    """One room's name; a click goes there."""

    class Chosen(Message):
        """A room was clicked."""

        def __init__(self, room: str) -> None:
            super().__init__()
            self.room = room

    def __init__(self, number: int, room: str, label: str, here: bool) -> None:
        key_colour = "$foreground" if here else "$accent"
        super().__init__(Content.assemble((f"{number} ", key_colour), label), classes="-here" if here else "")
        self.room = room

    def on_click(self, event: events.Click) -> None:
        """Ask to go there."""
        event.stop()
        self.post_message(self.Chosen(self.room))


class TopBar(Horizontal):
    """Rooms on the left, the library's name on the right."""

    DEFAULT_CSS = """
    TopBar {
        height: 1; background: $surface;
        & Tab { width: auto; padding: 0 1; color: $text-muted; }
        & Tab:hover { background: $panel; color: $foreground; }
        & Tab.-here { background: $secondary; color: $foreground; text-style: bold; }
        & #library-name { width: 1fr; text-align: right; padding: 0 1; color: $text-muted; }
        & #library-name { text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, here: str, library_name: str) -> None:
        super().__init__()
        self.here = here
        self.library_name = library_name

    def compose(self) -> ComposeResult:
        for number, (room, label) in enumerate(ROOMS, start=1):
            yield Tab(number, room, label, room == self.here)
        yield Static(Content(one_line(self.library_name)), id="library-name")
