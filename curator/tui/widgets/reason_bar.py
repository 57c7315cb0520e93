"""The line under the clips: what happened last, or, after a reject, the reasons one more key can give."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from curator.words import one_line

REASONS: tuple[str, ...] = (
    "noise",
    "second voice",
    "clipping",
    "music",
    "echo",
    "cut off",
    "other speaker",
    "mouth noise",
    "other",
)
SHORT: tuple[str, ...] = ("noise", "voices", "clip", "music", "echo", "cut", "speaker", "mouth", "other")


class ReasonBar(Static):
    """One line of words, or the reasons with their keys."""

    DEFAULT_CSS = """
    ReasonBar { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    ReasonBar.-asking { background: $panel; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.asking = False

    def say(self, words: str, mark: str = "", colour: str = "") -> None:
        """Say what happened."""
        self.asking = False
        self.remove_class("-asking")
        parts: list[tuple[str, str] | str] = [(f"{mark} ", colour)] if mark else []
        self.update(Content.assemble(*parts, one_line(words)), layout=False)

    def ask(self, clips: int = 1) -> None:
        """Offer the reasons for rejecting a clip or several."""
        self.asking = True
        self.add_class("-asking")
        words = REASONS if self.size.width >= 120 else SHORT
        parts: list[tuple[str, str]] = [("✗ why? " if clips == 1 else f"✗ {clips:,} why? ", "$error")]
        for number, word in enumerate(words, start=1):
            parts += [(f"{number}", "bold $accent"), (f" {word} ", "")]
        self.update(Content.assemble(*parts), layout=False)
