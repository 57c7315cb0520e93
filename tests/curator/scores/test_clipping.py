from __future__ import annotations

import numpy as np
import pytest

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
