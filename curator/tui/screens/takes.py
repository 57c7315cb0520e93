"""Takes that repeat each other, side by side: sound, scores and verdict of each, and one key to keep the best.

Separate from the table's view of duplicates because there one clip is seen at a time; here the takes of one line are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalScroll, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer, Static
from textual.worker import Worker

from catalog.clips import literal
from catalog.errors import CuratorError
from catalog.records import Rule, VerdictName
from curator.tui.clip_words import COLOURS
from curator.tui.envelope import Envelope
from curator.tui.failures import tell_failure
from curator.tui.lens import Lens
from curator.tui.pictures import Pictures
from curator.tui.takes import Take, TakeLine, ranked
from curator.tui.widgets.waveform import Waveform
from curator.tui.working import AtHome
from curator.words import MARKS, count, file_name, number, one_line, position

MOST = 9
"""So many takes are shown; each has a digit."""
NARROWEST = 36


class TakesScreen(ModalScreen[dict[str, VerdictName] | None], AtHome):
    """Closes with the verdicts to give, or with None."""

    DEFAULT_CSS = """
    TakesScreen HorizontalScroll { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", tooltip="Play the chosen take, or stop.", id="takes.play"),
        Binding("left,h", "move(-1)", "Left", show=False, tooltip="The take to the left.", id="takes.left"),
        Binding("right,l", "move(1)", "Right", show=False, tooltip="The take to the right.", id="takes.right"),
        Binding("k,enter", "keep", "Keep this one", tooltip="Accept the chosen take and reject the others.",
                id="takes.keep"),
        Binding("escape,q,D", "leave", "Close", tooltip="Back to the clips.", id="takes.close"),
        *(
            Binding(str(n), f"play_take({n})", f"Take {n}", show=False, tooltip=f"Choose and play take {n}.",
                    id=f"takes.take{n}")
            for n in range(1, MOST + 1)
        ),
    ]  # fmt: skip

    def __init__(self, clip: Mapping[str, Any], rules: Sequence[Rule], pictures: Pictures) -> None:
        super().__init__()
        self.clip, self.rules, self.pictures = clip, rules, pictures
        self.takes: list[Take] = []
        self.chosen = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = "Takes"
            yield HorizontalScroll(id="takes", can_focus=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Read the takes, then draw them one after the other."""
        self.run_worker(self._fill(), group="takes", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of errors that nobody foresaw."""
        tell_failure(self.app, event)

    async def _fill(self) -> None:
        try:
            self.takes = await asyncio.to_thread(self._read)
        except CuratorError as error:
            self.home.complain(error)
            return
        self.query_one(".dialog", Vertical).border_title = f"{count(len(self.takes), 'take')} of the same line"
        columns = [TakeColumn(place, take) for place, take in enumerate(self.takes)]
        await self.query_one("#takes", HorizontalScroll).mount_all(columns)
        self._share_width()
        here = [place for place, take in enumerate(self.takes) if take.clip["id"] == self.clip["id"]]
        self._choose(here[0] if here else 0)
        for column in columns:
            try:
                picture = await asyncio.to_thread(self.pictures.of, column.shown.clip)
            except CuratorError as error:
                column.query_one(Waveform).note = str(error)
            else:
                column.draw(picture.envelope)

    def on_resize(self) -> None:
        """As wide as there is room for, and never too narrow for a score."""
        self._share_width()

    def _share_width(self) -> None:
        columns = list(self.query(TakeColumn))
        room = self.query_one("#takes", HorizontalScroll).size.width
        for column in columns:
            column.styles.width = max(NARROWEST, room // len(columns))

    def _read(self) -> list[Take]:
        where = f"duplicate_group = {literal(str(self.clip['duplicate_group']))}"
        table = self.home.store.clip_table(where=where, sort='path, "start"', limit=MOST, rules=self.rules)
        return ranked(table.to_pylist(), self.rules)

    def _column(self, place: int) -> TakeColumn:
        return self.query_one(f"#take-{place}", TakeColumn)

    def _choose(self, place: int) -> None:
        self.chosen = place
        for column in self.query(TakeColumn):
            column.set_class(column.place == place, "-chosen")
        if self.takes:
            self._column(place).scroll_visible(animate=False)

    def action_move(self, by: int) -> None:
        """Choose the next take that way."""
        if self.takes:
            self._choose(min(len(self.takes) - 1, max(0, self.chosen + by)))

    def action_play(self) -> None:
        """Play the chosen take from its start, or stop."""
        if self.home.player.playing:
            self.home.player.stop()
        elif self.takes:
            clip = self.takes[self.chosen].clip
            self.home.play(str(clip["path"]), int(clip["start"]), int(clip["end"]))

    def action_play_take(self, number: int) -> None:
        """Choose a take by its digit and play it."""
        if number <= len(self.takes):
            self.home.player.stop()
            self._choose(number - 1)
            self.action_play()

    def on_take_column_pressed(self, event: TakeColumn.Pressed) -> None:
        """The mouse chooses and plays."""
        self.action_play_take(event.place + 1)

    def action_keep(self) -> None:
        """Accept the chosen take and reject the others."""
        if len(self.takes) > 1:
            self.home.player.stop()
            kept = self.takes[self.chosen].clip["id"]
            self.dismiss({str(t.clip["id"]): "accepted" if t.clip["id"] == kept else "rejected" for t in self.takes})

    def action_leave(self) -> None:
        """Back to the clips."""
        self.home.player.stop()
        self.dismiss(None)


class TakeColumn(Vertical):
    """One take from top to bottom."""

    DEFAULT_CSS = """
    TakeColumn { height: 100%; padding: 0 1; border: round $foreground 20%; }
    TakeColumn.-chosen { border: round $accent; }
    TakeColumn Waveform { height: 8; }
    TakeColumn Static { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Pressed(Message):
        """The mouse was pressed on it."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, place: int, take: Take) -> None:
        super().__init__(id=f"take-{place}")
        self.place, self.shown = place, take
        self.border_title = f"{place + 1}"

    def compose(self) -> ComposeResult:
        yield Static(heading(self.shown))
        yield Waveform()
        yield Static(Content("\n").join([score_line(line) for line in self.shown.lines]), classes="scores")

    def draw(self, envelope: Envelope) -> None:
        """Show its sound."""
        wave = self.query_one(Waveform)
        wave.lens, wave.envelope = Lens.on(envelope.duration_s), envelope

    def on_click(self, event: events.Click) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Pressed(self.place))


def heading(take: Take) -> Content:
    """File, place, verdict, and whether it is the cleanest."""
    clip, verdict = take.clip, str(take.clip["verdict"])
    where = f"{file_name(str(clip['path']))}  {position(clip['start_s'])}  {number(clip['duration_s'], 1)} s"
    best = ("★ cleanest", "$success") if take.cleanest else ("", "")
    against = (f"  {count(take.complaints, 'score')} against it" if take.complaints else "", "$error")
    return Content("\n").join(
        [
            Content(one_line(where)),
            Content.assemble((f"{MARKS[verdict]} {verdict}", COLOURS[verdict]), against),
            Content.assemble(best),
        ]
    )


def score_line(line: TakeLine) -> Content:
    """A score of one take; a star stands where no other take is better."""
    mark = ("✗", "$error") if line.against else ("★", "$success") if line.best else (" ", "")
    colour = "$error" if line.against else "bold" if line.best else ""
    return Content.assemble(mark, f" {line.name:<18}", (f"{line.value:>11}", colour))
