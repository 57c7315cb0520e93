"""Loudness of frames against the speech of their recording."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catalog import audio
from infer.loudness import HIGHEST_DB, LOWEST_DB, frame_loudness, speech_power


def tone(hz: float, rate: int, seconds: float = 1.0, peak: float = 0.1) -> torch.Tensor:
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (peak * torch.sin(2 * torch.pi * hz * time)).float()[None]


def test_a_frame_counts_its_power_against_that_of_speech() -> None:
    found = frame_loudness(tone(440, 16000), 16000, 0.1**2 / 2)
    assert found.shape == (1, 100)
    assert found[0, 3:-3].numpy() == pytest.approx(0, abs=0.1)
    louder = frame_loudness(10 * tone(440, 16000), 16000, 0.1**2 / 2)
    assert (louder - found)[0, 3:-3].numpy() == pytest.approx(20, abs=0.01)


def test_training_and_conversion_measure_alike_at_their_two_rates() -> None:
    chance = np.random.default_rng(0)
    envelope = np.repeat(10 ** (chance.uniform(-30, 0, 40) / 20), 1200)
    wide = (0.1 * envelope * chance.standard_normal(48000)).astype(np.float32)
    narrow = audio.resample(wide, 24000, 16000)
    first = frame_loudness(torch.from_numpy(wide)[None], 24000, 0.01)
    second = frame_loudness(torch.from_numpy(narrow)[None], 16000, 0.01)
    assert first.shape == second.shape
    assert float((first - second)[0, 3:-3].abs().max()) < 0.5


def test_what_one_rate_cannot_hold_is_not_counted() -> None:
    assert frame_loudness(tone(9000, 24000), 24000, 0.01)[0, 10] < -60


def test_silence_is_the_lowest_and_nothing_exceeds_the_highest() -> None:
    assert set(frame_loudness(torch.zeros(1, 1600), 16000, 0.01).flatten().tolist()) == {LOWEST_DB}
    assert frame_loudness(tone(440, 16000, peak=1.0), 16000, 1e-9).max() == HIGHEST_DB


def test_the_level_of_speech_leaves_pauses_out() -> None:
    speech, pauses = np.full(30, 0.02), np.full(70, 1e-6)
    assert speech_power(np.concatenate([speech, pauses])) == pytest.approx(0.02)
    assert speech_power(np.zeros(0)) == 0.0
    assert speech_power(np.zeros(10)) == 0.0
