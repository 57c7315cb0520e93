"""Phones and their times: the one vocabulary that every source of labelled speech is brought to.

Apart from the speakers and the aligner because all of them, the training and the measuring share it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infer.phone_encoder import CLASSES, MEL_HOP, PAUSE, PHONES, SAMPLE_RATE, STATES, WINDOW

UNKNOWN = -1
_NUMBER = {phone: index for index, phone in enumerate(PHONES)}


@dataclass(frozen=True)
class Segment:
    """One phone from `start` to `end` seconds; `phone` None when the sound has no name in our set."""

    phone: str | None
    start: float
    end: float


@dataclass(frozen=True)
class Utterance:
    """Mono audio at 16 kHz with its phones, who says it and what is said."""

    audio: NDArray[np.float32]
    segments: tuple[Segment, ...]
    voice: str
    text: str


# IPA as espeak-ng writes it. English first; the rest is what other languages share with English closely enough.
# An empty tuple means a sound that English lacks: it is heard in training but not scored.
_IPA: dict[str, tuple[str, ...]] = {
    "p": ("p",),
    "b": ("b",),
    "t": ("t",),
    "d": ("d",),
    "k": ("k",),
    "ɡ": ("g",),
    "g": ("g",),
    "f": ("f",),
    "v": ("v",),
    "θ": ("th",),
    "ð": ("dh",),
    "s": ("s",),
    "z": ("z",),
    "ʃ": ("sh",),
    "ʒ": ("zh",),
    "h": ("hh",),
    "tʃ": ("ch",),
    "dʒ": ("jh",),
    "m": ("m",),
    "n": ("n",),
    "ŋ": ("ng",),
    "l": ("l",),
    "ɫ": ("l",),
    "ɹ": ("r",),
    "j": ("y",),
    "w": ("w",),
    "n̩": ("n",),
    "l̩": ("l",),
    "iː": ("iy",),
    "i": ("iy",),
    "ɪ": ("ih",),
    "ᵻ": ("ih",),
    "ɨ": ("ih",),
    "ɛ": ("eh",),
    "æ": ("ae",),
    "ɑː": ("aa",),
    "ɑ": ("aa",),
    "ɒ": ("aa",),
    "ɔː": ("ao",),
    "ɔ": ("ao",),
    "ʊ": ("uh",),
    "uː": ("uw",),
    "u": ("uw",),
    "ʌ": ("ah",),
    "ə": ("ah",),
    "ɐ": ("ah",),
    "ɜː": ("er",),
    "ɜ": ("er",),
    "ɚ": ("er",),
    "eɪ": ("ey",),
    "aɪ": ("ay",),
    "ɔɪ": ("oy",),
    "aʊ": ("aw",),
    "oʊ": ("ow",),
    "əʊ": ("ow",),
    "əl": ("ah", "l"),
    "ɔːɹ": ("ao", "r"),
    "oːɹ": ("ao", "r"),
    "ɑːɹ": ("aa", "r"),
    "ɛɹ": ("eh", "r"),
    "ɪɹ": ("ih", "r"),
    "ʊɹ": ("uh", "r"),
    "aɪɚ": ("ay", "er"),
    "aɪə": ("ay", "ah"),
    "iə": ("iy", "ah"),
    "ɛː": ("eh",),
    "eə": ("eh",),
    "e": ("eh",),
    "aː": ("aa",),
    "oː": ("ow",),
    "ɾ": (),
    "ʔ": (),
    "x": (),
    "ç": (),
}
_ENGLISH_A = {"a": ("ae",)}
_OTHER_A = {"a": ("aa",), "ɜ": ("ah",), "o": ("ao",), "eː": ("ey",), "aʊ": ("aw",), "tʃ": ("ch",)}
_DROP = "ˈˌ̪̃ʲ͡"


def phones_of_ipa(symbol: str, *, english: bool) -> tuple[str, ...]:
    """The phones of one espeak-ng IPA symbol; empty when the set has none (rounded front vowels, trills)."""
    if not english and "̃" in unicodedata.normalize("NFD", symbol):
        return ()
    bare = "".join(c for c in unicodedata.normalize("NFD", symbol) if c not in _DROP)
    bare = unicodedata.normalize("NFC", bare)
    table = _IPA | (_ENGLISH_A if english else _OTHER_A)
    return table.get(bare, ())


def spread(symbols: Sequence[str], start: float, end: float) -> list[Segment]:
    """The phones of one symbol side by side in [start, end); a nameless segment when there are none."""
    if not symbols:
        return [Segment(None, start, end)]
    edges = np.linspace(start, end, len(symbols) + 1)
    return [Segment(phone, float(a), float(b)) for phone, a, b in zip(symbols, edges[:-1], edges[1:], strict=True)]


def frame_labels(segments: Iterable[Segment], frames: int) -> NDArray[np.int16]:
    """The class of each 10 ms mel frame, by the phone at the frame's centre; thirds of a phone count apart."""
    labels = np.full(frames, UNKNOWN, np.int16)
    centre = (np.arange(frames) * MEL_HOP + WINDOW / 2) / SAMPLE_RATE
    for segment in segments:
        if segment.phone is None:
            continue
        first, last = np.searchsorted(centre, [segment.start, segment.end])
        if segment.phone == PAUSE:
            labels[first:last] = CLASSES - 1
            continue
        place = (centre[first:last] - segment.start) / max(segment.end - segment.start, 1e-6)
        third = np.minimum((place * STATES).astype(np.int16), STATES - 1)
        labels[first:last] = _NUMBER[segment.phone] * STATES + third
    return labels


def phone_numbers(labels: NDArray[np.int16]) -> NDArray[np.int16]:
    """Classes of thirds to phone numbers; unknown stays unknown."""
    return np.where(labels < 0, UNKNOWN, labels // STATES).astype(np.int16)
