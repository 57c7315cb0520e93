"""Bandwidth: speech through steep low-pass filters, lower rates and lossy codecs, and full-band speech."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.row import Limit, Row
from catalog import audio

CUTOFFS_HZ = (4000, 8000, 11_000, 16_000)
VOICES = {
    "tuning": ("kathleen_en_f", "ravdess15_en_m"),
    "report": ("ravdess10_en_f", "vctk"),
}
"""At 48 kHz, with sound up to 20 kHz and more."""
FULL_HZ = 20_000.0
Passed = tuple[material.Floats, int, material.Floats, material.ClipAudio]


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Error of the cut-off by filter and for a peer's rule, codecs, and alarms on full-band speech."""
    clips = list(_clips(folder, half))
    steep = {f"{cutoff} Hz, {name}": (passed, cutoff) for name, passed in FILTERS.items() for cutoff in CUTOFFS_HZ}
    for name, (passed, cutoff) in steep.items():
        yield _errors(name, [(wave, rate, passed(wave, rate, cutoff), like) for wave, rate, like in clips], ("<=", 300))
    for codec, bitrate in (("mp3", 64_000), ("mp3", 128_000), ("aac", 64_000)):
        passed_all = [(wave, rate, material.coded(wave, rate, codec, bitrate), like) for wave, rate, like in clips]
        yield _errors(f"{codec} at {bitrate // 1000} kbit/s", passed_all, None)
    alarms = [_bandwidth(wave, rate, like) < FULL_HZ for wave, rate, like in clips]
    yield Row("bandwidth_hz", "full-band speech", "share below 20 kHz", float(np.mean(alarms)), ("<=", 0))
    theirs = [below_peak(wave, rate) for wave, rate, _ in clips]
    yield Row(
        "bandwidth_hz", "full-band speech", "lowest, Hz", min(_bandwidth(*clip) for clip in clips), None,
        "mean spectrum -50 dB", min(theirs),
    )  # fmt: skip


def _errors(name: str, passed: list[Passed], must: Limit | None) -> Row:
    errors, theirs = [], []
    for wave, rate, filtered, like in passed:
        true = _six_down(wave, filtered, rate)
        errors.append(abs(_bandwidth(filtered, rate, like) - true))
        theirs.append(abs(below_peak(filtered, rate) - true))
    peer = "mean spectrum -50 dB"
    return Row("bandwidth_hz", name, "largest error, Hz", max(errors), must, peer, max(theirs))


def below_peak(wave: material.Floats, rate: int) -> float:
    """Where the mean spectrum falls 50 dB below its peak for good, Hz (the rule of NeMo and HiFi-TTS)."""
    import scipy.signal

    hz, power = scipy.signal.welch(wave, rate, nperseg=4096)
    level = 10 * np.log10(np.maximum(power, 1e-20))
    return float(hz[np.flatnonzero(level > level.max() - 50)[-1]])


def _bandwidth(wave: material.Floats, rate: int, like: material.ClipAudio) -> float:
    value = material.number("bandwidth", "bandwidth_hz", material.unheard(wave, rate, like))
    return 0.0 if value is None else value


def _clips(folder: Path, half: str) -> Iterator[tuple[material.Floats, int, material.ClipAudio]]:
    for voice in VOICES[half]:
        for skip in (0,) if voice == "vctk" else (0, 8, 16, 24):
            if voice == "vctk":
                wave, rate = audio.read(folder / "speech_single" / "misc" / "p286_011.wav")
            else:
                wave, rate = material.passage(folder, voice, seconds=8, pause_s=0.2, skip=skip)
            yield wave, rate, material.whole(wave, rate)


def _low_pass(wave: material.Floats, rate: int, cutoff: int) -> material.Floats:
    import scipy.signal

    taps = scipy.signal.firwin(511, cutoff, fs=rate)
    return np.asarray(scipy.signal.oaconvolve(wave, taps, mode="same"), np.float32)


def _resampled(wave: material.Floats, rate: int, cutoff: int) -> material.Floats:
    return audio.resample(audio.resample(wave, rate, 2 * cutoff), 2 * cutoff, rate)[: len(wave)]


def _six_down(wave: material.Floats, filtered: material.Floats, rate: int) -> float:
    """The last frequency at which the filtered speech has more than a quarter of its power, Hz."""
    import scipy.signal

    hz, before = scipy.signal.welch(wave, rate, nperseg=1024)
    after = scipy.signal.welch(filtered, rate, nperseg=1024)[1]
    return float(hz[np.flatnonzero(after > before / 4)[-1]])


FILTERS = {"511-tap low-pass": _low_pass, "lower rate and back": _resampled}
