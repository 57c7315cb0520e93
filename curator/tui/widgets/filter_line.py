"""The line in which a filter is typed: the same expressions as `--where`, with the names completed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from catalog.records import SCORE_NAMES

NAMES: tuple[str, ...] = (
    "verdict = 'undecided'",
    "verdict = 'accepted'",
    "verdict = 'rejected'",
    "suggestion = 'accept'",
    "suggestion = 'reject'",
    "speaker",
    "path",
    "recording",
    "duration_s",
    "start_s",
    "end_s",
    "sample_rate",
    "short",
    *SCORE_NAMES,
)
_LAST_WORD = re.compile(r"[a-z_][a-z0-9_]*$")


class NameSuggester(Suggester):
    """Completes the field name that is being typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=True, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed; a word inside quotes is left alone."""
        word = _LAST_WORD.search(value)
        if word is None or value[: word.start()].count("'") % 2:
            return None
        match = next((name for name in NAMES if name.startswith(word[0]) and name != word[0]), None)
        return value[: word.start()] + match if match else None


class FilterLine(Input):
    """Opened by a key, applied as it is typed, closed by enter (kept) or escape (taken away)."""

    DEFAULT_CSS = """
    FilterLine { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    FilterLine:focus { border: none; }
    FilterLine.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "No filter", show=True, id="filter.clear"),
    ]

    @dataclass
    class Closed(Message):
        """The person is done with the line; `text` is what should hold now."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            placeholder="snr_db > 25 and overlap_ratio < 0.1      (→ completes a name, enter keeps, esc clears)",
            suggester=NameSuggester(),
            compact=True,
            id=id,
        )

    def open(self, text: str) -> None:
        """Show the line with this text in it."""
        self.add_class("-open")
        self.value = text
        self.cursor_position = len(text)
        self.focus()

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("-open")

    def action_give_up(self) -> None:
        """No filter."""
        self.value = ""
        self.close()
        self.post_message(self.Closed(""))

    async def action_submit(self) -> None:
        """Keep what was typed."""
        self.close()
        self.post_message(self.Closed(self.value.strip()))
