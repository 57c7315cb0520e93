"""What the waveform and the spectrogram have in common: the lens, the cursor, the playing position and the mouse.

Separate so that both always show the same moment in the same column.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from curator.tui.lens import Lens


class SoundView(Widget):
    """A picture of a clip's sound over time; shows a line of words while there is none."""

    COMPONENT_CLASSES = {"sound--axis", "sound--playhead", "sound--cursor"}
    DEFAULT_CSS = """
    SoundView {
        & > .sound--axis { color: $foreground 50%; }
        & > .sound--playhead { color: $accent; text-style: bold; }
        & > .sound--cursor { color: $foreground; text-style: bold; }
    }
    """

    lens: reactive[Lens] = reactive(Lens())
    played_s: reactive[float | None] = reactive[float | None](None, repaint=False)
    """How far the clip has been played, in seconds; None when it is not playing."""
    note: reactive[str] = reactive("")
    """What to say while there is no picture."""

    class Sought(Message):
        """A place in the clip was clicked."""

        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds = seconds

    class Wheeled(Message):
        """The wheel was turned over a place in the clip: closer (1) or farther (-1)."""

        def __init__(self, seconds: float, closer: int) -> None:
            super().__init__()
            self.seconds, self.closer = seconds, closer

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[list[Segment]] | None = None
        """Rows of cells without cursor and playing position."""
        self._drawn_for: object = None

    def watch_lens(self, old: Lens, new: Lens) -> None:
        """Draw again when other seconds are shown; the cursor alone needs no new picture."""
        if (old.start_s, old.end_s, old.duration_s) != (new.start_s, new.end_s, new.duration_s):
            self._drawn = None

    def watch_played_s(self, old: float | None, new: float | None) -> None:
        """Draw the two columns between which the playing position moved."""
        width = self.size.width
        columns = {self.lens.column(each, width) for each in (old, new) if each is not None} - {None}
        if old is None or new is None or len(columns) > 1:
            self.refresh(*(Region(int(column or 0), 0, 1, self.size.height) for column in columns))

    def on_resize(self) -> None:
        """Draw again at the new size."""
        self._drawn = None

    def notify_style_update(self) -> None:
        """Draw again in the new colours."""
        super().notify_style_update()
        self._drawn = None

    def on_click(self, event: events.Click) -> None:
        """Report where in the clip the mouse pointed."""
        if self.lens.shown_s and self.size.width:
            self.post_message(self.Sought(self.lens.seconds(event.x, self.size.width)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Farther."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseScrollUp | events.MouseScrollDown, closer: int) -> None:
        event.stop()
        if self.lens.shown_s and self.size.width:
            self.post_message(self.Wheeled(self.lens.seconds(event.x, self.size.width), closer))

    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        raise NotImplementedError

    def draw(self, width: int, height: int) -> list[list[Segment]]:
        """All rows of the picture, a segment a cell."""
        raise NotImplementedError

    def over(self, y: int, x: int, cell: Segment, *, playing: bool) -> Segment:
        """A cell of the picture with the cursor, or the playing position, over it."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """One line of the picture, or of the words in its place."""
        width, height = self.size
        if self.empty() or not width:
            text = self.note if y == height // 2 else ""
            return Strip([Segment(f"{text:^{width}}"[:width], self.look("axis"))], width)
        if self._drawn is None or len(self._drawn) != height or len(self._drawn[0]) != width:
            self._drawn = self.draw(width, height)
        cells = self._drawn[y]
        marks = [(self.lens.column(self.lens.cursor_s, width), False)]
        if self.played_s is not None:
            marks.append((self.lens.column(self.played_s, width), True))
        if any(x is not None for x, _ in marks):
            cells = cells.copy()
            for x, playing in marks:
                if x is not None:
                    cells[x] = self.over(y, x, cells[x], playing=playing)
        return Strip(Segment.simplify(cells), width)

    def look(self, name: str) -> Style:
        """The style of a part that both pictures have."""
        return self.get_component_rich_style(f"sound--{name}")
