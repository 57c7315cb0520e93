"""Playing a stretch of a file through the machine's speakers.

Separate because the audio library is loaded only when something is first played, in a thread, and because a machine
without speakers is an ordinary case that is said in words and never written over the screen.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from catalog import audio
from catalog.errors import CuratorError
from catalog.late import np
from curator.tui.passage import PLAIN, Manner, Passage, passage

LONGEST_S = 20 * 60.0


class NoSpeakers(CuratorError):
    """This machine cannot play sound; the message says what to do instead."""


class Player:
    """Plays one thing at a time; starting another stops the one before."""

    def __init__(self, backends: Sequence[str] = ()) -> None:
        self._backends = tuple(backends)
        self._lock = threading.Lock()
        self._device: Any = None
        self._turn = 0
        self._at = 0
        self._loop = False
        self._passage: Passage | None = None

    @property
    def playing(self) -> bool:
        """Whether sound is coming out now."""
        sound = self._passage
        return self._device is not None and sound is not None and (self._loop or self._at < sound.samples.size)

    @property
    def position_s(self) -> float:
        """Where in the stretch that was started last the sound is, in seconds from the stretch's start."""
        sound = self._passage
        return sound.source_at(self._at / sound.rate) if sound is not None else 0.0

    def play(self, path: Path | str, start: int = 0, end: int | None = None, manner: Manner = PLAIN) -> None:
        """Play samples [start, end) of a file at its own rate, returning at once when it sounds; call it in a thread.

        Raises NoSpeakers where there is no device, BadAudio for a file that cannot be read.
        """
        self.stop()
        with self._lock:
            self._turn += 1
            turn = self._turn
        rate = audio.probe(path).sample_rate
        last = start + int(LONGEST_S * rate)
        samples, rate = audio.read(path, start, min(end, last) if end is not None else last)
        sound = passage(samples, rate, manner)
        device = self._open(rate)
        with self._lock:
            if turn != self._turn:
                device.close()
                return
            self._device, self._at, self._passage, self._loop = device, 0, sound, manner.loop and sound.samples.size > 0
            source = self._feed(sound, turn)
            next(source)
            device.start(source)

    def stop(self) -> None:
        """Be silent."""
        with self._lock:
            self._turn += 1
            device, self._device = self._device, None
        if device is not None:
            device.close()

    def _open(self, rate: int) -> Any:
        try:
            import miniaudio
        except Exception as error:
            raise NoSpeakers(
                "Nothing can be played: the package miniaudio is not installed. Install it with: pip install miniaudio"
            ) from error
        try:
            wanted = [miniaudio.Backend[name] for name in self._backends] or None
            device = miniaudio.PlaybackDevice(
                miniaudio.SampleFormat.FLOAT32, nchannels=1, sample_rate=rate, buffersize_msec=60, backends=wanted
            )
        except Exception as error:
            raise NoSpeakers(no_device()) from error
        if device.backend == "Null" and not self._backends:
            device.close()
            raise NoSpeakers(no_device())
        return device

    def _feed(self, sound: Passage, turn: int) -> Generator[bytes, int, None]:
        samples = sound.samples
        wanted = yield b""
        while self._at < samples.size and turn == self._turn:
            if self._loop:
                part = np.take(samples, range(self._at, self._at + wanted), mode="wrap")
                self._at = (self._at + wanted) % samples.size
            else:
                part = samples[self._at : self._at + wanted]
                self._at += part.size
            wanted = yield np.ascontiguousarray(part).tobytes()


def no_device() -> str:
    """What to say where there are no speakers."""
    return (
        "This machine has no audio device, so nothing can be heard here. Two ways to listen: `curator serve` opens the"
        " app in your browser, which plays the clips; or write the clip to a file (W in review) and play it elsewhere."
    )
