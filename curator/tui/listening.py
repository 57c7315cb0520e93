"""What there is to listen to besides the clip itself, and the line that says how one listens.

Separate from the room because none of it is about keys: where the pauses are, which place is worst, which clip of a
speaker is cleanest, which recording a stem was made from, and a clip as a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.content import Content

from catalog import audio, clips
from catalog.late import np
from catalog.records import Rule
from catalog.store import Store
from curator.tui.envelope import Envelope
from curator.tui.lens import Lens
from curator.tui.spectrogram import Spectrogram
from curator.words import file_name, number, position

PAUSE_S = 0.35
KEPT_S = 0.1
"""Of a pause that is passed over, so much is heard on either side."""
LEAST_S = 1.0
MOST_S = 4.0


@dataclass(frozen=True)
class Listening:
    """How a person listens now."""

    speed: float
    loop: bool
    skip: bool
    autoplay: bool


@dataclass(frozen=True)
class Place:
    """Where in a clip a score is worst, in seconds from its start."""

    start_s: float
    end_s: float
    words: str


@dataclass(frozen=True)
class Version:
    """Another recording of the same sound: what a stem was made from, or a stem."""

    path: str
    sample_rate: int
    words: str


def line(how: Listening, lens: Lens, picture: Spectrogram | None) -> Content:
    """Cursor, f0 and zoom, then what of playing is out of the ordinary."""
    parts: list[tuple[str, str] | str] = []
    if picture is not None and lens.duration_s:
        hertz = picture.f0_at(lens.cursor_s)
        voice = f"  {number(hertz, 0)} Hz" if hertz else "  no voice"
        parts += [("┊ ", "bold"), (f"{number(lens.cursor_s, 2)} s", "$foreground"), (voice, "$foreground 60%")]
        if not lens.whole:
            parts.append((f"  {lens.duration_s / lens.shown_s:.0f}× closer", "$accent"))
    on = [
        words
        for words, true in (
            (f"×{how.speed:g}", how.speed != 1.0),
            ("loop", how.loop),
            ("skips pauses", how.skip),
            ("autoplay", how.autoplay),
        )
        if true
    ]
    return Content.assemble(*parts, ("   " + "  ".join(on) if on else "", "$accent"))


def pauses(envelope: Envelope, start_s: float, end_s: float) -> tuple[tuple[float, float], ...]:
    """The pauses of a clip that need not be heard, in seconds from `start_s`, within [start_s, end_s)."""
    if envelope.speech is None or not envelope.speech.any():
        return ()
    silent = np.concatenate([[False], ~envelope.speech, [False]])
    turns = np.flatnonzero(silent[1:] != silent[:-1]) * (envelope.duration_s / envelope.speech.size)
    found = []
    for first, last in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
        low, high = max(first + KEPT_S, start_s), min(last - KEPT_S, end_s)
        if last - first >= PAUSE_S and high > low:
            found.append((low - start_s, high - start_s))
    return tuple(found)


def worst_place(clip: Mapping[str, Any], complaints: Mapping[str, str]) -> Place | None:
    """The place of the first complaint that has one; without complaints there is none."""
    places = clips.places(clip.get("places"))
    for score, words in complaints.items():
        if score in places:
            return Place(*places[score], words)
    return None


def widened(place: Place, duration_s: float) -> tuple[float, float]:
    """A place as it is played: at least a second, at most four, inside the clip."""
    length = min(max(place.end_s - place.start_s, LEAST_S), MOST_S, duration_s)
    middle = (place.start_s + place.end_s) / 2
    start = min(max(0.0, middle - length / 2), duration_s - length)
    return start, start + length


def cleanest(store: Store, speaker: str, rules: Sequence[Rule]) -> dict[str, Any] | None:
    """The clip of a speaker with the best snr_db among those that nobody and nothing speaks against; else among all."""
    named = f"speaker = {clips.literal(speaker)} AND snr_db IS NOT NULL"
    for condition in (f"{named} AND verdict <> 'rejected' AND suggestion = 'accept'", named):
        table = store.clip_table(where=condition, sort="snr_db DESC", limit=1, rules=rules)
        if table.num_rows:
            row: dict[str, Any] = table.to_pylist()[0]
            return row
    return None


def other_version(store: Store, recording: str) -> Version | None:
    """The recording that a stem was made from, or the first stem of a recording."""
    known = {each.id: each for each in store.recordings()}
    here = known.get(recording)
    if here is None:
        return None
    parent = known.get(here.parent or "")
    if parent is not None:
        return Version(parent.path, parent.sample_rate, f"before separation: {file_name(parent.path)}")
    stem = next((each for each in known.values() if each.parent == recording), None)
    return Version(stem.path, stem.sample_rate, f"the stem: {file_name(stem.path)}") if stem else None


def write_clip(clip: Mapping[str, Any], folder: Path) -> Path:
    """Write a clip with all its channels as a 24-bit WAV into a folder; returns the file."""
    samples, rate = audio.read(str(clip["path"]), int(clip["start"]), int(clip["end"]), mono=False)
    stem = re.sub(r"[^\w.-]+", "_", Path(str(clip["path"])).stem).strip("_") or "clip"
    path = folder / f"{stem}-{float(clip['start_s']):07.2f}s.wav"
    folder.mkdir(parents=True, exist_ok=True)
    audio.write_wav(path, samples, rate)
    return path


def short_words(clip: Mapping[str, Any]) -> str:
    """A clip in a few words: its file, its place, its SNR."""
    return f"{file_name(str(clip['path']))} at {position(clip['start_s'])}, {number(clip['snr_db'], 0)} dB snr"
