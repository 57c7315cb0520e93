"""The line in which a filter is typed: the same expressions as `--where`, with names and values completed in a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from catalog.filters import NAMES
from catalog.records import SCORES
from curator.words import one_line

MOST = 8
NAME_WIDTH = 22
MEANINGS: dict[str, str] = {
    "verdict": "'accepted', 'rejected' or 'undecided'",
    "suggestion": "'accept' or 'reject', by the limits",
    "speaker": "whose voice it is",
    "path": "of the recording; e.g. contains(path, 'take')",
    "recording": "id of the recording",
    "duration_s": "length of the clip (s)",
    "start_s": "where in the recording it begins (s)",
    "end_s": "where in the recording it ends (s)",
    "short": "too little speech for a whole clip",
    "reasons": "why it was decided so; list_contains(reasons, 'noise')",
    "tags": "e.g. list_contains(tags, 'whisper')",
    "note": "what you wrote about it",
    "accept_probability": "how likely you would accept it, learned (0-1)",
    "doubt": "how unsure that is: 1 even odds, 0 sure",
    "blame": "how strange it was to a training, in usual spreads",
    "blame_reason": "what a training says against it; null once looked at",
    "duplicate_group": "first of the clips that repeat each other",
    "suggestion_reasons": "what the limits say against it",
    "sample_rate": "of the recording (Hz)",
    **{score.name: f"{score.meaning} ({score.unit})" for score in SCORES},
    "and": "both hold",
    "or": "one of them holds",
    "not": "the opposite",
    "is null": "was not computed",
}
VALUES: dict[str, tuple[str, ...]] = {
    "verdict": ("undecided", "accepted", "rejected"),
    "suggestion": ("accept", "reject"),
}
_FIRST = tuple(MEANINGS)
_ORDER = (*_FIRST, *(name for name in NAMES if name not in MEANINGS))
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_VALUE = re.compile(r"([a-z_]+)\s*(?:=|<>|!=|in\s*\([^)]*?)\s*'([^']*)$")
_EQUALS = re.compile(r"([a-z_]+)\s*(?:=|<>|!=)\s*$")


@dataclass(frozen=True)
class Completion:
    """One way to go on: the whole text it gives, what is shown for it, and what that means."""

    text: str
    shown: str
    meaning: str


def completions(text: str, values: Mapping[str, Sequence[str]]) -> list[Completion]:
    """How the end of a filter may be completed; `values` are the texts that fields have, by field."""
    inside = _VALUE.search(text)
    if inside and text.count("'") % 2:
        typed = inside[2].lower()
        found = [value for value in values.get(inside[1], ()) if typed in value.lower()]
        return [
            Completion(text[: inside.start(2)] + value.replace("'", "''") + "'", one_line(value), "") for value in found
        ]
    if text.count("'") % 2:
        return []
    equals = _EQUALS.search(text)
    if equals and equals[1] in values:
        before = text.rstrip() + " "
        return [Completion(f"{before}'{_quoted(value)}'", one_line(value), "") for value in values[equals[1]]]
    word = _WORD.search(text)
    if word is None:
        return []
    typed = word[0].lower()
    begin = [name for name in _ORDER if name.startswith(typed) and name != typed]
    within = [name for name in _ORDER if typed in name and not name.startswith(typed)] if len(typed) > 1 else []
    return [Completion(text[: word.start()] + name + " ", name, MEANINGS.get(name, "")) for name in [*begin, *within]]


class NameSuggester(Suggester):
    """Completes the last word of a filter in a line that has no list below it."""

    def __init__(self) -> None:
        super().__init__(use_cache=True, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed, when that begins a name."""
        found = completions(value, VALUES)
        return found[0].text if found and found[0].text.startswith(value) else None


def _quoted(value: str) -> str:
    return value.replace("'", "''")


class Completions(OptionList):
    """The ways to go on, below the line; the line moves through them."""

    DEFAULT_CSS = """
    Completions { display: none; height: auto; max-height: 8; border: none; padding: 0 1; background: $panel; }
    Completions.-some { display: block; }
    """
    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="completions", compact=True)
        self.found: list[Completion] = []

    def show(self, found: Sequence[Completion]) -> None:
        """Show these, the first of them chosen."""
        self.found = list(found[:MOST])
        self.clear_options()
        self.add_options(
            Option(Content.assemble((f"{each.shown:<{NAME_WIDTH}} ", "bold"), (each.meaning, "$foreground 60%")))
            for each in self.found
        )
        self.set_class(bool(self.found), "-some")
        self.highlighted = 0 if self.found else None

    @property
    def chosen(self) -> Completion | None:
        """The one that would be taken."""
        return self.found[self.highlighted] if self.found and self.highlighted is not None else None


class FilterLine(Input):
    """Opened by a key, applied as it is typed, closed by enter (kept) or escape (taken away)."""

    DEFAULT_CSS = """
    FilterLine { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    FilterLine:focus { border: none; }
    FilterLine.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "No filter", tooltip="Take the filter away.", id="filter.clear"),
        Binding("tab", "complete", "Complete", tooltip="Take the marked name or value.", id="filter.complete"),
        Binding("down", "move(1)", "Next name", show=False, tooltip="Mark the next way to go on.", id="filter.next"),
        Binding("up", "move(-1)", "Name before", show=False, tooltip="Mark the one before.", id="filter.before"),
        Binding("ctrl+s", "save", "Save", tooltip="Keep this filter under a name.", id="filter.save"),
    ]

    @dataclass
    class Closed(Message):
        """The person is done with the line; `text` is what should hold now."""

        text: str

    @dataclass
    class SaveWanted(Message):
        """The filter is to be kept under a name."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            placeholder="snr_db > 25 and overlap_ratio < 0.1      (tab completes, enter keeps, esc clears)",
            compact=True,
            id=id,
        )
        self.values: dict[str, Sequence[str]] = dict(VALUES)
        """The texts that fields have, by field."""

    def on_mount(self) -> None:
        """Bring the list of completions along."""
        self.screen.mount(Completions(), after=self)

    @property
    def completions(self) -> Completions:
        """The list below the line."""
        return self.screen.query_one(Completions)

    def open(self, text: str) -> None:
        """Show the line with this text in it."""
        self.add_class("-open")
        self.value = text
        self.cursor_position = len(text)
        self.focus()

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("-open")
        self.completions.show(())

    def watch_value(self, value: str) -> None:
        """Offer how to go on."""
        if self.has_class("-open") and self.is_attached:
            at_end = self.cursor_position >= len(value) - 1
            self.completions.show(completions(value, self.values) if at_end and value else ())

    def on_blur(self, event: events.Blur) -> None:
        """Offer nothing while the keys go elsewhere."""
        self.completions.show(())

    def action_complete(self) -> None:
        """Take the marked completion, or go to the clips when there is none."""
        chosen = self.completions.chosen
        if chosen is None:
            self.screen.focus_next()
            return
        self.value = chosen.text
        self.cursor_position = len(chosen.text)

    def action_move(self, by: int) -> None:
        """Mark another completion."""
        listed = self.completions
        if listed.found:
            listed.highlighted = ((listed.highlighted or 0) + by) % len(listed.found)

    def action_save(self) -> None:
        """Ask to keep what is typed under a name."""
        if self.value.strip():
            self.post_message(self.SaveWanted(self.value.strip()))

    def action_give_up(self) -> None:
        """No filter."""
        self.value = ""
        self.close()
        self.post_message(self.Closed(""))

    async def action_submit(self) -> None:
        """Keep what was typed."""
        self.close()
        self.post_message(self.Closed(self.value.strip()))
