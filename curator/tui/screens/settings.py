"""All settings and all keys in one list; what is changed here is written to the person's settings file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from catalog.errors import CuratorError
from curator import settings as own
from curator.policy import policy_of, set_use, uses
from curator.tui.screens.ask import Choose
from curator.tui.theme import AUTO
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.tui.working import AtHome
from curator.words import one_line, spelled

KEY = "key:"
USE = "use"
USE_MEANING = "what this library's clips are for: sets the limits behind the hints"
COLUMNS = (
    ListColumn("name", "setting or key", 24),
    ListColumn("value", "is", 16),
    ListColumn("meaning", "what it does", 0),
)


class SettingsScreen(ModalScreen[None], AtHome):
    """Settings first, then every key that can be given to something else."""

    DEFAULT_CSS = """
    SettingsScreen Listing { height: 1fr; background: $surface; }
    SettingsScreen #settings-file { height: 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    SettingsScreen #settings-meaning { height: auto; color: $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", "Change", tooltip="Another value or key.", id="settings.change"),
        Binding("escape,q,f2", "dismiss", "Close", tooltip="Back.", id="settings.close"),
        Binding("delete,backspace", "usual", "Usual", tooltip="The usual value or key again.", id="settings.usual"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = "Settings"
            frame.border_subtitle = "enter changes, del takes the usual again, esc closes"
            yield Static(id="settings-file")
            yield Listing(COLUMNS, id="settings-list")
            yield Static(id="settings-meaning")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Show them all."""
        self.query_one("#settings-file", Static).update(Content(f"file: {one_line(str(self.home.settings_file))}"))
        self._fill()
        self.query_one(Listing).focus()

    def _fill(self) -> None:
        settings = self.home.settings
        rows: dict[str, Row] = {USE: {"name": USE, "value": self._use(), "meaning": USE_MEANING}}
        rows |= {
            each.name: {"name": each.name, "value": shown(settings.values[each.name]), "meaning": each.meaning}
            for each in own.SETTINGS
        }
        for name, binding in self.home.named_bindings().items():
            changed = settings.keys.get(name)
            keys = "  ".join(spelled(key) for key in (changed or binding.key).split(","))
            meaning = (binding.tooltip or binding.description).rstrip(".")
            rows[KEY + name] = {"name": name, "value": keys + (" *" if changed else ""), "meaning": meaning}
        self.query_one(Listing).fill(rows)

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        """Say in full what is under the cursor; in the list the end of it may not fit."""
        row = event.listing.list_rows.get(event.row_key or "", {})
        self.query_one("#settings-meaning", Static).update(Content(str(row.get("meaning", ""))))

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.action_change()

    def action_change(self) -> None:
        """Ask for another value or key for what is under the cursor, or turn it over if it is on or off."""
        name = self.query_one(Listing).key or USE
        if name.startswith(KEY):
            binding = name.removeprefix(KEY)
            self.app.push_screen(PressKey(binding), lambda key: self._key(binding, key))
            return
        if name == USE:
            self.app.push_screen(Choose(USE, [(each, each) for each in uses()], self._use()), self._set_use)
            return
        setting = own.BY_NAME[name]
        if isinstance(setting.usual, bool):
            self._change(name, not self.home.settings.on(name))
            return
        values = setting.choices or (AUTO, *sorted(self.home.available_themes))
        self.app.push_screen(
            Choose(name, [(value, value) for value in values], self.home.settings.text(name)),
            lambda value: None if value is None else self._change(name, value),
        )

    def _use(self) -> str:
        try:
            return policy_of(self.home.library).use
        except CuratorError as error:
            self.home.complain(error)
            return "?"

    def _set_use(self, use: str | None) -> None:
        if use is None:
            return
        try:
            set_use(self.home.library, use)
        except CuratorError as error:
            self.home.complain(error)
        self.home.catalogue += 1
        self._fill()

    def _change(self, name: str, value: own.Value) -> None:
        self.home.change_setting(name, value)
        if name == "theme":
            self.home.wear(str(value))
        self._fill()

    def _key(self, binding: str, key: str | None) -> None:
        if key is None:
            return
        taken = taken_by(self.home.settings.keys, self.home.named_bindings(), binding, key)
        if taken:
            self.home.say(f"{spelled(key)} is the key of {taken}; give that another key first")
            return
        self.home.change_key(binding, key)
        self._fill()

    def action_usual(self) -> None:
        """The usual value or key again."""
        name = self.query_one(Listing).key
        if name is None:
            return
        if name.startswith(KEY):
            self.home.change_key(name.removeprefix(KEY), None)
            self._fill()
        elif name != USE:
            self._change(name, own.BY_NAME[name].usual)


class PressKey(ModalScreen[str | None]):
    """Waits for one key."""

    def __init__(self, binding: str) -> None:
        super().__init__()
        self.binding = binding

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = self.binding
            yield Static("Press the key that is to do this; esc leaves it as it is.")

    def on_key(self, event: events.Key) -> None:
        """Take it, whatever it is."""
        event.stop()
        event.prevent_default()
        self.dismiss(None if event.key == "escape" else event.key)


def shown(value: own.Value) -> str:
    """A value as the list shows it."""
    return ("on" if value else "off") if isinstance(value, bool) else value


def taken_by(keys: Mapping[str, str], bindings: Mapping[str, Binding], binding: str, key: str) -> str | None:
    """The binding of the same place, or of everywhere, that has this key already."""
    places: Iterable[str] = {binding.split(".")[0], "app", "go"}
    for name, each in bindings.items():
        if name != binding and name.split(".")[0] in places and key in keys.get(name, each.key).split(","):
            return name
    return None
