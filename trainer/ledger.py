"""The drop ledger: what became of every clip of the set, so that nothing is left out of a training in silence.

Separate because it is an invariant of the whole preparation, written beside the run for whoever asks later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from catalog import atomic

Fate = Literal["trained", "held out", "dropped"]


@dataclass(frozen=True)
class Entry:
    """The fate of one clip."""

    clip: str
    seconds: float
    fate: Fate
    reason: str = ""


@dataclass
class Ledger:
    """One entry for every clip of a set."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def enter(self, clip: str, seconds: float, fate: Fate, reason: str = "") -> None:
        """Write down a clip's fate; every clip has exactly one."""
        if clip in self.entries:
            raise ValueError(f"clip {clip} already has a fate: {self.entries[clip].fate}")
        self.entries[clip] = Entry(clip, seconds, fate, reason)

    def clips(self, fate: Fate) -> list[str]:
        """The clips of one fate."""
        return [entry.clip for entry in self.entries.values() if entry.fate == fate]

    def seconds(self, fate: Fate | None = None) -> float:
        """Seconds of one fate, or of all."""
        return sum(entry.seconds for entry in self.entries.values() if fate in (None, entry.fate))

    def reconcile(self, clips: Iterable[str], seconds: float) -> None:
        """Assert that what came in is what was trained, held out or dropped, clip by clip and in seconds."""
        missing = set(clips) ^ set(self.entries)
        if missing:
            raise AssertionError(f"the ledger and the set differ by {len(missing)} clips, such as {min(missing)}")
        if abs(self.seconds() - seconds) > 1e-6 * max(1.0, seconds):
            raise AssertionError(f"the ledger holds {self.seconds():.3f} s of the set's {seconds:.3f} s")

    def summary(self) -> dict[str, Any]:
        """Counts and seconds by fate, and every clip dropped with its reason: for the card and the events."""
        fates: tuple[Fate, ...] = ("trained", "held out", "dropped")
        return {
            "clips": {fate: len(self.clips(fate)) for fate in fates},
            "seconds": {fate: round(self.seconds(fate), 3) for fate in fates},
            "dropped": {entry.clip: entry.reason for entry in self.entries.values() if entry.fate == "dropped"},
        }

    def write(self, path: Path) -> None:
        """Write all entries as JSON."""
        atomic.write_json(path, {**self.summary(), "entries": [asdict(entry) for entry in self.entries.values()]})
