from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from infer.breaths import keep, stretches, weight
from infer.track import Track

RATE, OUT = 16000, 24000


def hiss(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return np.asarray(0.1 * sosfilt(butter(6, 2500, "high", fs=rate, output="sos"), noise))


def kept(tmp_path: Path, clean: np.ndarray, made: np.ndarray, f0: np.ndarray, gain: float = 1.0) -> np.ndarray:
    source, converted, out = (Track(tmp_path / name) for name in ("source", "converted", "out"))
    source.append(clean)
    converted.append(made)
    keep(converted, source, f0, np.full(4, gain), OUT, out)
    return np.asarray(out.read(0, len(out)))


def test_a_voiceless_stretch_is_that_of_the_input_and_a_voiced_one_that_of_the_voice(tmp_path: Path) -> None:
    f0 = np.repeat([150.0, 0.0, 150.0], 50)
    made = 0.2 * np.sin(2 * np.pi * 440 * np.arange(OUT * 3 // 2) / OUT)
    out = kept(tmp_path, hiss(1.5) * np.repeat([1e-3, 1.0, 1e-3], RATE // 2), made, f0, gain=0.5)
    assert len(out) == len(made)
    voiced = np.r_[0 : OUT // 2, OUT : OUT * 3 // 2]
    assert np.allclose(out[voiced], made[voiced], atol=1e-6)
    inside = slice(OUT // 2 + 720, OUT - 720)
    spectrum = np.abs(np.fft.rfft(out[inside]))
    hz = np.fft.rfftfreq(len(out[inside]), 1 / OUT)
    assert spectrum[(hz > 400) & (hz < 480)].max() < 0.02 * np.abs(np.fft.rfft(made[inside])).max()
    assert np.isclose(np.std(out[inside]), 0.5 * np.std(hiss(1.5)[8500:15500]), rtol=0.1)


def test_voice_that_no_f0_was_found_for_does_not_pass(tmp_path: Path) -> None:
    spoken = sum(np.sin(2 * np.pi * 120 * k * np.arange(RATE) / RATE) / k for k in range(1, 6))
    made = hiss(1.0, OUT, seed=1)
    assert np.allclose(kept(tmp_path, 0.1 * np.asarray(spoken), made, np.zeros(100)), made, atol=1e-7)
    assert not weight(0.1 * np.asarray(spoken), 0, 100).any()


def test_stretches_are_voiceless_long_enough_and_kept_away_from_voice() -> None:
    f0 = np.array([0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0.0])
    assert stretches(f0, 15) == [(0, 3), (11, 15)]
    long = stretches(np.zeros(1200), 1200)
    assert long[0] == (0, 500)
    assert long[-1][1] == 1200


def test_a_recording_of_parts_is_written_whole(tmp_path: Path) -> None:
    clean, made = hiss(13.0) * np.repeat([1.0, 1e-3], RATE * 13 // 2), hiss(13.0, OUT, seed=2)
    f0 = np.where(np.arange(1300) % 7 == 0, 100.0, 0.0)
    out = kept(tmp_path, clean, made, f0)
    assert len(out) == len(made)
    assert np.abs(out - made)[: OUT * 6].max() > 0.1
    assert np.array_equal(out[OUT * 7 :], made[OUT * 7 :].astype(np.float32))


def test_what_does_not_stand_clear_of_the_noise_is_converted(tmp_path: Path) -> None:
    noisy = hiss(2.0)
    loud = noisy.copy()
    loud[RATE : RATE + 8000] *= 10
    made = hiss(2.0, OUT, seed=1)
    out = kept(tmp_path, loud, made, np.zeros(200))
    away = np.abs(out - made).reshape(-1, 240).max(axis=1) > 1e-5
    assert away[104:146].all()
    assert not away[:95].any()
    assert not away[155:].any()
