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
from textual.widgets import Button, Checkbox, Input, Select

from catalog.errors import BadRequest
from curator.tui.widgets.field import Field, PathSuggester, typed_path
from curator.tui.widgets.tick import Tick
from infer.effects import EFFECTS
from infer.f0 import F0_METHODS
from infer.options import AUTO, OFFERED, About, ConvertOptions

SEPARATORS = ("htdemucs", "htdemucs_ft")
FIRST = ("transpose", "song", "index_rate", "protect", "rms_mix")
"""What most conversions are set by: always there. The rest is drawn when it is asked for."""


class OptionForm(Vertical):
    """One line an option: a few always, those about songs while a song is meant, and all others behind a button.

    What is not drawn keeps its value all the same; drawing them all would keep the room from opening at once.
    """

    DEFAULT_CSS = """
    OptionForm { height: auto; }
    OptionForm Vertical { height: auto; }
    OptionForm #more { margin-left: 13; min-width: 24; }
    OptionForm .-closed { display: none; }
    """

    class Changed(Message):
        """A value is another now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = {name: shown(name, getattr(ConvertOptions, name)) for name in OFFERED}
        """What each control shows, whether it is drawn or not."""
        self._controls: dict[str, Tick | Select[str] | Input] = {}
        """Those that are drawn."""

    def compose(self) -> Iterable[Widget]:
        for name in FIRST:
            yield self._line(name)
            if name == "song":
                yield Vertical(id="song-lines", classes="-closed")
        yield Button(self._more(), id="more", compact=True)
        yield Vertical(id="more-lines", classes="-closed")

    def _line(self, name: str) -> Field:
        about = OFFERED[name]
        self._controls[name] = control(name, self._shown[name])
        return Field(about.label, self._controls[name], meaning(name, about), size=size(name))

    @property
    def song(self) -> bool:
        """Whether a song is meant."""
        return bool(self._shown["song"])

    def values(self) -> dict[str, Any]:
        """What is set, by the names of the options; raises BadRequest for what is not a number and should be."""
        for name in self._controls:
            self._look(name)
        return {name: self._value(name, about) for name, about in OFFERED.items()}

    def _look(self, name: str) -> None:
        self._shown[name] = self._controls[name].value

    def _value(self, name: str, about: About) -> Any:
        value = self._shown[name]
        default = getattr(ConvertOptions, name)
        if isinstance(default, bool) or choices(name):
            return value
        text = str(value).strip()
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
                self._shown[name] = shown(name, options.get(name, getattr(ConvertOptions, name)))
                if name in self._controls and self._controls[name].value != self._shown[name]:
                    self._controls[name].value = self._shown[name]
        self._follow()

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    def _changed(self, event: Input.Changed | Select.Changed | Checkbox.Changed) -> None:
        event.stop()
        name = str(event.control.id)
        if name in self._controls:
            self._look(name)
            self._follow()

    def _follow(self) -> None:
        """Draw what the values ask for, and say that they are others."""
        lines = self.query_one("#song-lines", Vertical)
        if self.song and not lines.children:
            lines.mount_all(self._line(name) for name, about in OFFERED.items() if about.song)
        lines.set_class(not self.song, "-closed")
        self.query_one("#more", Button).label = self._more()
        self.post_message(self.Changed())

    @on(Button.Pressed, "#more")
    def open_more(self, event: Button.Pressed) -> None:
        """Draw the other options, or put them away again."""
        event.stop()
        lines = self.query_one("#more-lines", Vertical)
        if not lines.children:
            lines.mount_all(self._line(name) for name in others())
        lines.toggle_class("-closed")
        event.button.label = self._more()

    def _more(self) -> str:
        changed = sum(self._shown[name] != shown(name, getattr(ConvertOptions, name)) for name in others())
        drawn = self.is_mounted and not self.query_one("#more-lines").has_class("-closed")
        return f"{'Fewer' if drawn else 'More'} settings" + (f" ({changed} changed)" if changed else "")


def others() -> list[str]:
    """The options that stand behind the button, as they were written."""
    return [name for name, about in OFFERED.items() if name not in FIRST and not about.song]


def shown(name: str, value: Any) -> Any:
    """An option's value as its control holds it: a tick, a choice, a text."""
    default = getattr(ConvertOptions, name)
    if isinstance(default, bool):
        return bool(value)
    if choices(name):
        return value if value in [known for _, known in choices(name)] else default
    return written(value)


def control(name: str, value: Any) -> Tick | Select[str] | Input:
    """What an option is set with, as `value` is shown."""
    default = getattr(ConvertOptions, name)
    if isinstance(default, bool):
        return Tick(value, id=name)
    if choices(name):
        return Select(choices(name), value=value, allow_blank=False, id=name, compact=True)
    suggester: Suggester | None = None
    if name == "f0_file":
        suggester = PathSuggester()
    elif name == "separator":
        suggester = SuggestFromList(SEPARATORS)
    return Input(value, placeholder="none" if default in ("", ()) else "", id=name, compact=True, suggester=suggester)


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


def size(name: str) -> str:
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
