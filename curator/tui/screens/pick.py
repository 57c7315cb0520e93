"""Finding one of many by typing some of its letters: recordings, views, anything with a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from curator.words import one_line

MOST = 100


@dataclass(frozen=True)
class Choice:
    """One thing to be found: what is handed back, its name, and what is said beside it."""

    value: str
    name: str
    beside: str = ""


def best(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """Those that hold the typed letters in this order, the best match first; all of them when nothing is typed."""
    if not typed.strip():
        return list(choices[:MOST])
    matcher = Matcher(typed.strip())
    scored = [(matcher.match(f"{choice.name} {choice.beside}"), choice) for choice in choices]
    found = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])
    return [choice for _, choice in found[:MOST]]


class Pick(ModalScreen[str | None]):
    """A line to type in and the matches below it."""

    DEFAULT_CSS = """
    Pick Input { border: none; height: 1; margin-bottom: 1; background: $surface; }
    Pick OptionList { height: 1fr; border: none; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", tooltip="Leave without choosing.", id="pick.close"),
        Binding("down,ctrl+j", "move(1)", "Next", show=False, tooltip="Mark the next one.", id="pick.next"),
        Binding("up,ctrl+k", "move(-1)", "Before", show=False, tooltip="Mark the one before.", id="pick.before"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.heading = title
        self.choices = choices
        self.found: list[Choice] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = self.heading
            frame.border_subtitle = "enter goes there, esc leaves"
            yield Input(placeholder="some letters of its name", compact=True, id="pick-line")
            yield OptionList(compact=True, id="pick-list")

    def on_mount(self) -> None:
        """Begin with all of them."""
        self._list("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(event.value)

    def _list(self, typed: str) -> None:
        self.found = best(self.choices, typed)
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options(
            Option(Content.assemble(one_line(each.name), (f"   {one_line(each.beside)}", "$foreground 60%")))
            for each in self.found
        )
        listed.highlighted = 0 if self.found else None

    def action_move(self, by: int) -> None:
        """Mark another one."""
        listed = self.query_one(OptionList)
        listed.action_cursor_down() if by > 0 else listed.action_cursor_up()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        at = self.query_one(OptionList).highlighted
        self.dismiss(None if at is None else self.found[at].value)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.found[event.option_index].value)
