from __future__ import annotations

import numpy as np
import pytest

from curator.pitch import HOP_S, Pitch
from curator.scores.music import Music

RATE = 16_000


def melody(sing, seconds: float = 6.0) -> np.ndarray:
    """Sung notes of 0.4 s with pauses of 0.2 s."""
    wave = np.random.default_rng(0).normal(0, 1e-4, round(seconds * RATE))
    for at, step in zip(np.arange(0, seconds - 0.5, 0.6), [0, 4, 2, 7, 5, 0, -3, 2, 4, 0], strict=False):
        note = sing(0.4, hz=220 * 2 ** (step / 12))
        wave[round(at * RATE) :][: len(note)] += note
    return wave.astype(np.float32)


def chords(seconds: float = 6.0) -> np.ndarray:
    """Three steady tones at a time, another three every half second."""
    time = np.arange(round(seconds * RATE)) / RATE
    root = np.array([530.0, 445.0, 628.0, 707.0, 471.0, 593.0])[(time / 0.5).astype(int) % 6]
    phase = 2 * np.pi * np.cumsum(root) / RATE
    return sum(np.sin(ratio * phase) for ratio in (1, 1.26, 1.498)).astype(np.float32) / 3


def pitch_of(steps=(0, 4, 2, 7, 5, 0, -3, 2, 4, 0), seconds: float = 6.0) -> Pitch:
    time = np.arange(round(seconds / HOP_S)) * HOP_S
    note = np.minimum((time / 0.6).astype(int), len(steps) - 1)
    voiced = time % 0.6 < 0.4
    hz = 220 * 2 ** (np.array(steps)[note] / 12)
    return Pitch(np.where(voiced, hz, 0).astype(np.float32), voiced.astype(np.float32))


def test_a_voice_alone_is_no_music(make_clip, values, sing) -> None:
    assert values(Music(), make_clip(melody(sing), pitch=pitch_of()))["music_ratio"] == 0


@pytest.mark.parametrize("under_db", [10, 20])
def test_chords_behind_a_voice_are_music(make_clip, values, sing, under_db: float) -> None:
    wave = melody(sing) + np.float32(0.3 * 10 ** (-under_db / 20)) * chords()
    assert values(Music(), make_clip(wave, pitch=pitch_of()))["music_ratio"] > 0.5


def test_the_share_and_the_place_are_those_of_the_music(make_clip, sing) -> None:
    wave = melody(sing)
    wave[3 * RATE :] += 0.03 * chords()[3 * RATE :]
    found = Music().compute(make_clip(wave, pitch=pitch_of()))["music_ratio"]
    assert found.value == pytest.approx(0.5, abs=0.25)
    assert found.place[0] > 2.5


def test_hum_and_noise_are_no_music(make_clip, values, sing) -> None:
    time = np.arange(6 * RATE) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * time) for k in range(1, 7)) * 0.005
    noise = np.random.default_rng(1).normal(0, 0.01, len(time))
    wave = (melody(sing) + hum + noise).astype(np.float32)
    assert values(Music(), make_clip(wave, pitch=pitch_of()))["music_ratio"] == 0


def test_a_scrap_and_silence_say_nothing(make_clip, sing) -> None:
    assert Music().compute(make_clip(sing(0.5))) == {}
    assert Music().compute(make_clip(np.zeros(3 * RATE, np.float32))) == {}
