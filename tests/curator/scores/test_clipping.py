from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from catalog.audio import resample
from curator.scores.clipping import Clipping


def compute(make_clip, wave: np.ndarray, rate: int = 48_000) -> dict[str, float]:
    found = Clipping().compute(make_clip(wave.astype(np.float32), rate))
    return {name: score.value for name, score in found.items()}


@pytest.mark.parametrize(("drive_db", "turned_down"), [(6, 1.0), (12, 1.0), (12, 0.3)])
def test_the_share_of_flattened_samples_is_found(make_clip, sing, drive_db: float, turned_down: float) -> None:
    wave = sing(3, rate=48_000, peak=1.0) * 10 ** (drive_db / 20)
    true = np.mean(np.abs(wave) >= 1)
    found = compute(make_clip, np.clip(wave, -1, 1) * turned_down)
    assert true > 0.01
    assert found["clipped_ratio"] == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
def test_a_wave_that_only_touches_its_peak_is_not_clipped(make_clip, sing, rate: int) -> None:
    assert compute(make_clip, sing(2, rate=rate, peak=0.99), rate)["clipped_ratio"] < 1e-5


def test_clipping_of_one_half_wave_counts(make_clip, sing) -> None:
    wave = sing(3, rate=48_000, peak=1.0)
    assert compute(make_clip, np.minimum(wave, 0.4))["clipped_ratio"] > 0.01


def test_peak_is_in_dbfs_and_may_exceed_full_scale(make_clip) -> None:
    assert compute(make_clip, np.array([0.1, -2.0, 0.3]))["peak_dbfs"] == pytest.approx(6.02, abs=0.01)


def test_digital_silence_has_neither(make_clip) -> None:
    assert compute(make_clip, np.zeros(1000)) == {}


@pytest.mark.parametrize("kind", ["quiet", "coarse"])
def test_flat_tops_that_are_natural_are_not_judged(make_clip, sing, kind: str) -> None:
    wave = sing(1, rate=48_000)
    wave = wave * 0.01 if kind == "quiet" else np.round(wave * 64) / 64
    found = compute(make_clip, wave)
    assert "clipped_ratio" not in found
    assert "peak_dbfs" in found


def test_tops_of_a_coarse_file_are_judged_by_their_shape(make_clip, sing) -> None:
    wave = uneven(sing)
    soft = np.tanh(1.83 * wave / np.quantile(np.abs(wave), 0.99))
    coarse = [np.round(100 * each / np.abs(each).max()) / 128 for each in (wave, soft)]
    assert [compute(make_clip, each)["clipped_ratio"] > 3e-4 for each in coarse] == [False, True]


def loud_and_soft(sing, rate: int = 48_000) -> np.ndarray:
    """Notes whose loudness swells and falls, so that only the loudest reach a ceiling; square-rooted to wide tops."""
    wave = np.concatenate([sing(0.5, hz=hz, rate=rate, peak=1.0) * loud for hz, loud in LOUDNESSES])
    swell = 0.6 + 0.4 * np.sin(np.arange(len(wave)) / rate * 5.1)
    return np.sign(wave) * np.abs(wave) ** 0.6 * swell


LOUDNESSES = [(110.0, 0.5), (139.0, 0.9), (165.0, 0.3), (220.0, 0.7), (131.0, 1.0), (98.0, 0.4), (147.0, 0.8)]


def test_tops_that_an_amplifier_has_rounded_are_found(make_clip, sing) -> None:
    wave = loud_and_soft(sing)
    assert compute(make_clip, 0.9 * wave)["clipped_ratio"] == 0
    assert compute(make_clip, np.tanh(4 * wave))["clipped_ratio"] > 0.01


def test_flat_tops_are_found_after_a_resampler_has_rounded_them(make_clip, sing) -> None:
    flat = np.clip(4 * loud_and_soft(sing), -1, 1).astype(np.float32)
    assert compute(make_clip, 0.7 * resample(flat, 48_000, 44_100), 44_100)["clipped_ratio"] > 0.01


def uneven(sing, rate: int = 48_000) -> np.ndarray:
    """Notes each of which swells to another loudness: as few of their half-waves come near the peak as in speech;
    their tops are as wide."""
    random = np.random.default_rng(0)
    louds = 10 ** (random.uniform(-14, 0, 24) / 20)
    notes = [sing(0.25, hz=hz, rate=rate, peak=1.0) for hz in random.uniform(100, 220, len(louds))]
    wave = np.concatenate([note * np.hanning(len(note)) * loud for note, loud in zip(notes, louds, strict=True)])
    return np.sign(wave) * np.abs(wave) ** 0.6


def test_clipping_is_found_under_the_noise_of_a_codec(make_clip, sing) -> None:
    wave = uneven(sing)
    noise = np.random.default_rng(1).normal(0, 0.003, len(wave))
    top = np.quantile(np.abs(wave), 1 - 0.004)
    assert compute(make_clip, wave / np.abs(wave).max() + noise)["clipped_ratio"] == 0
    assert compute(make_clip, np.clip(wave / top, -1, 1) + noise)["clipped_ratio"] > 3e-4


def test_what_a_limiter_holds_at_one_height_is_not_clipped(make_clip, sing) -> None:
    loud = 2 * uneven(sing)
    gain = minimum_filter1d(1 / np.maximum(np.abs(loud), 1), 961)
    assert compute(make_clip, 0.9 * loud * uniform_filter1d(gain, 481))["clipped_ratio"] == 0


def test_flat_tops_of_coarse_steps_under_a_limiter_are_told_from_clipped_ones(make_clip, sing) -> None:
    wave = uneven(sing, 8000)
    steps = np.round(wave * (60 / np.abs(wave).max())) / 30
    gain = minimum_filter1d(1 / np.maximum(np.abs(steps), 1), 41)
    held = 0.9 * steps * uniform_filter1d(gain, 21)
    cut = np.clip(steps, -1, 1) * np.minimum(np.linspace(0.5, 1.3, len(steps)), 0.9)
    assert all(np.mean(each >= 0.9 * (1 - 1e-4)) > 0.001 for each in (held, cut))
    found = [compute(make_clip, each, 8000)["clipped_ratio"] for each in (held, cut)]
    assert found == [0, pytest.approx(np.mean(np.abs(cut) >= 0.9 * (1 - 1e-4)), rel=0.01)]


def test_a_voice_that_is_held_at_one_level_is_not_clipped(make_clip, sing) -> None:
    noise = np.random.default_rng(1).normal(0, 0.003, 96_000)
    assert compute(make_clip, sing(2, rate=48_000, peak=0.9) + noise)["clipped_ratio"] == 0


@pytest.mark.parametrize("hz", [100.0, 440.0])
def test_a_steady_tone_is_not_clipped(make_clip, hz: float) -> None:
    assert compute(make_clip, np.sin(2 * np.pi * hz * np.arange(96_000) / 48_000))["clipped_ratio"] == 0


def test_the_place_is_where_most_is_flattened(make_clip, sing) -> None:
    wave = sing(6, rate=48_000, peak=0.9)
    wave[48_000 * 4 : 48_000 * 5] = np.clip(3 * wave[48_000 * 4 : 48_000 * 5], -0.95, 0.95)
    start, end = Clipping().compute(make_clip(wave, 48_000))["clipped_ratio"].place
    assert 3.9 < start < end < 5.1
