"""A question that is answered with one line of text, such as a note or some tags."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input


class OneLine(ModalScreen[str | None]):
    """One line of text; `suggest` gives words, asked for in a thread, with which the last one typed is completed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close")]

    def __init__(
        self, title: str, text: str = "", hint: str = "", *, suggest: Callable[[], Sequence[str]] | None = None
    ) -> None:
        super().__init__()
        self.heading, self.text, self.hint = title, text, hint
        self.suggest = suggest

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = self.heading
            frame.border_subtitle = "enter takes it, esc leaves it"
            yield Input(self.text, placeholder=self.hint, compact=True, suggester=LastWord(self.suggest))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)


class LastWord(Suggester):
    """Completes the last word of a line from a list of words that is read when it is first needed."""

    def __init__(self, words: Callable[[], Sequence[str]] | None) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._read = words
        self._words: Sequence[str] = ()

    async def get_suggestion(self, value: str) -> str | None:
        """The line with its last word completed."""
        if self._read is not None:
            read, self._read = self._read, None
            self._words = await asyncio.to_thread(read)
        word = value.split(" ")[-1]
        match = next((each for each in self._words if word and each.startswith(word) and each != word), None)
        return value[: len(value) - len(word)] + match if match else None
