"""The sources and filters of a source-filter voice, against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infer.excitation import (
    breath_floor,
    dispersion,
    fft_size,
    filled_up,
    minimum_phase,
    pulse_train,
    shaped,
    spread,
)

RATE, HOP = 24000, 240
BINS = fft_size(HOP) // 2 + 1


def steady(hz: float, frames: int = 50) -> torch.Tensor:
    return torch.full((1, frames), hz)


@pytest.mark.parametrize("hz", [55.0, 87.3, 311.1, 990.0])
def test_pulses_are_the_sum_of_all_harmonics_below_half_the_rate(hz: float) -> None:
    made = pulse_train(steady(hz), HOP, RATE)[0].double()
    count = (RATE / 2 - hz) / hz
    phase = 2 * math.pi * hz / RATE * torch.arange(1, len(made) + 1, dtype=torch.float64)
    harmonics = sum(torch.cos(k * phase) for k in range(1, int(count) + 1))
    harmonics = harmonics + (count - int(count)) * torch.cos((int(count) + 1) * phase)
    assert torch.allclose(made, harmonics * 2 * math.sqrt(hz / RATE), atol=0.02)


@pytest.mark.parametrize("hz", [60.0, 130.0, 500.0])
def test_pulses_are_as_strong_as_white_noise_at_every_pitch(hz: float) -> None:
    made = pulse_train(steady(hz, 400), HOP, RATE)[0].numpy()
    power = np.abs(np.fft.rfft(made)) ** 2 / len(made)
    below_10k = power[: round(10000 / (RATE / 2) * len(power))]
    assert below_10k.mean() == pytest.approx(1.0, rel=0.08)


def test_nothing_folds_back_from_above_half_the_rate() -> None:
    made = pulse_train(steady(1234.0, 100), HOP, RATE)[0].numpy()
    spectrum = np.abs(np.fft.rfft(made * np.blackman(len(made))))
    bins = np.arange(len(spectrum)) * RATE / len(made)
    between = np.abs((bins + 617) % 1234 - 617) > 20
    assert spectrum[between].max() < 1e-3 * spectrum.max()


def test_pitch_is_exact_over_minutes() -> None:
    frames, hz = 12000, 123.4
    made = pulse_train(steady(hz, frames), HOP, RATE)[0].numpy()
    last = made[-RATE:]
    peak = int(np.argmax(last)) + len(made) - RATE + 1
    turns = peak * hz / RATE
    assert abs(turns - round(turns)) < hz / RATE


def test_a_glide_is_followed_in_straight_lines() -> None:
    f0 = torch.linspace(100, 200, 101)[None]
    made = pulse_train(f0, HOP, RATE)[0].numpy()
    frames = np.append(f0[0].double().numpy(), 200.0)
    cycles = np.cumsum(np.interp(np.arange(len(made)) / HOP, np.arange(102), frames)) / RATE
    expected = np.searchsorted(cycles, np.arange(1, int(cycles[-1])))
    for place in expected:
        assert made[place - 2 : place + 3].max() > 0.6 * made[place - 40 : place + 41].max()
        assert np.argmax(made[max(place - 40, 0) : place + 41]) + max(place - 40, 0) == pytest.approx(place, abs=2)


def test_unvoiced_frames_are_silent_and_voice_comes_and_goes_without_a_step() -> None:
    f0 = steady(150.0, 60)
    f0[:, 20:40] = 0
    made = pulse_train(f0, HOP, RATE)[0]
    whole = pulse_train(steady(150.0, 60), HOP, RATE)[0]
    assert made[20 * HOP : 39 * HOP].abs().max() == 0
    # the last voiced frame fades, the frame before the onset rises, and elsewhere nothing is changed
    assert torch.equal(made[: 19 * HOP], whole[: 19 * HOP])
    falling = torch.arange(HOP, 0, -1) / HOP
    assert torch.allclose(made[19 * HOP : 20 * HOP], whole[19 * HOP : 20 * HOP] * falling, atol=1e-5)
    assert torch.allclose(made[39 * HOP : 40 * HOP], whole[39 * HOP : 40 * HOP] * (1 - falling), atol=1e-5)


def test_no_voice_at_all_is_silence() -> None:
    assert pulse_train(steady(0.0), HOP, RATE).abs().max() == 0


def test_the_response_of_a_known_filter_is_found_from_its_magnitude() -> None:
    pole = 0.95
    turns = torch.arange(BINS, dtype=torch.float64) / (2 * (BINS - 1))
    known = 1 / (1 - pole * torch.exp(-2j * math.pi * turns))
    response = torch.fft.irfft(minimum_phase(known.abs().log(), 3 * HOP))
    first = torch.arange(2 * HOP, dtype=torch.float64)
    assert torch.allclose(response[: 2 * HOP], pole**first, atol=1e-6)
    assert response[3 * HOP :].abs().max() < 1e-12


def test_dispersion_lowers_peaks_and_leaves_the_spectrum() -> None:
    flat = torch.zeros(1, 50, BINS)
    plain, late = (
        shaped((pulse_train(steady(100.0), HOP, RATE),), (minimum_phase(flat, 3 * HOP, phase),), HOP)[0, 10 * HOP :]
        for phase in (None, dispersion(HOP, RATE, flat.device, flat.dtype))
    )
    assert late.abs().max() < 0.6 * plain.abs().max()
    before, after = (torch.fft.rfft(wave * torch.hann_window(len(wave))).abs() for wave in (plain, late))
    harmonics = torch.arange(1, 110) * 100 * len(plain) // RATE
    assert torch.allclose(after[harmonics], before[harmonics], rtol=0.05)


def test_a_flat_filter_changes_nothing() -> None:
    noise = torch.randn(2, 30 * HOP, generator=torch.Generator().manual_seed(0))
    flat = minimum_phase(torch.zeros(2, 30, BINS), 3 * HOP)
    assert torch.allclose(shaped((noise,), (flat,), HOP), noise, atol=1e-5)


def test_a_filter_that_stays_is_a_convolution_and_two_sources_add_up() -> None:
    noise = torch.randn(1, 30 * HOP, generator=torch.Generator().manual_seed(0))
    response = torch.zeros(fft_size(HOP))
    response[[0, 5, 300]] = torch.tensor([1.0, -0.5, 0.25])
    spectrum = torch.fft.rfft(response).expand(1, 30, -1)
    expected = noise.clone()
    expected[:, 5:] -= 0.5 * noise[:, :-5]
    expected[:, 300:] += 0.25 * noise[:, :-300]
    once = shaped((noise,), (spectrum,), HOP)
    assert torch.allclose(once[:, 2 * HOP :], expected[:, 2 * HOP :], atol=1e-5)
    assert torch.allclose(shaped((noise, noise), (spectrum, 2 * spectrum), HOP), 3 * once, atol=1e-5)


def test_values_in_bands_are_joined_by_straight_lines_in_mel() -> None:
    bands = torch.arange(9.0)
    found = spread(bands, HOP, RATE)
    mel = 2595 * np.log10(1 + np.linspace(0, RATE / 2, BINS) / 700)
    assert np.allclose(found.numpy(), 8 * mel / mel[-1], atol=1e-4)


def spoken_level(bands: torch.Tensor, hz: float) -> float:
    """Level in dB of pulses at `hz` through a filter given in bands (K,) that is filled up."""
    f0 = steady(hz, 100)
    voiced = bands.expand(1, 100, -1)
    voiced = voiced + filled_up(voiced, f0, RATE)
    wave = shaped((pulse_train(f0, HOP, RATE),), (minimum_phase(spread(voiced, HOP, RATE), 3 * HOP),), HOP)
    return float(20 * torch.log10(wave[0, 20 * HOP :].std()))


def test_a_low_formant_is_not_lost_when_the_pitch_rises_above_it() -> None:
    mel = torch.linspace(0, math.log10(1 + RATE / 2 / 700), 64)
    hz = 700 * (10**mel - 1)
    bands = 3 * torch.exp(-(((hz - 230) / 120) ** 2)) - 4
    low, high = spoken_level(bands, 115.0), spoken_level(bands, 690.0)
    assert abs(high - low) < 4
    gain = 20 / math.log(10) * filled_up(bands.expand(1, 1, -1), torch.tensor([[690.0]]), RATE)
    assert 5 < float(gain) <= 12


def test_a_flat_filter_needs_no_filling_at_any_pitch() -> None:
    f0 = torch.tensor([[0.0, 60.0, 100.0, 250.0, 700.0, 1000.0]])
    assert filled_up(torch.zeros(1, 6, 64), f0, RATE).abs().max() == 0


def test_breath_is_cut_below_the_pitch_of_voiced_frames_alone() -> None:
    f0 = torch.tensor([[0.0, 400.0]])
    cut = -20 / math.log(10) * breath_floor(torch.zeros(1, 2, 64), f0, RATE)[0]
    mel = torch.linspace(0, math.log10(1 + RATE / 2 / 700), 64)
    hz = 700 * (10**mel - 1)
    assert cut[0].abs().max() == 0
    assert cut[1][hz > 400].abs().max() == 0
    octave_below = int((hz - 200).abs().argmin())
    assert float(cut[1][octave_below]) == pytest.approx(18 * math.log2(400 / float(hz[octave_below])), rel=1e-3)
