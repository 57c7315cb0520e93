"""Voice activity: the probability of speech every 32 ms, from the silero network.

Separate because it is the only place that runs that network. The weights are the ONNX form that takes many frames a
call, from the silero-vad wheel; its probabilities equal those of the wheel's .jit (the tests hold it to that), and it
needs neither torch nor an import of `silero_vad`, which sets torch to one thread for the whole process.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.errors import MissingWeights

RATE = 16_000
HOP = 512
HOP_S = HOP / RATE
VERSION = "silero-6 fresh-1"
CONTEXT = 64
FRAMES_A_CALL = 64
"""Two seconds: what the network works on then stays in the cache; the answers are the same."""
BLOCK = 2 * FRAMES_A_CALL
"""Frames (4.1 s) that are judged together."""
VOICE, HARDLY, WITHIN_DB, FAINT_DBFS = 0.5, 0.1, 30.0, -75.0
"""A block with sound within 30 dB of the loudest, not fainter than -75 dBFS, is heard a second time where hardly a
tenth of it is voice."""
QUIET_DBFS, DECAY_DB, MOST_DB = -40.0, 4.0 * HOP_S, 30.0
"""A voice that stays below this level is made louder, by at most so much; the level that counts falls 4 dB a second."""

Floats = npt.NDArray[np.float32]
State = tuple[Floats, Floats, Floats]
"""The network's hidden state and cell, (1, 1, 128) each, and the last 64 samples."""
START: State = (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32), np.zeros(CONTEXT, np.float32))


class VoiceActivity:
    """Speech probabilities of a stream of 16 kHz mono audio; state is carried, so blocks may have any length.

    The network hears little of speech quieter than some -55 dBFS (43 % of the words of a recording turned down to -67),
    so what is quiet is made louder before it; a recording of usual level reaches it as it is. It also gets stuck: after
    a while with a voice in noise or in a room it can hear no speech for minutes. A block in which something sounds but
    hardly a voice is heard is therefore heard again from a fresh start, and what then hears more voice goes on.
    """

    def __init__(self) -> None:
        self._network = _network()
        self._state = START
        self._held = np.zeros(0, np.float32)
        self._loudest_db = QUIET_DBFS
        self._probabilities: list[Floats] = []

    def feed(self, wave: Floats) -> None:
        """Take the next samples (n,) at 16 kHz."""
        wave = np.concatenate([self._held, wave]) if len(self._held) else wave
        whole = len(wave) // (BLOCK * HOP) * (BLOCK * HOP)
        self._held = wave[whole:].copy()
        for first in range(0, whole, BLOCK * HOP):
            self._take(wave[first : first + BLOCK * HOP])

    def finish(self) -> Floats:
        """The probabilities (frames,), one for each 32 ms begun; the last frame is filled up with silence."""
        if len(self._held):
            self._take(np.pad(self._held, (0, -len(self._held) % HOP)))
            self._held = self._held[:0]
        return np.concatenate(self._probabilities) if self._probabilities else np.zeros(0, np.float32)

    def _take(self, wave: Floats) -> None:
        frames = wave.reshape(-1, HOP)
        level = 10 * np.log10(frames.var(axis=1, dtype=np.float64) + 1e-12)
        frames = self._louder(frames, level)
        found, state = self._run(frames, self._state)
        voice = np.count_nonzero(found >= VOICE)
        sounds = level.max() > max(self._loudest_db - WITHIN_DB, FAINT_DBFS)
        if sounds and voice < HARDLY * len(frames):
            fresh, fresh_state = self._run(frames, START)
            if np.count_nonzero(fresh >= VOICE) > voice:
                found, state = np.maximum(found, fresh), fresh_state
        self._state = state
        self._probabilities.append(found)

    def _run(self, frames: Floats, state: State) -> tuple[Floats, State]:
        """The probabilities of frames (n, 512), and the state after them."""
        found = []
        for first in range(0, len(frames), FRAMES_A_CALL):
            piece = frames[first : first + FRAMES_A_CALL]
            hidden, cell, context = state
            before = np.concatenate([context[None], piece[:-1, -CONTEXT:]])
            feed = {"input": np.concatenate([before, piece], axis=1), "h": hidden, "c": cell}
            probability, hidden, cell = self._network.run(["speech_probs", "hn", "cn"], feed)
            found.append(np.asarray(probability, np.float32).reshape(-1))
            state = (hidden, cell, piece[-1, -CONTEXT:].copy())
        return np.concatenate(found), state

    def _louder(self, frames: Floats, level: npt.NDArray[np.float64]) -> Floats:
        """Each frame as loud as the loudest sound before it, that forgotten slowly, leaves it short of `QUIET_DBFS`."""
        fallen = DECAY_DB * np.arange(1, len(frames) + 1)
        loudest = np.maximum(np.maximum.accumulate(level + fallen), self._loudest_db) - fallen
        self._loudest_db = float(loudest[-1])
        gain = np.clip(QUIET_DBFS - loudest, 0, MOST_DB)
        return np.asarray(frames * 10 ** (gain[:, None] / 20), np.float32)


def probabilities(wave: Floats) -> Floats:
    """The speech probability of every 32 ms of 16 kHz mono audio (n,)."""
    activity = VoiceActivity()
    activity.feed(np.asarray(wave, np.float32))
    return activity.finish()


@lru_cache(maxsize=1)
def _network() -> Any:
    """The network on one thread; raises MissingWeights when the wheel does not hold it."""
    import onnxruntime

    found = importlib.util.find_spec("silero_vad")
    folder = Path(found.origin).parent / "data" if found and found.origin else Path("silero_vad")
    weights = folder / "silero_vad_16k_sequence.onnx"
    if not weights.exists():
        raise MissingWeights(f"{weights} is missing: install silero-vad 6.2.3 or newer.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
