"""The pictures of clips, read from their recordings and kept, so that the next clip is drawn the moment it is reached.

Separate from the review room because it is used in threads and knows files and the catalogue, but no widget.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import audio
from catalog.store import Store
from curator.tui import spectrogram
from curator.tui.envelope import Envelope, heard_between, measure
from curator.tui.spectrogram import Spectrogram

KEPT_CLIPS = 96
KEPT_RECORDINGS = 8


@dataclass(frozen=True, eq=False)
class Picture:
    """A clip's sound as it is drawn."""

    envelope: Envelope
    spectrogram: Spectrogram


class Pictures:
    """Pictures by clip; the speech of a recording is asked for once for all its clips."""

    def __init__(self, store: Store) -> None:
        self._kept: OrderedDict[tuple[str, int, int], Picture] = OrderedDict()
        self._lock = threading.Lock()
        self._at_work: dict[tuple[str, int, int], threading.Lock] = {}
        self._activity = lru_cache(KEPT_RECORDINGS)(store.activity)

    def ready(self, clip: Mapping[str, Any]) -> Picture | None:
        """The picture of a row of the clip table if it is at hand; never waits."""
        key = _key(clip)
        with self._lock:
            picture = self._kept.get(key)
            if picture is not None:
                self._kept.move_to_end(key)
        return picture

    def of(self, clip: Mapping[str, Any]) -> Picture:
        """The picture of a row of the clip table; raises BadAudio when its recording cannot be read."""
        key = _key(clip)
        with self._lock:
            at_work = self._at_work.setdefault(key, threading.Lock())
        # A picture that another thread is drawing is waited for, not drawn again.
        with at_work:
            picture = self.ready(clip)
            if picture is None:
                picture = self._draw(clip)
                self._keep(key, picture)
        with self._lock:
            self._at_work.pop(key, None)
        return picture

    def _keep(self, key: tuple[str, int, int], picture: Picture) -> None:
        with self._lock:
            self._kept[key] = picture
            while len(self._kept) > KEPT_CLIPS:
                self._kept.popitem(last=False)

    def _draw(self, clip: Mapping[str, Any]) -> Picture:
        path, start, end = _key(clip)
        samples, rate = audio.read(Path(path), start, end)
        speech = heard_between(self._activity(str(clip["recording"])), start / rate, end / rate)
        return Picture(measure(samples, rate, speech), spectrogram.measure(samples, rate))


def _key(clip: Mapping[str, Any]) -> tuple[str, int, int]:
    return str(clip["path"]), int(clip["start"]), int(clip["end"])
