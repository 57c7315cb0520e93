"""Speech with exact phone times from two synthesizers: espeak-ng through its wheel, flite when it is installed.

Only this recipe uses them. espeak-ng is GPL and comes with the extra `demo`; flite is a program of the system.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from catalog.errors import BadRequest
from infer.phone_encoder import PAUSE, SAMPLE_RATE
from trainer.recipes.phone_encoder.labels import Segment, Utterance, phones_of_ipa, spread

_RETRIEVE_SYNCHRONOUSLY = 2
_PHONEME_EVENTS_AS_IPA = 3
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8 = 1
_END, _WORD, _PHONEME = 0, 1, 7
_CLOSURES = ("p", "t", "k", "b", "d", "ɡ", "tʃ", "dʒ")


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Manner:
    """How a sentence is said: words a minute, and pitch and its liveliness from 0 to 99 (50 is the voice's own)."""

    rate: int = 170
    pitch: int = 50
    liveliness: int = 50


class Espeak:
    """The espeak-ng library of the wheel `espeakng-loader`; one per process, because the library is one."""

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError as error:
            raise BadRequest("espeak-ng is not installed; add it with: pip install 'voice-curator[demo]'") from error
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        self._rate = self._library.espeak_Initialize(_RETRIEVE_SYNCHRONOUSLY, 0, data, _PHONEME_EVENTS_AS_IPA)
        if self._rate <= 0:
            raise BadRequest("espeak-ng did not start: its data folder is missing or damaged")
        self._chunks: list[NDArray[np.int16]] = []
        self._events: list[tuple[int, int, str]] = []
        self._callback = _Callback(self._receive)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != _END:
            event = events[index]
            text = event.id.string.decode("utf-8", "replace") if event.type == _PHONEME else ""
            self._events.append((event.type, event.sample, text))
            index += 1
        return 0

    def say(self, text: str, voice: str, manner: Manner | None = None) -> Utterance:
        """Speech of `text` by `voice` (such as en-us or en-us+f3) at 16 kHz with its phones; raises as `wave` does."""
        wave, rate = self.wave(text, voice, manner)
        segments = _segments(self._events, len(wave), rate, english=voice.lower().startswith("en"))
        return Utterance(soxr.resample(wave, rate, SAMPLE_RATE), segments, f"espeak/{voice}", text)

    def wave(self, text: str, voice: str, manner: Manner | None = None) -> tuple[NDArray[np.float32], int]:
        """Speech of `text` by `voice` as float32 (N,) with the synthesizer's own sample rate in Hz.

        Raises BadRequest for a voice the library does not have (it would go on with the one before) and when
        nothing was spoken.
        """
        how = manner or Manner()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise BadRequest(f"espeak-ng has no voice {voice}")
        for parameter, value in ((_RATE, how.rate), (_PITCH, how.pitch), (_RANGE, how.liveliness)):
            self._library.espeak_SetParameter(parameter, value, 0)
        # The library remembers one receiver for the whole process: the last one set, which may be gone by now.
        self._library.espeak_SetSynthCallback(self._callback)
        self._chunks.clear()
        self._events.clear()
        said = text.encode()
        if self._library.espeak_Synth(said, len(said) + 1, 0, 0, 0, _UTF8, None, None) != 0 or not self._chunks:
            raise BadRequest(f"espeak-ng could not say {text!r}")
        return np.concatenate(self._chunks).astype(np.float32) / 32768.0, self._rate


def _segments(events: Sequence[tuple[int, int, str]], samples: int, rate: int, *, english: bool) -> tuple[Segment, ...]:
    """Phones from espeak-ng's events: a phone ends where the next begins; a stop owns the closure before it."""
    marks: list[tuple[int, str]] = []
    word = -1
    for kind, sample, text in events:
        if kind == _WORD:
            word = sample
        elif kind == _PHONEME:
            bare = text.strip("ˈˌ")
            begins = word if word >= 0 and bare.startswith(_CLOSURES) else sample
            marks.append((max(begins, marks[-1][0] if marks else 0), text))
            word = -1
    segments = [Segment(PAUSE, 0.0, marks[0][0] / rate)] if marks else []
    for (start, text), end in zip(marks, [m[0] for m in marks[1:]] + [samples], strict=True):
        if end > start:
            phones = phones_of_ipa(text, english=english) if text else (PAUSE,)
            segments += spread(phones, start / rate, end / rate)
    return tuple(segments)


# The labels of flite's American voices differ from ours in the two reduced vowels only.
_FLITE = {"ax": "ah", "axr": "er"}


def flite_program() -> str | None:
    """Where flite is, or None."""
    return shutil.which("flite")


def say_flite(text: str, voice: str, *, f0: float | None = None, stretch: float = 1.0) -> Utterance:
    """Speech of `text` by a flite voice (kal16, awb, rms, slt) at 16 kHz with its phones.

    `f0` sets the mean pitch in Hz, `stretch` lengthens every phone. Raises BadRequest when flite fails.
    """
    program = flite_program()
    if program is None:
        raise BadRequest("flite is not installed (Debian: apt-get install flite)")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "said.wav"
        command = [program, "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}"]
        if f0 is not None:
            command += ["--setf", f"int_f0_target_mean={f0}"]
        run = subprocess.run([*command, "-t", text, "-o", str(out)], capture_output=True, text=True)
        if run.returncode != 0 or not out.exists():
            raise BadRequest(f"flite could not say {text!r}: {run.stderr.strip()[:200]}")
        wave, rate = soundfile.read(out, dtype="float32")
    audio = wave if rate == SAMPLE_RATE else soxr.resample(wave, rate, SAMPLE_RATE)
    return Utterance(audio, tuple(_flite_segments(run.stdout)), f"flite/{voice}", text)


def _flite_segments(printed: str) -> Iterator[Segment]:
    """flite's list of `phone:end` pairs as segments."""
    start = 0.0
    for phone, end in re.findall(r"([a-z]+):([0-9.]+)", printed):
        yield Segment(_FLITE.get(phone, phone), start, float(end))
        start = float(end)
