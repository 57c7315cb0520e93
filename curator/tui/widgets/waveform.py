"""The waveform of one clip in half blocks, with speech, pauses, clipped spots and the playing position.

Half blocks are in every terminal's font, over SSH and in tmux; the marks below the wave say in shape what the colours
say, so that neither colour nor a picture protocol is needed.
"""

from __future__ import annotations

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from curator.tui.envelope import Envelope, fit

NOTHING, PEAK, LOUD, QUIET, CLIPPED = range(5)


class Waveform(Widget):
    """Draws an `Envelope`; shows a line of words while there is none."""

    COMPONENT_CLASSES = {
        "waveform--peak",
        "waveform--loud",
        "waveform--quiet",
        "waveform--clipped",
        "waveform--speech",
        "waveform--pause",
        "waveform--axis",
        "waveform--playhead",
    }
    DEFAULT_CSS = """
    Waveform {
        height: 8;
        & > .waveform--peak { color: $primary-darken-1; }
        & > .waveform--loud { color: $primary-lighten-2; }
        & > .waveform--quiet { color: $foreground 35%; }
        & > .waveform--clipped { color: $error; }
        & > .waveform--speech { color: $success; }
        & > .waveform--pause { color: $foreground 40%; }
        & > .waveform--axis { color: $foreground 50%; }
        & > .waveform--playhead { color: $accent; text-style: bold; }
    }
    """

    envelope: reactive[Envelope | None] = reactive[Envelope | None](None)
    played_s: reactive[float | None] = reactive[float | None](None)
    """How far the clip has been played, in seconds; None when it is not playing."""
    note: reactive[str] = reactive("")
    """What to say while there is no envelope."""

    class Sought(Message):
        """A place in the clip was clicked."""

        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds = seconds

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pixels: np.ndarray | None = None
        self._fitted: Envelope | None = None

    def watch_envelope(self) -> None:
        """Draw the new sound from its start."""
        self._pixels = None

    def on_resize(self) -> None:
        """Draw again at the new size."""
        self._pixels = None

    def on_click(self, event: object) -> None:
        """Report where in the clip the mouse pointed."""
        x = getattr(event, "x", 0)
        if self.envelope is not None and self.size.width:
            self.post_message(self.Sought(self.envelope.duration_s * x / self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Tall enough for shape, short enough for small terminals."""
        return 8

    def render_line(self, y: int) -> Strip:
        """One line: the wave in pairs of pixels, then the speech band, then the seconds."""
        width, height = self.size
        if self.envelope is None:
            text = self.note if y == height // 2 else ""
            blank = f"{text:^{width}}"[:width]
            return Strip([Segment(blank, self._style("axis"))], width)
        rows = self._wave_rows(height)
        if self._pixels is None or self._pixels.shape != (rows * 2, width):
            self._fitted = fit(self.envelope, width)
            self._pixels = paint(self._fitted, rows * 2)
        if y < rows:
            return self._wave_line(y, width)
        if y == rows and height > 1:
            return self._band(width)
        return self._axis(width)

    @staticmethod
    def _wave_rows(height: int) -> int:
        return max(1, height - (2 if height >= 5 else 1 if height > 1 else 0))

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"waveform--{name}")

    def _playhead(self, width: int) -> int | None:
        if self.played_s is None or self.envelope is None or not self.envelope.duration_s:
            return None
        return min(width - 1, int(width * self.played_s / self.envelope.duration_s))

    def _wave_line(self, y: int, width: int) -> Strip:
        assert self._pixels is not None
        base = self.rich_style
        names = ("", "peak", "loud", "quiet", "clipped")
        colours = [None, *(self._style(name).color for name in names[1:])]
        at = self._playhead(width)
        segments = []
        for x in range(width):
            upper, lower = int(self._pixels[2 * y, x]), int(self._pixels[2 * y + 1, x])
            if x == at and not (upper or lower):
                segments.append(Segment("│", self._style("playhead")))
            elif upper == lower:
                segments.append(Segment("█" if upper else " ", base + Style(color=colours[upper]) if upper else base))
            elif not lower:
                segments.append(Segment("▀", base + Style(color=colours[upper])))
            elif not upper:
                segments.append(Segment("▄", base + Style(color=colours[lower])))
            else:
                segments.append(Segment("▀", Style(color=colours[upper], bgcolor=colours[lower])))
        return Strip(Segment.simplify(segments), width)

    def _band(self, width: int) -> Strip:
        assert self._fitted is not None
        at = self._playhead(width)
        speech = self._fitted.speech
        segments = []
        for x in range(width):
            if x == at:
                segments.append(Segment("▲", self._style("playhead")))
            elif self._fitted.clipped[x]:
                segments.append(Segment("!", self._style("clipped")))
            elif speech is None:
                segments.append(Segment(" ", self.rich_style))
            elif speech[x]:
                segments.append(Segment("━", self._style("speech")))
            else:
                segments.append(Segment("·", self._style("pause")))
        return Strip(Segment.simplify(segments), width)

    def _axis(self, width: int) -> Strip:
        assert self.envelope is not None
        return Strip([Segment(seconds_axis(self.envelope.duration_s, width), self._style("axis"))], width)


def paint(envelope: Envelope, pixels: int) -> np.ndarray:
    """Which kind each pixel is, (pixels, columns) from the top: the wave is scaled to the clip's own peak."""
    columns = envelope.low.size
    scale = (pixels / 2) / max(envelope.peak, 1e-4)
    middle = pixels / 2
    y = np.arange(pixels)[:, None] + 0.5
    top = middle - np.maximum(envelope.high * scale, 0.5)
    bottom = middle + np.maximum(-envelope.low * scale, 0.5)
    inside = (y > top) & (y < bottom)
    core = np.abs(y - middle) < np.maximum(envelope.rms * scale, 0.5)
    kinds = np.where(inside, PEAK, NOTHING)
    kinds = np.where(inside & core, LOUD, kinds)
    if envelope.speech is not None:
        kinds = np.where(inside & ~envelope.speech[None, :], QUIET, kinds)
    kinds = np.where(inside & envelope.clipped[None, :], CLIPPED, kinds)
    return kinds.reshape(pixels, columns)


def seconds_axis(duration_s: float, width: int) -> str:
    """Labels of whole seconds under a wave, as many as are readable."""
    if duration_s <= 0 or width <= 0:
        return " " * max(0, width)
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
    step = next((s for s in steps if s * width / duration_s >= 8), 1200)
    line = [" "] * width
    for tick in range(int(duration_s / step + 1e-9) + 1):
        label = f"{tick * step:g}s" if tick else "0"
        x = round(tick * step * width / duration_s)
        if x + len(label) <= width:
            line[x : x + len(label)] = label
    return "".join(line)
