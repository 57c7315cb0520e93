"""The mel spectrogram of one clip in half blocks, with its f0 drawn over it on an axis of its own, as Praat does.

Two pixels a cell, by colours of the foreground and the background, go through SSH, tmux and the browser alike; where a
terminal has only sixteen colours, shades take the colours' place.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color, Gradient
from textual.reactive import reactive

from curator.tui.lens import Lens
from curator.tui.spectrogram import Levels, Spectrogram, band_of
from curator.tui.widgets.sound_view import SoundView

STEPS = 24
SHADES = " ·░▒▓█"
F0_LABELS = (100, 200, 400, 800)
LABELS = (500, 1000, 2000, 4000, 8000)
HEAT = ("#3b1f5b", "#a8327d", "#f1605d", "#feca8d")


class SpectrogramView(SoundView):
    """Draws a `Spectrogram`."""

    COMPONENT_CLASSES = {"spectrogram--f0"}
    DEFAULT_CSS = """
    SpectrogramView {
        height: 8;
        & > .spectrogram--f0 { color: ansi_bright_cyan; text-style: bold; }
    }
    """

    picture: reactive[Spectrogram | None] = reactive[Spectrogram | None](None)
    voice: reactive[bool] = reactive(False)
    """Show the range of f0 and its first harmonics instead of all frequencies."""

    def watch_picture(self) -> None:
        """Draw the new sound."""
        self._drawn = None

    def watch_voice(self) -> None:
        """Draw the other frequencies."""
        self._drawn = None

    def empty(self) -> bool:
        """Whether no sound was given."""
        return self.picture is None

    def draw(self, width: int, height: int) -> list[list[Segment]]:
        """All cells, in colours or in shades."""
        assert self.picture is not None
        picture = self.picture
        lens = self.lens if self.lens.shown_s else Lens.on(picture.hop_s * picture.f0_hz.size)
        pixels = paint(picture.voice if self.voice else picture.full, picture.hop_s, lens, width, 2 * height)
        curve = f0_pixels(picture, lens, width, 2 * height)
        rows = self._shaded(pixels, curve) if self.few_colours() else self._coloured(pixels, curve)
        self._label(rows, picture)
        return rows

    def few_colours(self) -> bool:
        """Whether the terminal or the theme has no more than sixteen colours."""
        if self.app.current_theme.ansi:
            return True
        headless = self.app.is_headless or self.app.is_web
        return not headless and self.app.console.color_system not in ("truecolor", "256")

    def _coloured(self, pixels: Levels, curve: np.ndarray) -> list[list[Segment]]:
        background = self.background_colors[1]
        colours = palette(background.rgb, self.app.current_theme.dark)
        styles: dict[tuple[int, int, int], Segment] = {}
        line = self.get_component_rich_style("spectrogram--f0").color
        steps = pixels.astype(np.int64) * STEPS // 256
        rows = []
        for y in range(0, len(steps), 2):
            row = []
            heights = (curve - y).tolist()
            for upper, lower, height in zip(steps[y].tolist(), steps[y + 1].tolist(), heights, strict=True):
                on = height if height in (0, 1) else -1
                key = (upper, lower, on)
                if key not in styles:
                    styles[key] = _cell(colours, upper, lower, on, line)
                row.append(styles[key])
            rows.append(row)
        return rows

    def _shaded(self, pixels: Levels, curve: np.ndarray) -> list[list[Segment]]:
        cells = (pixels[0::2].astype(np.int64) + pixels[1::2]) // 2 * len(SHADES) // 256
        base, line = self.rich_style, self.get_component_rich_style("spectrogram--f0")
        shades = [Segment(shade, base) for shade in SHADES]
        rows = [[shades[cell] for cell in row] for row in cells.tolist()]
        for x, height in enumerate(curve.tolist()):
            if height >= 0:
                rows[height // 2][x] = Segment("o", line)
        return rows

    def _label(self, rows: list[list[Segment]], picture: Spectrogram) -> None:
        """Frequencies over the picture: those of f0 at the left edge, those of the picture at the right one."""
        height, width = len(rows), len(rows[0])
        if height < 5 or width < 40:
            return
        plain = Style(bgcolor=self.rich_style.bgcolor)
        sides: list[tuple[tuple[int, ...], bool, Style]] = [
            (F0_LABELS, True, self.get_component_rich_style("spectrogram--f0"))
        ]
        if not self.voice:
            sides.append((LABELS, False, self.look("axis")))
        for labels, voice, style in sides:
            free = [True] * height
            for hertz in labels:
                share = float(band_of(np.array([hertz], np.float32), picture.top_hz, voice=voice)[0])
                y = height - 1 - int(share * height)
                if 0 < share < 1 and free[y]:
                    free[max(0, y - 1)] = free[y] = False
                    text = f"{hertz // 1000}k" if hertz >= 1000 else str(hertz)
                    for x, character in enumerate(text, start=1 if voice else width - len(text)):
                        rows[y][x] = Segment(character, style + plain)

    def over(self, y: int, x: int, cell: Segment, *, playing: bool) -> Segment:
        """The cursor and the playing position as strokes over the picture's own background."""
        style = self.look("playhead" if playing else "cursor")
        behind = cell.style.bgcolor if cell.style else None
        return Segment("│" if playing else "┊", Style(color=style.color, bgcolor=behind, bold=True))


