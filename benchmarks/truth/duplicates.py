"""Duplicates: the same takes in other files, among other takes of the same words, steady sounds and songs.

Takes are the real recordings of the folder, once as they are and once re-encoded, louder or quieter, filtered, cut
differently, in noise, or pasted into a song over other music. All are looked for in one collection, as a library is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.truth import material
from benchmarks.truth.row import Row
from catalog import audio
from curator.comparing import repeats
from curator.scores.fingerprint import fingerprint

RATE = 16_000
VOICES = ("speech_single", "singing")
SECONDS = (3.0, 12.0)
MADE_OF_OTHERS = "sep_csd_"
"""Files of the folder that are mixtures of others in it."""
Floats = npt.NDArray[np.float32]


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Share of repeats found with the right take, for each way to change one, and what else was taken for a repeat."""
    random = np.random.default_rng(0)
    spoken, takes = (list(column) for column in zip(*_takes(folder), strict=True))
    base = [fingerprint(wave) for wave in takes]
    false = repeats(base, np.arange(len(base)))
    yield Row("duplicate_of", f"{len(takes)} different takes, songs and noises", "taken for repeats", float(len(false)))
    found = right = 0
    for name, change in _changes(folder, half, random).items():
        chosen = [n for n, wave in enumerate(takes) if spoken[n] and len(wave) >= SECONDS[0] * RATE][::2]
        again = [fingerprint(change(takes[n])) for n in chosen]
        pairs = repeats([*base, *again], np.arange(len(base), len(base) + len(again)))
        hits = sum(pairs.get(len(base) + number) == n for number, n in enumerate(chosen))
        found, right = found + len(pairs), right + hits
        yield Row("duplicate_of", f"{len(chosen)} takes, {name}", "recall", hits / len(chosen))
    yield Row("duplicate_of", "all of these together", "precision", right / max(1, found), (">=", 0.99))


def _takes(folder: Path) -> Iterator[tuple[bool, Floats]]:
    """Recordings of voices (True), music and noise (False), each cut to at most 12 s; no file twice."""
    seen: set[bytes] = set()
    for part in (*VOICES, "music_mix", "noise"):
        for path in audio.find_audio([folder / part]):
            if path.name.startswith(MADE_OF_OTHERS):
                continue
            wave, rate = audio.read(path)
            wave = audio.resample(wave, rate, RATE)[: round(SECONDS[1] * RATE)]
            if len(wave) >= RATE and wave.tobytes() not in seen:
                seen.add(wave.tobytes())
                yield part in VOICES, wave


def _changes(folder: Path, half: str, random: np.random.Generator) -> dict[str, Callable[[Floats], Floats]]:
    paths = [path for path in audio.find_audio([folder / "music_mix"]) if not path.name.startswith(MADE_OF_OTHERS)]
    music = [audio.resample(*audio.read(path), RATE) for path in paths]
    noises = [material.noise(folder, name, 20 * RATE, RATE) for name in material.NOISES[half]]

    def over(wave: Floats, others: list[Floats], db: float) -> Floats:
        other = others[int(random.integers(len(others)))]
        other = np.resize(np.roll(other, int(random.integers(len(other)))), len(wave))
        return wave + other * np.float32(np.sqrt(np.mean(wave**2) / np.mean(other**2)) * 10 ** (-db / 20))

    def cut(wave: Floats) -> Floats:
        first = int(random.uniform(0.05, 0.3) * len(wave))
        return wave[first : len(wave) - int(random.uniform(0, 0.2) * len(wave))]

    return {
        "as FLAC": lambda wave: wave,
        "mp3 128 kbit/s": lambda wave: _encoded(wave, "libmp3lame", "mp3", 128_000),
        "mp3 64 kbit/s": lambda wave: _encoded(wave, "libmp3lame", "mp3", 64_000),
        "aac 96 kbit/s": lambda wave: _encoded(wave, "aac", "adts", 96_000),
        "12 dB quieter": lambda wave: wave * np.float32(0.25),
        "cut by up to half": cut,
        "cut and mp3 128 kbit/s": lambda wave: _encoded(cut(wave), "libmp3lame", "mp3", 128_000),
        "in noise at 15 dB": lambda wave: over(wave, noises, 15),
        "over music 10 dB below": lambda wave: over(wave, music, 10),
    }


def _encoded(wave: Floats, codec: str, container: str, rate: int) -> Floats:
    """The wave through a lossy codec at 44.1 kHz and back."""
    import av

    held = io.BytesIO()
    loud = audio.resample(wave, RATE, 44_100)
    with av.open(held, "w", format=container) as out:
        stream = out.add_stream(codec, rate=44_100, layout="mono")
        stream.bit_rate = rate
        frame = av.AudioFrame.from_ndarray(loud[None].astype(np.float32), format="fltp", layout="mono")
        frame.rate = 44_100
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    held.seek(0)
    with av.open(held) as back:
        parts = [frame.to_ndarray() for frame in back.decode(audio=0)]
    return audio.resample(np.concatenate(parts, axis=1)[0].astype(np.float32), 44_100, RATE)
