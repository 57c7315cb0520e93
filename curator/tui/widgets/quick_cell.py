"""Drawing one cell of a table that is a single line of text, at a twentieth of the frameworks' general way's cost.

Separate because both tables here draw such cells only: no wrapping, no nested renderables, a width that is given.
"""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text


def line_of(console: Console, cell: Text, width: int, padding: int, style: Style, over: Style) -> list[Segment]:
    """A text aligned in `width` cells, `padding` of them on either side, in `style` with `over` on top of its own."""
    inner = max(0, width - 2 * padding)
    if cell.cell_len != inner:
        cell = cell.copy()
        cell.align("right" if cell.justify == "right" else "left", inner)
    pad = [Segment(" " * padding, style + over)] if padding else []
    body = Segment.apply_style(cell.render(console, end=""), style, over)
    return [*pad, *body, *pad]
