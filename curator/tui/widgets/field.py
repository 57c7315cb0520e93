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
from textual.widgets import Static


class Field(Horizontal):
    """A label, a control and its meaning."""

    DEFAULT_CSS = """
    Field {
        height: 1; margin-bottom: 1;
        & > .field--label { width: 13; color: $text-muted; }
        & > .field--hint { width: 1fr; padding-left: 2; color: $text-muted; }
        & > .field--hint { text-wrap: nowrap; text-overflow: ellipsis; }
        & > Input, & > Select { width: 34; }
        &.-long > Input, &.-long > Select { width: 1fr; }
        &.-short > Input, &.-short > Select { width: 12; }
        &.-focused > .field--label { color: $accent; }
    }
    """

    def __init__(self, label: str, control: Widget, hint: str = "", *, size: str = "") -> None:
        super().__init__(classes=f"-{size}" if size else "")
        self.label = label
        self.control = control
        self.hint = hint

    def compose(self) -> ComposeResult:
        yield Static(Content(self.label), classes="field--label")
        yield self.control
        if self.hint:
            yield Static(Content(self.hint), classes="field--hint")

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
