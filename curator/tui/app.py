"""The app: its six rooms, the keys that work in all of them, and what the command palette offers.

What a room shows and does is in its own file under `screens`; what outlives a change of room is in `working`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from catalog.errors import BadRequest, CuratorError
from catalog.library import Library
from curator.tui.browser_player import BrowserPlayer, folder_of_sounds
from curator.tui.messages import RecordingChosen, RecordingSought
from curator.tui.rooms import MODES, room_class
from curator.tui.screens.room import Room
from curator.tui.terminal import follow_its_size, on_terminal, screen_to_itself
from curator.tui.widgets.job_strip import JobStrip
from curator.tui.widgets.top_bar import ROOMS, Tab
from curator.tui.working import WorkingApp
from curator.words import clock, file_name

WARM_AFTER_S = 1.0


class CuratorApp(WorkingApp):
    """From recordings to a voice, in six rooms."""

    TITLE = "curator"
    CSS_PATH = "app.tcss"
    DEFAULT_MODE = "library"
    MODES: ClassVar[dict[str, Any]] = dict(MODES)
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"go('{room}')", label, show=False, tooltip=f"Go to {label.lower()}.", id=f"go.{room}")
            for number, (room, label) in enumerate(ROOMS, start=1)
        ),
        Binding("J", "jobs", "Jobs", show=False, tooltip="All jobs in full, with what went wrong.", id="app.jobs"),
        Binding("f2", "settings", "Settings", show=False, tooltip="Settings, and your own keys.", id="app.settings"),
        Binding("ctrl+o", "jump", "Jump", show=False, tooltip="Letters on the screen; press one.", id="app.jump"),
        Binding("question_mark,f1", "help", "Help", tooltip="Every key that works here.", id="app.help"),
        Binding("q", "quit", "Quit", tooltip="Leave; jobs go on without the app.", id="app.quit"),
    ]

    def on_mount(self) -> None:
        """Dress, enter the first room, and begin to work."""
        self.dress()
        self.go(self.settings.text("start"))
        self.begin()

    def opened(self) -> None:
        """Import the room that is entered most, so that entering it does not wait."""
        self.set_timer(WARM_AFTER_S, self._warm_up)

    def _warm_up(self) -> None:
        self.run_worker(self._warm, thread=True, group="warm", exit_on_error=False)

    def _warm(self) -> None:
        """The command opens the app without garbage collection, which at the start finds nothing; it begins here."""
        room_class("review")
        gc.enable()

    def named_bindings(self) -> dict[str, Binding]:
        """All bindings that the person can give other keys, by name."""
        from curator.tui.bindings import named_bindings

        return named_bindings(type(self))

    def action_go(self, room: str) -> None:
        """Change the room."""
        self.go(room)

    def action_help(self) -> None:
        """Show every key that works here."""
        from curator.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_settings(self) -> None:
        """Show the settings."""
        from curator.tui.screens.settings import SettingsScreen

        if not isinstance(self.screen, SettingsScreen):
            self.push_screen(SettingsScreen())

    def action_jump(self) -> None:
        """Put letters on the screen and go to the one that is pressed."""
        from curator.tui.screens.jump import JumpScreen

        if isinstance(self.screen, JumpScreen):
            return

        def go(target: Widget | None) -> None:
            if isinstance(target, Tab):
                self.go(target.room)
            elif target is not None:
                target.focus()

        self.push_screen(JumpScreen(self.screen), go)

    @on(RecordingSought)
    def find_recording(self) -> None:
        """Ask for some letters of a recording's name, and show its clips."""
        self.run_worker(self._find_recording, thread=True, group="find", exclusive=True, exit_on_error=False)

    def _find_recording(self) -> None:
        from curator.tui.screens.pick import Choice, Pick

        try:
            found = self.store.recordings()
        except CuratorError as error:
            self.call_from_thread(self.complain, error)
            return
        names = {each.id: file_name(each.path) for each in found}
        choices = [Choice(each.id, names[each.id], f"{each.speaker}  {clock(each.duration_s)}") for each in found]

        def chosen(recording: str | None) -> None:
            if recording is not None:
                self.review_recording(recording, names[recording])

        self.call_from_thread(self.push_screen, Pick("Recordings", choices), chosen)

    @on(RecordingChosen)
    def _recording_chosen(self, event: RecordingChosen) -> None:
        self.review_recording(event.recording, event.name)

    def review_recording(self, recording: str, name: str) -> None:
        """Go to the clips of a recording."""
        from curator.tui.screens.review import ReviewScreen

        self.go("review")
        room = self.room("review")
        if isinstance(room, ReviewScreen):
            room.once_open(lambda: room.show_recording(recording, name))

    @on(Tab.Chosen)
    def _tab_chosen(self, event: Tab.Chosen) -> None:
        self.go(event.room)

    @on(JobStrip.Opened)
    def action_jobs(self) -> None:
        """Show the jobs in full."""
        from curator.tui.screens.jobs import JobsScreen

        if not isinstance(self.screen, JobsScreen):
            self.push_screen(JobsScreen())

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the command palette offers: rooms, jobs, help, theme, quit."""
        for room, label in ROOMS:
            if room != self.current_mode:
                yield SystemCommand(f"Go to {label}", f"The room {label.lower()}", partial(self.go, room))
        yield SystemCommand("Find a recording", "By some letters of its name", self.find_recording)
        yield SystemCommand("Jobs and messages", "All jobs in full, with what went wrong", self.action_jobs)
        yield SystemCommand("Settings", "Settings, and your own keys", self.action_settings)
        if isinstance(screen, Room):
            for name, what, action in screen.commands():
                yield SystemCommand(name, what, action)
        yield SystemCommand("Keys", "Every key that works here", self.action_help)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)
        yield SystemCommand("Quit", "Leave; jobs go on without the app", self.exit)


def run(library: Library) -> None:
    """Open the app on a library; raises CuratorError without a terminal, for a bad catalogue, or when the app broke."""
    if not on_terminal():
        raise BadRequest("The app needs a terminal to draw on; for work without one see: curator --help")
    library.create()
    follow_its_size()
    log = library.root / "app.log"
    with screen_to_itself(log):
        app = CuratorApp(library)
        app.open_early()
        sounds = folder_of_sounds()
        if sounds is not None:
            app.player = BrowserPlayer(sounds, app.tell_page)
        error = app.run()
    if error is not None:
        raise error
    if app.return_code:
        raise CuratorError(f"The app broke and had to close; nothing that was confirmed is lost. What happened: {log}")
