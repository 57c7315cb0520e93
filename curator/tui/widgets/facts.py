"""Names and values in two aligned columns; long values go on under their beginning, at whatever width there is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from curator.words import one_line

NAME_WIDTH = 12
NARROWEST = 20


class Facts(Static):
    """What is known about the thing under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._facts: Sequence[tuple[str, str]] = ()

    def show(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show these names and values."""
        self._facts = tuple(facts)
        self._draw()

    def say(self, words: Content) -> None:
        """Show words in place of facts."""
        self._facts = ()
        self.update(words)

    def on_resize(self) -> None:
        """Wrap again at the new width."""
        if self._facts:
            self._draw()

    def _draw(self) -> None:
        self.update(Content("\n").join(fact_lines(self._facts, self.size.width)))


def fact_lines(facts: Sequence[tuple[str, str]], width: int) -> list[Content]:
    """The facts as lines of at most `width` cells, as long as that is not absurdly narrow."""
    lines = []
    for name, value in facts:
        wrapped = textwrap.wrap(one_line(value), max(NARROWEST, width - NAME_WIDTH)) or [""]
        for row, part in enumerate(wrapped):
            label = f"{'' if row else name:<{NAME_WIDTH}}"
            lines.append(Content.assemble((label, "$foreground 60%"), (part, "$foreground")))
    return lines
