"""A voice at another pitch or from another throat."""

from __future__ import annotations

import numpy as np
import pytest

from catalog import audio
from infer.f0 import extract
from tests.trainer.conftest import RATE, hum
from trainer.psola import reshaped

SECONDS = 1.2


@pytest.fixture(scope="module")
def voice() -> tuple[np.ndarray, np.ndarray]:
    """A hum with pauses, and its f0 as it is heard."""
    wave = hum(SECONDS, 170.0, 1)
    return wave, extract(audio.resample(wave, RATE, 16000), "dio").astype(np.float32)


def test_factors_of_one_give_the_very_wave(voice):
    wave, f0 = voice
    assert np.abs(reshaped(wave, RATE, f0) - wave).max() < 1e-6


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_the_pitch_is_moved_to_a_few_cents_and_length_and_level_stay(voice, factor):
    wave, f0 = voice
    made = reshaped(wave, RATE, f0, pitch=factor)
    heard = extract(audio.resample(made, RATE, 16000), "dio")
    frames = min(len(heard), len(f0))
    both = (heard[:frames] > 0) & (f0[:frames] > 0)
    assert both.sum() > 0.8 * (f0 > 0).sum()
    off = 1200 * np.log2(heard[:frames][both] / (factor * f0[:frames][both]))
    assert abs(np.median(off)) < 6
    assert np.percentile(np.abs(off), 75) < 25
    assert len(made) == len(wave)
    assert abs(20 * np.log10(np.std(made) / np.std(wave))) < 1.0


@pytest.mark.parametrize("factor", [0.87, 1.15])
def test_formants_are_moved_and_the_pitch_stays(factor):
    # pulses through two resonances, whose place the strongest harmonics tell
    rate, f0 = 16000, 125.0
    time = np.arange(int(SECONDS * rate)) / rate
    wave = sum(
        np.exp(-(((k * f0 - 900) / 150) ** 2)) * np.cos(2 * np.pi * k * f0 * time + 0.1 * k * k) for k in range(1, 40)
    ).astype(np.float32)
    made = reshaped(wave, rate, np.full(int(SECONDS * 100), f0, np.float32), formants=factor)
    found = []
    for part in (wave, made):
        power = np.abs(np.fft.rfft(part[2000:-2000] * np.hanning(len(part) - 4000))) ** 2
        frequency = np.fft.rfftfreq(len(part) - 4000, 1 / rate)
        found.append((power * frequency).sum() / power.sum())
        tops = frequency[power > 0.2 * power.max()]
        assert np.abs(tops / f0 - np.round(tops / f0)).max() < 0.03, "only harmonics of the same f0 are there"
    assert found[1] / found[0] == pytest.approx(factor, rel=0.02)


def test_silence_noise_and_a_few_samples_are_not_in_the_way():
    noise = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    made = reshaped(noise, 16000, np.zeros(25, np.float32), pitch=1.2)
    assert np.abs(made - noise).max() < 1e-5
    assert not reshaped(np.zeros(4000, np.float32), 16000, np.full(25, 200, np.float32), pitch=0.8).any()
    assert len(reshaped(noise[:30], 16000, np.full(1, 60, np.float32), pitch=1.3, formants=1.1)) == 30
