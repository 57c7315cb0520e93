"""Which part of a clip the pictures show, and where the cursor is in it: shared by waveform and spectrogram.

Separate from both so that they always show the same seconds in the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CLOSEST_S = 0.2
ZOOM = 2.0


@dataclass(frozen=True)
class Lens:
    """Seconds from the clip's start; [start_s, end_s) is shown."""

    duration_s: float = 0.0
    start_s: float = 0.0
    end_s: float = 0.0
    cursor_s: float = 0.0

    @staticmethod
    def on(duration_s: float) -> Lens:
        """The whole of a clip, the cursor at its start."""
        return Lens(duration_s, 0.0, duration_s, 0.0)

    @property
    def shown_s(self) -> float:
        """How many seconds are shown."""
        return self.end_s - self.start_s

    @property
    def whole(self) -> bool:
        """Whether all of the clip is shown."""
        return self.shown_s >= self.duration_s

    def moved(self, by_s: float) -> Lens:
        """The cursor elsewhere; what is shown follows it."""
        return self.to(self.cursor_s + by_s)

    def to(self, cursor_s: float) -> Lens:
        """The cursor at a moment of the clip; what is shown follows it."""
        cursor = min(max(cursor_s, 0.0), self.duration_s)
        start = self.start_s
        if cursor < start:
            start = cursor
        elif cursor > self.end_s:
            start = cursor - self.shown_s
        return self._showing(start, self.shown_s, cursor)

    def zoomed(self, factor: float) -> Lens:
        """So many times closer (below 1: farther), the cursor staying where it is on the screen."""
        length = min(max(self.shown_s / factor, min(CLOSEST_S, self.duration_s)), self.duration_s)
        share = (self.cursor_s - self.start_s) / self.shown_s if self.shown_s else 0.0
        return self._showing(self.cursor_s - share * length, length, self.cursor_s)

    def _showing(self, start: float, length: float, cursor: float) -> Lens:
        start = min(max(start, 0.0), self.duration_s - length)
        return replace(self, start_s=start, end_s=start + length, cursor_s=cursor)

    def column(self, seconds: float, width: int) -> int | None:
        """The column of `width` in which a moment lies, None outside of what is shown."""
        if self.shown_s <= 0 or not self.start_s <= seconds <= self.end_s or not width:
            return None
        return min(width - 1, int(width * (seconds - self.start_s) / self.shown_s))

    def columns(self, start_s: float, end_s: float, width: int) -> range:
        """The columns that a range of seconds touches."""
        if self.shown_s <= 0 or end_s <= self.start_s or start_s >= self.end_s:
            return range(0)
        first = max(0, int(width * (start_s - self.start_s) / self.shown_s))
        last = min(width - 1, int(width * (end_s - self.start_s) / self.shown_s - 1e-9))
        return range(first, last + 1)

    def seconds(self, column: int, width: int) -> float:
        """The moment in the middle of a column."""
        return self.start_s + self.shown_s * (column + 0.5) / max(1, width)
