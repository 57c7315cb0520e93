"""Spectrograms: reference numbers of both numerics, and what a mel filterbank must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infer.mel import (
    CLASSIC,
    NUMERICS,
    MelSettings,
    mel_filters,
    mel_from_spectrogram,
    mel_spectrogram,
    spectrogram,
)

RATES = {"32k": (32000, 320), "40k": (40000, 400)}


@pytest.fixture(scope="module")
def reference() -> Any:
    return np.load(Path(__file__).parents[1] / "reference" / "mel.npz")


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("numerics", "key"), [("classic", "mel_"), ("2026", "mel_2026_")])
def test_the_mel_spectrogram_is_the_reference_one(reference: Any, rate: str, numerics: str, key: str) -> None:
    settings = MelSettings.published(*RATES[rate], NUMERICS[numerics])
    wave = torch.from_numpy(reference["wave_" + rate].astype(np.float32))[None]
    np.testing.assert_allclose(mel_spectrogram(wave, settings)[0].numpy(), reference[key + rate], atol=5e-5)


@pytest.mark.parametrize("rate", RATES)
def test_the_linear_spectrogram_is_the_reference_one(reference: Any, rate: str) -> None:
    settings = MelSettings.published(*RATES[rate])
    wave = torch.from_numpy(reference["wave_" + rate].astype(np.float32))[None]
    spec = spectrogram(wave, settings.n_fft, settings.hop, settings.win)[0].numpy()
    np.testing.assert_allclose(spec[::8], reference["spec_" + rate], atol=5e-5)


def test_a_tone_lies_in_its_own_bin() -> None:
    wave = torch.sin(2 * torch.pi * 2500 * torch.arange(16000) / 40000)[None]
    spec = spectrogram(wave, 2048, 400, 2048)[0]
    assert spec.shape == (1025, 40)
    inner = spec[:, 2:-2]  # reflection turns the phase at the ends
    assert (inner.argmax(0) == round(2500 / 40000 * 2048)).all()


def test_silence_has_the_floor_of_its_numerics() -> None:
    quiet = torch.zeros(1, 8000)
    for numerics in NUMERICS.values():
        mel = mel_spectrogram(quiet, MelSettings.published(40000, 400, numerics))
        expected = np.sqrt(numerics.power_floor) * mel_filters(40000, 2048, 125, 0, None).sum(1)
        np.testing.assert_allclose(mel[0, :, 0].numpy(), np.log(np.maximum(expected, numerics.mel_floor)), atol=1e-3)


def test_the_mel_of_a_spectrogram_is_the_mel_of_its_wave() -> None:
    settings = MelSettings.published(32000, 320)
    wave = torch.randn(2, 6400, generator=torch.Generator().manual_seed(0)) * 0.1
    spec = spectrogram(wave, settings.n_fft, settings.hop, settings.win, power_floor=CLASSIC.power_floor)
    assert torch.equal(mel_from_spectrogram(spec, settings), mel_spectrogram(wave, settings))


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_mel_filters_are_those_of_librosa(scale: Any) -> None:
    librosa = pytest.importorskip("librosa")
    for rate, n_fft, mels, low, high in ((40000, 2048, 125, 0, None), (16000, 1024, 128, 30, 8000)):
        expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels, fmin=low, fmax=high, htk=scale == "htk")
        np.testing.assert_allclose(mel_filters(rate, n_fft, mels, low, high, scale=scale), expected, atol=1e-7)


def test_gradients_reach_the_wave_even_in_silence() -> None:
    wave = torch.zeros(1, 8000, requires_grad=True)
    mel_spectrogram(wave, MelSettings.published(24000, 240)).sum().backward()
    assert wave.grad is not None
    assert torch.isfinite(wave.grad).all()
