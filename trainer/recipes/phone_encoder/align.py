"""Phone times and soft labels for real English speech, by pocketsphinx (BSD; its acoustic model is in its wheel).

Apart from the synthesizers because it listens instead of speaking, and needs the extra `align`.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from catalog.errors import BadRequest
from infer.phone_encoder import PAUSE, PHONES, SAMPLE_RATE
from trainer.recipes.phone_encoder.labels import Segment

SENONES = 126
"""States of the context-independent phones of pocketsphinx's English model: 42 phones of 3 states."""

_FRAME_S = 0.01
_LOG_BASE = 0.1024
_SCALE = 0.5


def read_speech(path: Path) -> NDArray[np.float32]:
    """One recording as mono at 16 kHz."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    return mono if rate == SAMPLE_RATE else np.asarray(soxr.resample(mono, rate, SAMPLE_RATE))


def _pcm(audio: NDArray[np.float32]) -> bytes:
    loud = max(float(np.abs(audio).max(initial=0.0)), 1e-6)
    return (audio / loud * 0.5 * 32767).astype("<i2").tobytes()


def _decoder(**options: Any) -> Any:
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise BadRequest("pocketsphinx is not installed; add it with: pip install 'voice-curator[align]'") from error
    return Decoder(loglevel="FATAL", **options)


class Aligner:
    """Forced alignment of a known text."""

    def __init__(self) -> None:
        self._decoder = _decoder(lm=None)

    def align(self, audio: NDArray[np.float32], text: str) -> tuple[Segment, ...] | None:
        """The phones of `text` in `audio` at 16 kHz; None when a word is unknown or the alignment fails."""
        words = re.findall(r"[a-z']+", text.lower().replace("’", "'").replace("-", " "))
        words = [word if self._decoder.lookup_word(word) else word.strip("'") for word in words]
        if not words or not all(self._decoder.lookup_word(word) for word in words):
            return None
        try:
            self._decoder.set_align_text(" ".join(words))
            self._listen(audio)
            if self._decoder.hyp() is None:
                return None
            self._decoder.set_alignment()
            self._listen(audio)
            # The entries die with the iterator that gave them: copy what is needed while walking.
            found = [
                (phone.name.lower(), phone.start, phone.duration)
                for word in self._decoder.get_alignment()
                for phone in word
            ]
        except RuntimeError:
            return None
        return tuple(_segments(found, len(audio) / SAMPLE_RATE))

    def _listen(self, audio: NDArray[np.float32]) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(_pcm(audio), full_utt=True)
        self._decoder.end_utt()


def _segments(found: list[tuple[str, int, int]], seconds: float) -> Iterator[Segment]:
    for name, first, count in found:
        start, end = first * _FRAME_S, min((first + count) * _FRAME_S, seconds)
        if end > start:
            known = PAUSE if name == "sil" else name
            yield Segment(known if known in PHONES else None, start, end)


class Teacher:
    """What pocketsphinx's acoustic model hears in every 10 ms, as probabilities of its phone states."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        from pocketsphinx import get_model_path

        phones = get_model_path("en-us/en-us-phone.lm.bin")
        self._decoder = _decoder(allphone=phones, lm=None, senlogdir=self._folder.name, compallsen=True)

    def listen(self, audio: NDArray[np.float32], frames: int) -> NDArray[np.float16]:
        """Probabilities (frames, 126) for audio at 16 kHz; rows without an answer are zero."""
        self._decoder.start_utt()
        self._decoder.process_raw(_pcm(audio), full_utt=True)
        self._decoder.end_utt()
        dumps = list(Path(self._folder.name).glob("*.sen"))
        costs = _read_dump(dumps[0])
        for dump in dumps:
            dump.unlink()
        scores = -costs.astype(np.float32) * _LOG_BASE * _SCALE
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        out = np.zeros((frames, SENONES), np.float16)
        out[: len(shares)] = shares[:frames]
        return out


def _read_dump(path: Path) -> NDArray[np.int16]:
    """Costs (frames, 126) of pocketsphinx's senone dump: a text header, a byte-order word, then one record a frame."""
    blob = path.read_bytes()
    begin = blob.index(b"endhdr\n") + len(b"endhdr\n") + 4
    numbers = np.frombuffer(blob[begin : begin + (len(blob) - begin) // 2 * 2], "<i2")
    record = 1 + int(numbers[0])
    rows = len(numbers) // record
    return numbers[: rows * record].reshape(rows, record)[:, 1 : 1 + SENONES]


def real_recordings(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """The recordings that `folder`/speech.csv lists, as `read_table` gives them."""
    return read_table(folder / "speech.csv")


def read_table(table: Path) -> Iterator[tuple[Path, str, str]]:
    """The recordings of a table: (path, text, speaker).

    The columns are path (from the table's folder), text (empty when not known) and speaker or speaker_id.
    Raises BadRequest when the table is missing.
    """
    if not table.exists():
        raise BadRequest(f"{table} is missing: a table with the columns path, text and speaker")
    with table.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            speaker = row.get("speaker") or row.get("speaker_id") or "one"
            yield table.parent / row["path"], row.get("text") or "", speaker
