from __future__ import annotations

import numpy as np
import pytest

from curator.scores.loudness import Loudness


def tone(seconds: float, rate: int, dbfs: float) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_the_standards_reference_tone_reads_as_it_should(make_clip, values, rate: int) -> None:
    found = values(Loudness(), make_clip(tone(5, rate, -20), rate))["loudness_lufs"]
    assert found == pytest.approx(-23.0, abs=0.1), "a 1 kHz sine of -20 dBFS in one channel"


def test_quiet_passages_are_gated(make_clip, values) -> None:
    wave = np.concatenate([tone(5, 48_000, -20), tone(5, 48_000, -60)])
    assert values(Loudness(), make_clip(wave, 48_000))["loudness_lufs"] == pytest.approx(-23.0, abs=0.3)


@pytest.mark.parametrize("wave", [tone(0.4, 48_000, -20), tone(0.1, 48_000, -20), np.zeros(96_000, np.float32)])
def test_a_scrap_and_silence_have_no_loudness(make_clip, wave: np.ndarray) -> None:
    assert Loudness().compute(make_clip(wave, 48_000)) == {}
