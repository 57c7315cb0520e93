"""A switch of a form whose sign tells its state: the framework's own tells it by colour alone.

Separate so that every form has the same.
"""

from __future__ import annotations

from textual.widgets import Checkbox

SIGNS = {True: "✓", False: " "}


class Tick(Checkbox):
    """A box that is ticked or empty."""

    DEFAULT_CSS = """
    Tick { width: 12; background: transparent; }
    """

    def __init__(self, value: bool = False, *, id: str | None = None) -> None:
        super().__init__("", value, id=id, compact=True)
        self.BUTTON_INNER = SIGNS[value]

    def watch_value(self) -> None:
        """Show the sign of the new state."""
        self.BUTTON_INNER = SIGNS[self.value]
        super().watch_value()
