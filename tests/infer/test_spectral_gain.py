"""A waveform brought nearer to another spectrogram: levels as asked for, phase and the rest as they were."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infer.mel import MelSettings, mel_centres, mel_spectrogram
from infer.spectral_gain import reshaped

SETTINGS = MelSettings(24000, 1024, 240, 80)
FRAMES = 60


def wave(seed: int = 0) -> torch.Tensor:
    """Noise over the whole band with a slow swell."""
    t = np.arange(FRAMES * 240) / 24000
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return torch.from_numpy((0.1 * noise * (1.2 + np.sin(9 * t))).astype(np.float32))[None]


def test_no_gain_leaves_every_sample() -> None:
    made = reshaped(wave(), torch.zeros(1, 80, FRAMES), SETTINGS)
    torch.testing.assert_close(made, wave(), rtol=0, atol=1e-6)


def test_one_gain_for_all_is_a_factor() -> None:
    made = reshaped(wave(), torch.full((1, 80, FRAMES), math.log(2)), SETTINGS)
    torch.testing.assert_close(made, 2 * wave(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("band", [10, 40, 70])
def test_a_band_is_raised_where_it_lies_and_when(band: int) -> None:
    gain = torch.zeros(1, 80, FRAMES)
    gain[:, band - 2 : band + 3, 20:40] = math.log(4)
    before, after = mel_spectrogram(wave(), SETTINGS), mel_spectrogram(reshaped(wave(), gain, SETTINGS), SETTINGS)
    moved = (after - before)[0]
    assert float((moved[band, 24:36] - math.log(4)).abs().max()) < 0.25
    assert float(moved[band, :16].abs().max()) < 0.01
    assert float(moved[: band - 5, 24:36].abs().max()) < 0.05


def test_the_spectrogram_of_another_sound_is_reached() -> None:
    """The ratio to another spectrogram brings nearly all of the way to it, though the phase is the old one."""
    t = torch.arange(FRAMES * 240) / 24000
    vowel = sum(torch.sin(2 * math.pi * 150 * k * t) / k for k in range(1, 40))[None] * 0.1
    other = sum(torch.sin(2 * math.pi * 150 * k * t + k) / (1 + (k - 9) ** 2 / 9) for k in range(1, 40))[None] * 0.1
    before, aim = mel_spectrogram(vowel, SETTINGS), mel_spectrogram(other, SETTINGS)
    after = mel_spectrogram(reshaped(vowel, aim - before, SETTINGS), SETTINGS)
    inner = slice(8, -8)
    assert float((after - aim)[..., inner].abs().mean()) < 0.15 * float((before - aim)[..., inner].abs().mean())


def test_bands_stand_for_their_centres() -> None:
    """A tone at a centre is loudest in that band."""
    centres = mel_centres(SETTINGS)
    t = torch.arange(FRAMES * 240) / 24000
    for band in (20, 50, 79):
        mel = mel_spectrogram(torch.sin(2 * math.pi * float(centres[band]) * t)[None] * 0.1, SETTINGS)
        assert int(mel[0, :, FRAMES // 2].argmax()) == band
