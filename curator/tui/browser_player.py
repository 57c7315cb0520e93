"""Playing through the page in the browser: the sound is left as a file for the server, and the page is told its name.

Separate from the player of this machine's speakers: here nothing says when the sound comes out, so the place in it
follows the clock.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from catalog import audio
from curator.tui.passage import PLAIN, Manner, Passage, passage
from curator.tui.player import LONGEST_S, Player

VARIABLE = "CURATOR_SOUNDS"
MESSAGE = "curator_sound"
Tell = Callable[[Callable[[], dict[str, object] | None]], None]
"""Calls a function in the app's own thread and sends the page what it gives, if anything: so that a sound that was
stopped meanwhile is never announced after its end."""


def folder_of_sounds() -> Path | None:
    """Where a server wants sounds to be left; None when the app is in a terminal."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder and os.environ.get("TEXTUAL_DRIVER") else None


class BrowserPlayer(Player):
    """Plays one thing at a time in the page that shows this app."""

    def __init__(self, folder: Path, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._folder = folder
        self._tell = tell
        self._clock = clock
        self._file: Path | None = None
        self._began: float | None = None

    @property
    def playing(self) -> bool:
        """Whether the page should be heard now."""
        return self._began is not None and (self._loop or self._elapsed_s < self._length_s)

    @property
    def position_s(self) -> float:
        """Where in the stretch the sound should be, in seconds from the stretch's start."""
        if self._passage is None or not self._length_s:
            return 0.0
        elapsed = self._elapsed_s
        return self._passage.source_at(elapsed % self._length_s if self._loop else min(elapsed, self._length_s))

    @property
    def _elapsed_s(self) -> float:
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def _length_s(self) -> float:
        return self._passage.samples.size / self._passage.rate if self._passage is not None else 0.0

    def play(self, path: Path | str, start: int = 0, end: int | None = None, manner: Manner = PLAIN) -> None:
        """Have samples [start, end) of a file played by the page; call it in a thread. Raises BadAudio."""
        with self._lock:
            self._turn += 1
            turn = self._turn
        rate = audio.probe(path).sample_rate
        last = start + int(LONGEST_S * rate)
        samples, rate = audio.read(path, start, min(end, last) if end is not None else last)
        sound: Passage = passage(samples, rate, manner)
        file = self._folder / f"{uuid.uuid4().hex}.wav"
        audio.write_wav(file, sound.samples, rate, "PCM_16")
        with self._lock:
            if turn != self._turn:
                file.unlink(missing_ok=True)
                return
            self._forget()
            self._file, self._passage, self._loop = file, sound, manner.loop
            self._began = self._clock()
        announcement: dict[str, object] = {"type": MESSAGE, "name": file.stem, "loop": manner.loop}
        self._tell(lambda: announcement if turn == self._turn else None)

    def stop(self) -> None:
        """Be silent."""
        with self._lock:
            self._turn += 1
            was, self._began = self._began, None
            self._forget()
        if was is not None:
            self._tell(lambda: {"type": MESSAGE})

    def _forget(self) -> None:
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None
