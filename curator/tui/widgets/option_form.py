"""The options of a conversion as lines of a form, written from their own descriptions.

Separate from the room so that an option that is new appears here by itself: its label, its meaning, and the control
that fits its default.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from textual import on
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester, SuggestFromList
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Select

from catalog.errors import BadRequest
from curator.tui.widgets.field import Field, PathSuggester, typed_path
from infer.effects import EFFECTS
from infer.f0 import F0_METHODS
from infer.options import AUTO, OFFERED, About, ConvertOptions

SEPARATORS = ("htdemucs", "htdemucs_ft")


class OptionForm(Vertical):
    """One line an option; those about songs are there only while a song is meant."""

    DEFAULT_CSS = """
    OptionForm { height: auto; }
    OptionForm Checkbox { width: 12; background: $background; }
    OptionForm .-song { display: none; }
    OptionForm.-a-song .-song { display: block; }
    """

    class Changed(Message):
        """A value is another now."""

    def compose(self) -> Iterable[Widget]:
        for name, about in in_order():
            field = Field(about.label, control(name, about), meaning(name, about), size=size(name, about))
            field.set_class(about.song, "-song")
            yield field

    @property
    def song(self) -> bool:
        """Whether a song is meant."""
        return self.query_one("#song", Checkbox).value

    def values(self) -> dict[str, Any]:
        """What is set, by the names of the options; raises BadRequest for what is not a number and should be."""
        return {name: self._value(name, about) for name, about in OFFERED.items()}

    def _value(self, name: str, about: About) -> Any:
        widget = self.query_one(f"#{name}")
        if isinstance(widget, Checkbox | Select):
            return widget.value
        text = widget.value.strip() if isinstance(widget, Input) else ""
        default = getattr(ConvertOptions, name)
        if name == "transpose" and text == AUTO:
            return AUTO
        if isinstance(default, tuple):
            return [part.strip() for part in text.split(",") if part.strip()]
        if isinstance(default, str):
            return str(typed_path(text).resolve()) if name == "f0_file" and text else text or default
        return figure(about.label, text or "0", whole=isinstance(default, int))

    def fill(self, options: Mapping[str, Any]) -> None:
        """Show these options, the others at their defaults; none of it counts as a change."""
        with self.prevent(Input.Changed, Select.Changed, Checkbox.Changed):
            for name in OFFERED:
                default = getattr(ConvertOptions, name)
                value = options.get(name, default)
                widget = self.query_one(f"#{name}")
                if isinstance(widget, Checkbox):
                    widget.value = bool(value)
                elif isinstance(widget, Select):
                    widget.value = value if value in [known for _, known in choices(name)] else default
                elif isinstance(widget, Input):
                    widget.value = written(value)
        self._show_song()
        self.post_message(self.Changed())

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self._show_song()
        self.post_message(self.Changed())

    def _show_song(self) -> None:
        self.set_class(self.song, "-a-song")


def in_order() -> list[tuple[str, About]]:
    """The options as they stand in the form: the pitch and the question of a song first, the rest as it was written."""
    first = ["transpose", "song", *(name for name, about in OFFERED.items() if about.song)]
    return [(name, OFFERED[name]) for name in dict.fromkeys([*first, *OFFERED])]


def control(name: str, about: About) -> Widget:
    """What an option is set with."""
    default = getattr(ConvertOptions, name)
    if isinstance(default, bool):
        return Checkbox("", default, id=name, compact=True)
    if choices(name):
        return Select(choices(name), value=default, allow_blank=False, id=name, compact=True)
    suggester: Suggester | None = None
    if name == "f0_file":
        suggester = PathSuggester()
    elif name == "separator":
        suggester = SuggestFromList(SEPARATORS)
    return Input(
        written(default), placeholder="none" if default in ("", ()) else "", id=name, compact=True, suggester=suggester
    )


def choices(name: str) -> list[tuple[str, str]]:
    """What an option can be, as it is shown and as it is set; nothing for one that is typed."""
    if name == "f0_method":
        return [("best that is installed", AUTO), *((f"{m.name}: {m.summary}", m.name) for m in F0_METHODS.values())]
    return [(each, each) for each in OFFERED[name].choices]


def meaning(name: str, about: About) -> str:
    """The line beside an option."""
    if name == "f0_method":
        return ""
    return f"{about.words}: {', '.join(EFFECTS)}" if name == "effects" else about.words


def size(name: str, about: About) -> str:
    """How wide the control is."""
    if name == "f0_method":
        return "long"
    return "" if name in ("f0_file", "separator", "effects") else "short"


def written(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def figure(name: str, text: str, *, whole: bool = False) -> float:
    """A number that was typed; raises BadRequest."""
    try:
        value = float(text.strip().replace(",", ".").replace("−", "-"))
        return int(value) if whole and value == int(value) else value
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} {text or '(empty)'}: give a number") from None


def settings_words(options: Mapping[str, Any], also: Collection[str] = ()) -> list[tuple[str, str]]:
    """Labels and values of what is not at its default, the transposition and the labels in `also` always."""
    found = []
    for name, about in OFFERED.items():
        value = options.get(name, getattr(ConvertOptions, name))
        value = tuple(value) if isinstance(value, list) else value
        if about.song and not options.get("song"):
            continue
        if name == "transpose":
            found.append((about.label.lower(), value if isinstance(value, str) else f"{value:+g}".replace("-", "−")))
        elif value != getattr(ConvertOptions, name) or about.label.lower() in also:
            shown = (Path(str(value)).name if name in ("f0_file", "separator") else written(value)) or "none"
            found.append((about.label.lower(), {"True": "on", "False": "off"}.get(shown, shown)))
    return found
