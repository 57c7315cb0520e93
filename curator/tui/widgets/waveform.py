"""The waveform of one clip in half blocks, with speech, pauses, clipped spots and second voices marked.

Half blocks are in every terminal's font, over SSH and in tmux; the band below the wave says in shape what the colours
say, so that neither colour nor a picture protocol is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.reactive import reactive

from curator.tui.envelope import Envelope, cut, fit
from curator.tui.lens import Lens
from curator.tui.widgets.sound_view import SoundView

NOTHING, PEAK, LOUD, QUIET, CLIPPED = range(5)
SPEECH, PAUSE, CLIPPING, SECOND, UNKNOWN = "━", "·", "!", "≈", " "
"""The signs of the band."""


@dataclass(frozen=True)
class Marked:
    """A range of the clip that a score speaks of, in seconds from its start."""

    start_s: float
    end_s: float
    words: str
    second_voice: bool = False
    """Shown in the band; other ranges stand on the axis with their words."""


class Waveform(SoundView):
    """Draws an `Envelope`."""

    COMPONENT_CLASSES = {
        "waveform--peak",
        "waveform--loud",
        "waveform--quiet",
        "waveform--clipped",
        "waveform--speech",
        "waveform--pause",
        "waveform--second",
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
        & > .waveform--second { color: $warning; text-style: bold; }
    }
    """

    envelope: reactive[Envelope | None] = reactive[Envelope | None](None)
    marked: reactive[tuple[Marked, ...]] = reactive[tuple[Marked, ...]](())
    """Places that scores speak of; the first one that does not overlap an earlier one gets its words."""

    def watch_envelope(self) -> None:
        """Draw the new sound."""
        self._drawn = None

    def watch_marked(self) -> None:
        """Draw the new places."""
        self._drawn = None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Tall enough for shape, short enough for small terminals."""
        return 8

    def empty(self) -> bool:
        """Whether no sound was given."""
        return self.envelope is None

    def draw(self, width: int, height: int) -> list[list[Segment]]:
        """The wave in pairs of pixels, then the band, then the seconds."""
        assert self.envelope is not None
        lens = self.lens if self.lens.shown_s else Lens.on(self.envelope.duration_s)
        fitted = fit(cut(self.envelope, lens.start_s, lens.end_s), width)
        waves = wave_rows(height)
        pixels = paint(fitted, waves * 2, self.envelope.peak)
        rows = [self._wave_row(pixels[2 * y : 2 * y + 2]) for y in range(waves)]
        if height > waves:
            styles = {sign: self._style(name) for sign, name in _BAND_STYLES.items()}
            styles[UNKNOWN] = self.rich_style
            rows.append([Segment(sign, styles[sign]) for sign in band(fitted, self.marked, lens)])
        if height > waves + 1:
            rows.append(self._axis(lens, width))
        return rows

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"waveform--{name}")

    def _wave_row(self, pixels: np.ndarray) -> list[Segment]:
        base = self.rich_style
        colours = [None, *(self._style(name).color for name in ("peak", "loud", "quiet", "clipped"))]
        kinds: dict[tuple[int, int], Segment] = {}
        row = []
        for pair in zip(pixels[0].tolist(), pixels[1].tolist(), strict=True):
            if pair not in kinds:
                upper, lower = pair
                if upper == lower:
                    kinds[pair] = Segment("█" if upper else " ", base + Style(color=colours[upper]) if upper else base)
                elif not lower:
                    kinds[pair] = Segment("▀", base + Style(color=colours[upper]))
                elif not upper:
                    kinds[pair] = Segment("▄", base + Style(color=colours[lower]))
                else:
                    kinds[pair] = Segment("▀", Style(color=colours[upper], bgcolor=colours[lower]))
            row.append(kinds[pair])
        return row

    def _axis(self, lens: Lens, width: int) -> list[Segment]:
        plain, loud = self.look("axis"), self._style("clipped")
        cells = [Segment(character, plain) for character in seconds_axis(lens, width)]
        taken: set[int] = set()
        for mark in self.marked:
            columns = lens.columns(mark.start_s, mark.end_s, width)
            if mark.second_voice or not columns or taken & set(columns):
                continue
            taken |= set(columns)
            for x, character in zip(columns, bracket(mark.words, len(columns)), strict=True):
                cells[x] = Segment(character, loud)
        return cells

    def over(self, y: int, x: int, cell: Segment, *, playing: bool) -> Segment:
        """The cursor as a stroke through what is empty, the playing position as a stroke with a foot."""
        style = self.look("playhead" if playing else "cursor")
        if y < wave_rows(self.size.height):
            if cell.text == " ":
                return Segment("│" if playing else "┊", style)
            return cell if not playing else Segment(cell.text, (cell.style or Style()) + Style(color=style.color))
        if y == wave_rows(self.size.height):
            return Segment("▲" if playing else "┃", style)
        return cell


_BAND_STYLES = {SPEECH: "speech", PAUSE: "pause", CLIPPING: "clipped", SECOND: "second"}


def wave_rows(height: int) -> int:
    """How many of `height` lines are the wave itself."""
    return max(1, height - (2 if height >= 5 else 1 if height > 1 else 0))


def band(fitted: Envelope, marked: Sequence[Marked], lens: Lens) -> str:
    """A sign for each column of an envelope that shows the lens's seconds."""
    width = fitted.low.size
    if fitted.speech is None:
        signs = [UNKNOWN] * width
    else:
        signs = [SPEECH if speech else PAUSE for speech in fitted.speech.tolist()]
    for mark in marked:
        if mark.second_voice:
            for x in lens.columns(mark.start_s, mark.end_s, width):
                signs[x] = SECOND
    for x in np.flatnonzero(fitted.clipped).tolist():
        signs[x] = CLIPPING
    return "".join(signs)


def bracket(words: str, width: int) -> str:
    """Words between the ends of a range, as much of them as there is room for."""
    if width < 2:
        return "┴" * width
    return "└" + words[: width - 2].center(width - 2, "─") + "┘"


def paint(envelope: Envelope, pixels: int, peak: float) -> np.ndarray:
    """Which kind each pixel is, (pixels, columns) from the top: the wave is scaled to `peak`."""
    columns = envelope.low.size
    scale = (pixels / 2) / max(peak, 1e-4)
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


def seconds_axis(lens: Lens, width: int) -> str:
    """Labels of seconds under what the lens shows, as many as are readable."""
    if lens.shown_s <= 0 or width <= 0:
        return " " * max(0, width)
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
    step = next((s for s in steps if s * width / lens.shown_s >= 8), 1200)
    line = [" "] * width
    for tick in range(int(np.ceil(lens.start_s / step - 1e-9)), int(lens.end_s / step + 1e-9) + 1):
        label = f"{tick * step:g}s" if tick else "0"
        x = round((tick * step - lens.start_s) * width / lens.shown_s)
        if x + len(label) <= width:
            line[x : x + len(label)] = label
    return "".join(line)
