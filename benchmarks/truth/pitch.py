"""Pitch: tones, vibrato and glides of known f0 in real noise, sung voices given a known f0, and sung notes by name.

The sung glides are real sung notes taken apart by WORLD (Morise et al. 2016) and put together again with another f0:
the voice is real, the pitch is known. A note's name says what was meant to be sung, to half a semitone at best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.truth import material
from benchmarks.truth.row import Row
from catalog import audio
from curator.pitch import HIGHEST_HZ, LOWEST_HZ

RATE = 16_000
SNR_DB = 20.0
SECONDS = 4.0
MIDDLES = {"tuning": (65, 110, 190, 330, 560, 900), "report": (60, 85, 130, 220, 380, 650, 1000)}
NAMES = {"C": 0, "Cs": 1, "D": 2, "Ds": 3, "E": 4, "F": 5, "Fs": 6, "G": 7, "Gs": 8, "A": 9, "As": 10, "B": 11}
PERCENTILES = (5, 50, 95)
Wave = npt.NDArray[np.float64]
Found = tuple[float, float, float] | None


def rows(folder: Path, half: str) -> Iterator[Row]:
    """The worst error of the three percentiles, semitones, beside that of other trackers."""
    for kind in ("tone", "vibrato", "glide"):
        sounds = [(hz, *_sound(kind, hz)) for hz in MIDDLES[half]]
        yield from _compared(folder, half, f"{kind}s, {len(sounds)} of 60 to 1000 Hz", sounds)
    sung = list(_sung(folder, half))
    yield from _compared(folder, half, f"sung glides, {len(sung)}", sung)
    yield _notes(folder)


def _compared(folder: Path, half: str, name: str, sounds: list[tuple[float, Wave, Wave]]) -> Iterator[Row]:
    peers = {"praat": _praat, "dio": _dio}
    errors: dict[str, list[float]] = {}
    for number, (_, wave, truth) in enumerate(sounds):
        noises = material.NOISES[half]
        noise = material.noise(folder, noises[number % len(noises)], len(wave), RATE)
        noisy = wave + noise * np.sqrt(np.mean(wave**2)) * 10 ** (-SNR_DB / 20)
        noisy = np.asarray(noisy * 0.5 / np.abs(noisy).max(), np.float32)
        right = np.percentile(truth, PERCENTILES)
        for method, track in {"ours": _ours, **peers}.items():
            found = track(noisy)
            wrong = np.abs(12 * np.log2(np.array(found) / right)).max() if found else np.nan
            errors.setdefault(method, []).append(float(wrong))
    what = "worst error of 5th, 50th, 95th percentile at 20 dB, semitones"
    for peer in peers:
        ours, theirs = (_worst(errors[method]) for method in ("ours", peer))
        yield Row("f0_*_hz", name, what, ours, ("<=", 0.5), peer, theirs)


def _worst(errors: list[float]) -> float | None:
    """The worst error; None where a tracker gave nothing."""
    return None if np.isnan(errors).any() else max(errors)


def _contour(kind: str, hz: float) -> Wave:
    time = np.arange(round(SECONDS * RATE)) / RATE
    if kind == "vibrato":
        return np.asarray(hz * 2 ** (np.sin(2 * np.pi * 5.5 * time) / 12))
    # A glide of an octave about the middle, kept inside 60 to 1000 Hz.
    low, high = max(60.0, hz / np.sqrt(2)), min(1000.0, hz * np.sqrt(2))
    return np.asarray(low * (high / low) ** (time / SECONDS) if kind == "glide" else np.full(len(time), hz))


def _sound(kind: str, hz: float) -> tuple[Wave, Wave]:
    """Harmonics that fall off by 6 dB an octave, and their f0 at each sample."""
    truth = _contour(kind, hz)
    phase = 2 * np.pi * np.cumsum(truth) / RATE
    wave = sum(np.sin(k * phase) / k * (k * truth < 0.45 * RATE) for k in range(1, 31))
    return np.asarray(wave), truth


def _sung(folder: Path, half: str) -> Iterator[tuple[float, Wave, Wave]]:
    """Sung notes with a glide over an octave in place of their pitch, from 80 Hz up."""
    import pyworld

    files = sorted((folder / "singing" / "vocobox_martin_notes").glob("*.flac"))
    for number, path in enumerate(files[0 if half == "report" else 1 :: 4]):
        wave, rate = audio.read(path)
        wave = audio.resample(wave, rate, RATE).astype(np.float64)
        pitch, times = pyworld.harvest(wave, RATE, f0_floor=60)
        voiced = np.flatnonzero(pitch > 0)
        envelope = pyworld.cheaptrick(wave, pitch, times, RATE)[voiced]
        noise = pyworld.d4c(wave, pitch, times, RATE)[voiced]
        low = 80 * 2 ** (number * 0.4)
        glide = low * 2 ** np.linspace(0, 1, 4 * len(voiced))
        frames = np.resize(np.concatenate([np.arange(len(voiced)), np.arange(len(voiced))[::-1]]), len(glide))
        made = pyworld.synthesize(glide, envelope[frames].copy(), noise[frames].copy(), RATE)
        yield low, np.asarray(made), glide


def _notes(folder: Path) -> Row:
    """The median of real sung notes against the note that was meant."""
    wrong = []
    for path in sorted((folder / "singing" / "vocobox_martin_notes").glob("*.flac")):
        name = path.stem.split("-")[0]
        meant = 440 * 2 ** ((NAMES[name[:-1]] + 12 * (int(name[-1]) + 1) - 69) / 12)
        wave, rate = audio.read(path)
        found = _ours(audio.resample(wave, rate, RATE))
        wrong.append(np.inf if found is None else abs(12 * np.log2(found[1] / meant)))
    share = float(np.mean(np.array(wrong) <= 0.5))
    return Row("f0_median_hz", f"{len(wrong)} real sung notes", "share within half a semitone of the name", share)


def _ours(wave: npt.NDArray[np.float32]) -> Found:
    clip = material.unheard(wave, RATE)
    found = material.values("pitch", clip)
    low, middle, high = (found.get(f"f0_{name}_hz") for name in ("low", "median", "high"))
    if not isinstance(low, float) or not isinstance(middle, float) or not isinstance(high, float):
        return None
    return low, middle, high


def _percentiles(pitch: Wave) -> Found:
    voiced = pitch[pitch > 0]
    if len(voiced) < 10:
        return None
    low, middle, high = (float(each) for each in np.percentile(voiced, PERCENTILES))
    return low, middle, high


def _tracker(name: str) -> Callable[[npt.NDArray[np.float32]], Found]:
    def track(wave: npt.NDArray[np.float32]) -> Found:
        from infer.f0 import F0_METHODS, extract

        if F0_METHODS[name].missing(None):
            return None
        return _percentiles(extract(wave, name, f_min=LOWEST_HZ, f_max=HIGHEST_HZ))

    return track


_praat, _dio = _tracker("pm"), _tracker("dio")
