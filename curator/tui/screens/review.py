"""The room in which clips are decided: the table, the clip's sound and scores, and a key for everything.

What the room does is in the rooms it is made of, one noun each: finding (`clip_room`), seeing and hearing
(`hearing_room`), deciding (`deciding_room`) and editing (`editing_room`). Here is only how it is laid out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import Static

from curator.tui.screens.clip_room import FINDING
from curator.tui.screens.deciding_room import DECIDING
from curator.tui.screens.editing_room import EDITING, EditingRoom
from curator.tui.screens.hearing_room import HEARING, SIGHTS
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.filter_line import FilterLine
from curator.tui.widgets.reason_bar import ReasonBar
from curator.tui.widgets.score_panel import ScorePanel
from curator.tui.widgets.spectrogram import SpectrogramView
from curator.tui.widgets.waveform import Waveform


class ReviewScreen(EditingRoom):
    """Clips, one row each, and the one under the cursor in full."""

    ROOM = "review"
    CSS_PATH = "review.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*HEARING, *DECIDING, *FINDING, *EDITING]

    def body(self) -> Iterable[Widget]:
        """Status and filter above, table and clip side by side or one over the other, the last word below."""
        yield Static(id="review-status", classes="line")
        yield FilterLine(id="filter")
        with Container(id="body"):
            yield ClipTable(id="clips")
            with Vertical(id="clip"):
                yield Static(id="clip-heading")
                yield Waveform(id="wave")
                yield SpectrogramView(id="spectrogram")
                yield Static(id="hearing")
                yield ScorePanel(id="scores")
        yield ReasonBar(id="said")

    def on_mount(self) -> None:
        """Begin with the clips, not with the filter."""
        self.add_class(f"-{SIGHTS[0]}")
        self.query_one(ClipTable).focus()

    @on(ClipTable.Moved)
    def _reach(self) -> None:
        self.stretch_range()
