"""One line of a form: what is asked, where the answer goes, and one line on what it means."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.suggester import Suggester
from textual.widget import Widget

_LABEL, _GAP = 13, 2
"""Cells of the label, and between a control and its meaning."""


class Field(Horizontal):
    """A label, a control and its meaning.

    Label and meaning are written by the line itself, under the control: as widgets of their own they would make a form
    of many lines slow to open.
    """

    DEFAULT_CSS = """
    Field {
        height: 1; margin-bottom: 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis;
        & > * { margin-left: 13; }
        & > Input, & > Select { width: 34; }
        &.-long > Input, &.-long > Select { width: 1fr; }
        &.-short > Input, &.-short > Select { width: 12; }
    }
    """

    def __init__(self, label: str, control: Widget, hint: str = "", *, size: str = "") -> None:
        super().__init__(classes=f"-{size}" if size else "")
        self.label = label
        self.control = control
        self.hint = hint

    def compose(self) -> ComposeResult:
        yield self.control

    def render(self) -> Content:
        """The label before the control and the meaning behind it, cut where the line ends."""
        label = self.label[:_LABEL].ljust(_LABEL + self.control.outer_size.width + _GAP)
        return Content.assemble((label, "$accent" if self.has_class("-focused") else ""), self.hint)

    def on_descendant_focus(self) -> None:
        """Light the label up."""
        self.add_class("-focused")

    def on_descendant_blur(self) -> None:
        """Let the label go back."""
        self.remove_class("-focused")


class PathSuggester(Suggester):
    """Completes the name of a file or folder as it is typed; the right arrow takes the suggestion."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first name in the folder that goes on as `value` does."""
        return await asyncio.to_thread(complete, value)


def complete(value: str) -> str | None:
    """The path that `value` begins, from what is on disk; None when nothing fits or it cannot be read."""
    if not value or value.endswith(("~",)):
        return None
    typed = Path(value).expanduser()
    folder, start = (typed, "") if value.endswith(("/", os.sep)) else (typed.parent, typed.name)
    try:
        names = sorted(
            entry.name + ("/" if entry.is_dir() else "")
            for entry in os.scandir(folder)
            if entry.name.startswith(start) and not (entry.name.startswith(".") and not start)
        )
    except OSError:
        return None
    if not names or not names[0].isprintable():
        return None
    return value[: len(value) - len(start)] + names[0]


def typed_path(text: str) -> Path:
    """The path that a person typed, pasted or dropped on the terminal: quotes, file:// and a leading ~ understood."""
    from urllib.parse import unquote, urlparse

    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    if text.startswith("file://"):
        text = unquote(urlparse(text).path)
    path = Path(text).expanduser()
    if not path.exists() and "\\" in text and os.sep == "/":
        unescaped = Path(
            text.replace("\\ ", " ").replace("\\(", "(").replace("\\)", ")").replace("\\'", "'")
        ).expanduser()
        if unescaped.exists():
            return unescaped
    return path
