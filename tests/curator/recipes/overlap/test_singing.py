from __future__ import annotations

import numpy as np
import pytest

from curator.recipes.overlap.singing import Song, resung, sing

pyworld = pytest.importorskip("pyworld")


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    """Three seconds of pulses at 120 Hz through two formants."""
    time = np.arange(48_000) / 16_000
    tone = sum(
        np.exp(-(((120 * k - 700) / 500) ** 2)) * np.sin(2 * np.pi * 120 * k * time)
        + 0.5 * np.exp(-(((120 * k - 1800) / 600) ** 2)) * np.sin(2 * np.pi * 120 * k * time)
        for k in range(1, 40)
    )
    return np.asarray(0.1 * tone, np.float32)


@pytest.fixture(scope="module")
def song(spoken: np.ndarray) -> Song:
    return sing(np.random.default_rng(0), spoken)


def notes(wave: np.ndarray) -> np.ndarray:
    """f0 in semitones, NaN where unvoiced, every 10 ms."""
    f0, _ = pyworld.dio(wave.astype(np.float64), 16_000, frame_period=10.0, f0_ceil=1100.0)
    return np.where(f0 > 0, 12 * np.log2(np.maximum(f0, 1) / 440), np.nan)


def test_a_double_follows_the_lead_and_is_not_the_lead(song: Song) -> None:
    lead, double = notes(song.lead), notes(song.doubles[0])
    length = min(len(lead), len(double))
    assert abs(np.nanmedian(lead[:length] - double[:length])) < 0.5
    assert not np.allclose(song.lead[:16_000], song.doubles[0][:16_000], atol=0.01)


def test_a_harmony_keeps_its_distance(song: Song) -> None:
    lead, harmony = notes(song.lead), notes(song.harmonies[0])
    length = min(len(lead), len(harmony))
    assert abs(np.nanmedian(lead[:length] - harmony[:length])) > 2


def test_a_song_moves_over_notes(song: Song) -> None:
    found = notes(song.lead)
    assert np.nanpercentile(found, 90) - np.nanpercentile(found, 10) > 2


def test_singing_again_a_third_higher_is_a_third_higher(spoken: np.ndarray) -> None:
    again = resung(np.random.default_rng(1), spoken, 4.0)
    assert len(again) == len(spoken)
    assert np.nanmedian(notes(again)) - np.nanmedian(notes(spoken)) == pytest.approx(4.0, abs=0.4)
