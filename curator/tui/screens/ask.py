"""Short questions over a screen: yes or no, one of several, or a form with a few lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from catalog.errors import CuratorError
from curator.tui.widgets.field import Field
from curator.words import one_line

Answer = TypeVar("Answer")


class Confirm(ModalScreen[bool]):
    """A question before something that cannot be taken back, or that touches much at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    def __init__(self, question: str, yes: str, no: str = "Not now") -> None:
        super().__init__()
        self.question = question
        self.yes = yes
        self.no = no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = "Sure?"
            yield Static(Content(one_line(self.question)))
            with Horizontal(classes="buttons"):
                yield Button(f"{self.yes} (y)", variant="error", id="yes", compact=True)
                yield Button(f"{self.no} (n)", id="no", compact=True)

    def on_mount(self) -> None:
        """Enter alone destroys nothing."""
        self.query_one("#no", Button).focus()

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class Choose(ModalScreen[str | None]):
    """One of a few things."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
        Binding("delete", "drop", "Remove", show=False),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[str, str | Content]],
        chosen: str | None = None,
        drop: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.drop = drop
        self.heading = title
        self.options = options
        self.chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = self.heading
            removes = ", del removes a saved one" if self.drop else ""
            frame.border_subtitle = f"enter takes it, esc leaves it{removes}"
            labels = [label if isinstance(label, Content) else Content(label) for _, label in self.options]
            yield OptionList(*(Option(label, id=str(n)) for n, label in enumerate(labels)), compact=True)

    def on_mount(self) -> None:
        """Begin at what is chosen now."""
        values = [value for value, _ in self.options]
        self.query_one(OptionList).highlighted = values.index(self.chosen) if self.chosen in values else 0

    def action_move(self, by: int) -> None:
        """Move as everywhere."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    def action_drop(self) -> None:
        """Close and remove what is marked."""
        at = self.query_one(OptionList).highlighted
        if self.drop is not None and at is not None:
            self.drop(self.options[at][0])
            self.dismiss(None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.options[event.option_index][0])


class Form(ModalScreen[Answer | None], Generic[Answer]):
    """A few questions and one button; what is wrong is said in the form and nothing typed is lost."""

    TITLE_TEXT: ClassVar[str] = ""
    BUTTON: ClassVar[str] = "OK"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close"),
        Binding("ctrl+j,ctrl+s", "finish", "Do it", tooltip="Do it."),
    ]

    def fields(self) -> Sequence[Field]:
        """The questions."""
        raise NotImplementedError

    def answer(self) -> Answer:
        """The answer; raises CuratorError with what is wrong."""
        raise NotImplementedError

    def words(self) -> str:
        """What stands above the questions."""
        return ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = self.TITLE_TEXT
            frame.border_subtitle = "tab next, enter does it, esc leaves it"
            if self.words():
                yield Static(Content(self.words()), classes="form-words")
            yield from self.fields()
            yield Static(classes="problem")
            with Horizontal(classes="buttons"):
                yield Button(self.BUTTON, variant="primary", id="finish", compact=True)

    @on(Button.Pressed, "#finish")
    def _pressed(self) -> None:
        self.action_finish()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        inputs = list(self.query(Input))
        after = inputs[inputs.index(event.input) + 1 :]
        empty = next((field for field in after if not field.value.strip() and not field.has_class("-optional")), None)
        if empty is not None:
            empty.focus()
        else:
            self.action_finish()

    def action_finish(self) -> None:
        """Close with the answer, or say what is wrong with it."""
        try:
            answer = self.answer()
        except CuratorError as error:
            problem = self.query_one(".problem", Static)
            problem.update(Content(one_line(str(error))))
            problem.add_class("-some")
            return
        self.dismiss(answer)