def _cell(colours: tuple[RichColor, ...], upper: int, lower: int, on: int, line: RichColor | None) -> Segment:
    """Two pixels; `on` is 0 or 1 where f0 passes through the upper or the lower one."""
    if on == 0:
        return Segment("▀", Style(color=line, bgcolor=colours[lower]))
    if on == 1:
        return Segment("▄", Style(color=line, bgcolor=colours[upper]))
    if upper == lower:
        return Segment(" ", Style(bgcolor=colours[upper]))
    return Segment("▀", Style(color=colours[upper], bgcolor=colours[lower]))


@lru_cache(maxsize=8)
def palette(background: tuple[int, int, int], dark: bool) -> tuple[RichColor, ...]:
    """Colours for the levels, from the background to the loudest; on a light screen loud is dark."""
    heat = HEAT if dark else tuple(reversed(HEAT))
    stops = [(0.0, Color(*background)), *((0.28 + 0.24 * n, Color.parse(each)) for n, each in enumerate(heat))]
    gradient = Gradient(*stops[:-1], (1.0, stops[-1][1]))
    return tuple(gradient.get_color(n / (STEPS - 1)).rich_color for n in range(STEPS))


def paint(levels: Levels, hop_s: float, lens: Lens, columns: int, pixels: int) -> Levels:
    """The levels of what the lens shows, (pixels, columns), the highest frequency first; means where pixels join."""
    frames, bands = levels.shape
    time = _edges(lens.start_s / hop_s, lens.end_s / hop_s, columns, frames)
    sums = np.concatenate([np.zeros((1, bands), np.int64), np.cumsum(levels, axis=0, dtype=np.int64)])
    wide = (sums[time[1]] - sums[time[0]]) / (time[1] - time[0])[:, None]
    rows = _edges(0, bands, pixels, bands)
    totals = np.concatenate([np.zeros((columns, 1)), np.cumsum(wide, axis=1)], axis=1)
    both = (totals[:, rows[1]] - totals[:, rows[0]]) / (rows[1] - rows[0])[None, :]
    return np.asarray(np.clip(both, 0, 255), np.uint8).T[::-1]


def f0_pixels(picture: Spectrogram, lens: Lens, columns: int, pixels: int) -> np.ndarray:
    """The pixel row that f0 passes through in each column on the logarithmic axis, (columns,), -1 without voice."""
    first, last = _edges(lens.start_s / picture.hop_s, lens.end_s / picture.hop_s, columns, picture.f0_hz.size)
    middle = (first + last - 1) // 2
    hertz = picture.f0_hz[middle]
    for step in (-1, 1):
        near = np.clip(middle + step, first, last - 1)
        hertz = np.where(hertz > 0, hertz, picture.f0_hz[near])
    share = band_of(hertz, picture.top_hz, voice=True)
    rows = pixels - 1 - np.clip(share * pixels, 0, pixels - 1).astype(np.int64)
    return np.where((hertz > 0) & (share <= 1), rows, -1)


def _edges(start: float, end: float, parts: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The beginnings and ends of `parts` equal parts of [start, end), whole numbers within [0, limit], none empty."""
    lines = start + (end - start) * np.arange(parts + 1) / parts
    first = np.clip(np.floor(lines[:-1] + 1e-9).astype(np.int64), 0, limit - 1)
    return first, np.maximum(first + 1, np.minimum(np.floor(lines[1:] + 1e-9).astype(np.int64), limit))
