"""What of the app is a person's own: settings, theme and keys, and the words the app says to that person.

Separate from the app so that the app's own file holds the catalogue, the jobs and the rooms.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual.app import App
from textual.binding import Binding
from textual.notifications import SeverityLevel
from textual.reactive import reactive
from textual.theme import Theme

from catalog.errors import BadRequest, CuratorError
from curator import settings as own
from curator.tui.theme import DAY, HOUSE, theme_for
from curator.words import one_line

MOST_MESSAGES = 200


class PersonalApp(App[CuratorError]):
    """An app with a settings file."""

    settings_changed: reactive[int] = reactive(0)
    """Counts the changes of the settings that screens should look at again."""

    def __init__(self, settings: Path | None = None) -> None:
        super().__init__()
        self.settings_file = settings or own.settings_file()
        self.settings = own.read(self.settings_file)
        self.messages_said: list[tuple[str, str]] = []
        """What went wrong or needs to be known since the app was opened, oldest first: severity and words."""
        self.register_theme(HOUSE)
        self.register_theme(DAY)
        self._theme_at_start = theme_for(
            self.settings.text("theme"), self.available_themes, self.console.color_system or "truecolor"
        )
        self.theme = self._theme_at_start

    def dress(self) -> None:
        """Put on the person's theme and keys, and say what is wrong in the settings."""
        self.wear(self.settings.text("theme"))
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self._use_own_keys()
        for problem in self.settings.problems:
            self.complain(BadRequest(problem))

    def wear(self, chosen: str) -> None:
        """Put on a theme by its name, or the one that `auto` means here."""
        self._theme_at_start = theme_for(chosen, self.available_themes, self._color_system())
        self.theme = self._theme_at_start

    def _color_system(self) -> str | None:
        """How many colours the terminal has; a screen that is drawn for a test or a browser has them all."""
        return "truecolor" if self.is_headless or self.is_web else self.console.color_system

    def _use_own_keys(self) -> None:
        if not self.settings.keys:
            self.set_keymap({})
            return
        keys, wrong = own.check_keys(self.settings.keys, set(self.named_bindings()))
        for each in wrong:
            self.complain(BadRequest(f"{self.settings_file}: {each}; the usual keys are used for it"))
        self.set_keymap(keys)

    def named_bindings(self) -> dict[str, Binding]:
        """All bindings that the person can give other keys, by name; the app knows them, which knows its rooms."""
        raise NotImplementedError

    def _theme_changed(self, theme: Theme) -> None:
        if theme.name not in (self.settings.text("theme"), self._theme_at_start):
            self._theme_at_start = ""
            self.change_setting("theme", theme.name)

    def change_setting(self, name: str, value: own.Value) -> None:
        """Put a setting into the person's file, and let the screens hear of it."""
        try:
            own.write(name, value, self.settings_file)
        except CuratorError as error:
            self.complain(error)
        self.settings = replace(self.settings, values={**self.settings.values, name: own.checked(name, value)})
        self.settings_changed += 1

    def change_key(self, binding: str, keys: str | None) -> None:
        """Give a binding other keys, or with None its usual ones, from now on."""
        try:
            own.write_key(binding, keys, self.settings_file)
        except CuratorError as error:
            self.complain(error)
        others = {name: value for name, value in self.settings.keys.items() if name != binding}
        self.settings = replace(self.settings, keys=others if keys is None else {**others, binding: keys})
        self.set_keymap(self.settings.keys)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something in a corner for a while, and keep it where it can be read again (key J)."""
        if severity != "information":
            self.messages_said = [*self.messages_said, (severity, message)][-MOST_MESSAGES:]
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def complain(self, error: CuratorError) -> None:
        """Say what went wrong, in the error's own words."""
        self.notify(one_line(str(error)), severity="error", timeout=12, markup=False)

    def say(self, words: str) -> None:
        """Say that something happened."""
        self.notify(one_line(words), timeout=5, markup=False)
