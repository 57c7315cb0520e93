from __future__ import annotations

import numpy as np
import pytest

from curator.recipes.overlap import effects

NOISE = np.random.default_rng(0).normal(0, 0.05, 32_000).astype(np.float32)


def test_a_room_leaves_the_level_and_adds_a_tail() -> None:
    click = np.zeros(32_000, np.float32)
    click[1000:1400] = NOISE[:400]
    wet = effects.heard(np.random.default_rng(1), click, 0.8)
    assert effects.rms(wet) == pytest.approx(effects.rms(click), rel=1e-3)
    assert effects.rms(wet[3000:6000]) > 10 * effects.rms(wet[-3000:]) > 0


def test_instruments_have_unit_power_and_never_start_again_alike() -> None:
    first, second = (effects.music(np.random.default_rng(seed), 3.0) for seed in (1, 2))
    assert effects.rms(first) == pytest.approx(1.0, rel=1e-3)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.5


def test_a_codec_keeps_the_length_and_about_the_sound() -> None:
    time = np.arange(32_000) / 16_000
    tone = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    for seed in range(6):
        out = effects.coded(np.random.default_rng(seed), tone)
        assert len(out) == len(tone)
        assert effects.rms(out) == pytest.approx(effects.rms(tone), rel=0.3)


def test_a_telephone_loses_the_lows_and_the_highs() -> None:
    outs = [effects.narrowed(np.random.default_rng(seed), NOISE) for seed in range(8)]
    for out in outs:
        line = np.abs(np.fft.rfft(out)) ** 2
        hz = np.fft.rfftfreq(len(out), 1 / 16_000)
        assert line[hz > 7000].mean() < 0.01 * line[(hz > 500) & (hz < 2000)].mean()


def test_an_engine_is_a_series_of_harmonics_of_unit_power() -> None:
    for seed in range(4):
        wave = effects.motor(np.random.default_rng(seed), 32_000)
        assert effects.rms(wave) == pytest.approx(1.0, rel=1e-3)
        assert peaks(wave) > 1.5 * peaks(NOISE)


def peaks(wave: np.ndarray) -> float:
    """Share of the power in the strongest twentieth of the spectrum of a quarter of a second."""
    line = np.sort(np.abs(np.fft.rfft(wave[:4000] * np.hanning(4000))) ** 2)
    return float(line[-100:].sum() / line.sum())
