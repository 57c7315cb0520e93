from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infer import true_peak
from infer.track import Track

RATE = 40000


def track(path: Path, wave: np.ndarray) -> Track:
    made = Track(path)
    made.append(wave.astype(np.float32))
    return made


def tone(hz: float, seconds: float, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE + phase)


def test_a_tone_reaches_higher_between_its_samples(tmp_path: Path) -> None:
    wave = tone(RATE / 4, 0.5, np.pi / 4)
    assert np.abs(wave).max() == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert true_peak.true_peak(track(tmp_path / "a", wave), RATE) == pytest.approx(1.0, abs=0.03)


def test_what_is_too_high_ends_at_the_ceiling_and_the_rest_stays_as_it_is(tmp_path: Path) -> None:
    wave = 0.5 * tone(220, 4)
    wave[80000:84000] *= 3.5
    source = track(tmp_path / "a", wave)
    done = np.concatenate(list(true_peak.limited([source], RATE)))[:, 0]
    assert len(done) == len(wave)
    assert true_peak.true_peak(track(tmp_path / "b", done), RATE) <= true_peak.CEILING * 1.005
    far = np.ones(len(wave), bool)
    reach = 2 * round(true_peak.AHEAD_S * RATE) + 2
    far[80000 - reach : 84000 + reach] = False
    assert np.array_equal(done[far], source.read(0, len(source))[far])
    assert np.abs(done[80500:83500]).max() > 0.8


def test_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = tone(300, 3) * (1 + np.sin(np.arange(3 * RATE) / 3000))
    source = track(tmp_path / "a", wave)
    whole = np.concatenate(list(true_peak.limited([source], RATE)))
    monkeypatch.setattr(true_peak, "BLOCK", 7000)
    assert np.allclose(np.concatenate(list(true_peak.limited([source], RATE))), whole, atol=1e-5)


def test_channels_are_turned_down_alike(tmp_path: Path) -> None:
    left, right = track(tmp_path / "l", 2 * tone(200, 1)), track(tmp_path / "r", 0.1 * tone(200, 1))
    done = np.concatenate(list(true_peak.limited([left, right], RATE)))
    assert np.allclose(done[:, 0], 20 * done[:, 1], atol=1e-5)


def test_silence_and_an_empty_track_pass(tmp_path: Path) -> None:
    assert true_peak.true_peak(track(tmp_path / "a", np.zeros(0)), RATE) == 0
    assert not np.concatenate(list(true_peak.limited([track(tmp_path / "b", np.zeros(100))], RATE))).any()
