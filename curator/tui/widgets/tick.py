"""A switch of a form that says whether it is on: the framework's own tells it by colour alone.

Separate so that every form has the same.
"""

from __future__ import annotations

from textual.widgets import Checkbox

WORDS = {True: " on  ", False: " off "}


class Tick(Checkbox):
    """A box that is on or off."""

    DEFAULT_CSS = """
    Tick { width: 12; background: transparent; }
    """

    def __init__(self, value: bool = False, *, id: str | None = None) -> None:
        super().__init__("", value, id=id, compact=True)
        self.BUTTON_INNER = WORDS[value]

    def watch_value(self) -> None:
        """Say the new state."""
        self.BUTTON_INNER = WORDS[self.value]
        super().watch_value()
