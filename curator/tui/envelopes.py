"""The outlines of clips, read from their recordings and kept, so that going back to a clip shows it at once.

Separate from the review room because it is used in threads and knows files and the catalogue, but no widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import audio
from catalog.store import Store
from curator.tui.envelope import Envelope, heard_between, measure

KEPT_CLIPS = 256
KEPT_RECORDINGS = 8


class Envelopes:
    """Outlines by clip; the speech of a recording is asked for once for all its clips."""

    def __init__(self, store: Store) -> None:
        self._of = lru_cache(KEPT_CLIPS)(self._measure)
        self._activity = lru_cache(KEPT_RECORDINGS)(store.activity)

    def of(self, clip: Mapping[str, Any]) -> Envelope:
        """The outline of a row of the clip table; raises BadAudio when its recording cannot be read."""
        return self._of(str(clip["path"]), int(clip["start"]), int(clip["end"]), str(clip["recording"]))

    def _measure(self, path: str, start: int, end: int, recording: str) -> Envelope:
        samples, rate = audio.read(Path(path), start, end)
        return measure(samples, rate, heard_between(self._activity(recording), start / rate, end / rate))
