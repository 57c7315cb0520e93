"""A live voice between the machine's microphone and its speakers.

Separate from `infer.live`, which knows blocks only: here two clocks meet, the device's, which wants samples now, and
the computing's, which takes its time, with a queue either way between them.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadRequest
from infer.live import LiveVoice

RATE = 48_000
_PERIOD_MS = 20
_NONE = "This machine has no microphone and speakers to talk through; curator convert works on files without any"


class Between:
    """Samples from the device to the voice and back; the device is never kept waiting."""

    def __init__(self, block: int, reserve: int = 0) -> None:
        """`block` samples are computed at once; `reserve` samples of silence stand before the first of them."""
        self.blocks: queue.Queue[NDArray[np.float32]] = queue.Queue()
        self.gaps = 0
        """Times that the device wanted sound and there was none."""
        self._block = block
        self._heard = np.zeros(0, np.float32)
        self._ready: queue.Queue[NDArray[np.float32]] = queue.Queue()
        self._out = np.zeros(0, np.float32)
        self._reserve = np.zeros(reserve, np.float32)
        self._begun = False

    def exchange(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the microphone heard in, as many samples for the speakers out."""
        self._heard = np.concatenate([self._heard, heard])
        while len(self._heard) >= self._block:
            self.blocks.put(self._heard[: self._block])
            self._heard = self._heard[self._block :]
        while len(self._out) < len(heard) and not self._ready.empty():
            lead = self._out if self._begun else self._reserve
            self._out = np.concatenate([lead, self._ready.get_nowait()])
            self._begun = True
        if len(self._out) < len(heard):
            self.gaps += self._begun
            self._out = np.concatenate([np.zeros(len(heard) - len(self._out), np.float32), self._out])
        given, self._out = self._out[: len(heard)], self._out[len(heard) :]
        return given

    def say(self, spoken: NDArray[np.float32]) -> None:
        """A block that is ready to be heard."""
        self._ready.put(spoken)


def converse(
    live: LiveVoice,
    device: Any,
    *,
    seconds: float | None = None,
    told: Callable[[LiveVoice, Between], None] = lambda live, between: None,
) -> Between:
    """Speak through a device of `open_device` until `seconds` are over or control-C, and close it; `told` hears of
    every block."""
    between = Between(live.block, live.reserve)
    over = threading.Event()
    worker = threading.Thread(target=_work, args=(live, between, over, told), daemon=True)
    try:
        source = _answers(between)
        next(source)
        device.start(source)
        worker.start()
        began = time.monotonic()
        while seconds is None or time.monotonic() - began < seconds:
            over.wait(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        over.set()
        device.close()
        worker.join(timeout=5)
    return between


def _work(live: LiveVoice, between: Between, over: threading.Event, told: Callable[[LiveVoice, Between], None]) -> None:
    while not over.is_set():
        try:
            block = between.blocks.get(timeout=0.1)
        except queue.Empty:
            continue
        between.say(live.process(block))
        told(live, between)


def _answers(between: Between) -> Generator[bytes, bytes, None]:
    heard = yield b""
    while True:
        heard = yield between.exchange(np.frombuffer(heard, np.float32)).astype(np.float32).tobytes()


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Inside, nothing reaches standard error: ALSA prints there from C when it finds no card."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def open_device(backends: Sequence[str] = ()) -> Any:
    """The default microphone and speakers as one device; raises BadRequest where there is none."""
    try:
        import miniaudio

        sample = miniaudio.SampleFormat.FLOAT32
        with _hushed():
            device = miniaudio.DuplexStream(
                playback_format=sample,
                playback_channels=1,
                capture_format=sample,
                capture_channels=1,
                sample_rate=RATE,
                buffersize_msec=_PERIOD_MS,
                backends=[miniaudio.Backend[name] for name in backends] or None,
            )
    except Exception as error:
        raise BadRequest(_NONE) from error
    if device.backend == "Null" and not backends:
        device.close()
        raise BadRequest(_NONE)
    return device
