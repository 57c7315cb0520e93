"""What a source-filter voice is made of: a pulse train that follows f0, noise, and filters that change every frame.

Separate from the network because here is the whole of the sound and nothing that is learned: the f0 of what comes
out is the f0 that goes in, whatever the network says.
Methods: Engel et al. 2020 (DDSP: harmonics and filtered noise), Wu et al. 2022 (SawSing: the band-limited source in
closed form), Oppenheim & Schafer 1975 (minimum phase from the cepstrum) as in Morise et al. 2016 (WORLD), Kawahara et
al. 1999 (STRAIGHT: group delay that takes the buzz out of pulses).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BLOCKS = 5
"""Hops in a transform: two of windowed source and three of impulse response (30 ms)."""
_NEAR_PULSE = 1e-4
_LOWEST_F0, _HIGHEST_F0 = 60.0, 2000.0
_FILLED_TO_HZ, _FILLED_POINTS = 4000.0, 160
_LET_BE, _MOST_FILLED = math.log(10) / 20 * 3, math.log(10) / 20 * 12
_BREATH_SLOPE = math.log(10) / 20 * 18
_LEAST_DELAY_S, _MOST_DELAY_S = 0.002, 0.005
_DELAY_OCTAVES = 1.5
_DELAY_FROM_HZ = 300.0


def fft_size(hop: int) -> int:
    """Samples of the transform that filters work in."""
    return BLOCKS * hop


def pulse_train(f0: Tensor, hop: int, sample_rate: int, start: float = 0.0) -> Tensor:
    """f0 in Hz at the start of each frame, 0 where unvoiced (B, T) -> band-limited pulses (B, T * hop), from the phase
    `start`, in turns, on.

    All harmonics below half the rate, in phase and equally strong, with as much power in a band as white noise of
    unit variance has there; the uppermost fades with its distance from that limit. f0 runs straight from frame to
    frame, and where voice begins or ends the train fades over one frame.
    """
    gate = _between((f0 > 0).to(f0.dtype), hop)
    hz = _between(_held(f0), hop).clamp(min=1.0, max=_HIGHEST_F0)
    turns = _wrapped_phase(hz, hop, sample_rate, start)
    count = (sample_rate / 2 - hz) / hz
    whole = count.floor()
    inside = math.pi * turns
    ratio = torch.sin((2 * whole + 1) * inside) / torch.sin(inside)
    # both sines vanish on the pulse itself, where the ratio is the number of terms
    ratio = torch.where(turns.abs() < _NEAR_PULSE / whole.clamp(min=1), 2 * whole + 1, ratio)
    harmonics = (ratio - 1) / 2 + (count - whole) * torch.cos(2 * (whole + 1) * inside)
    return gate * harmonics * 2 * (hz / sample_rate).sqrt()


def _held(f0: Tensor) -> Tensor:
    """f0 with each unvoiced stretch filled by the voiced value before it, or after it at the beginning."""
    steps = torch.arange(f0.shape[1], device=f0.device).expand_as(f0)
    voiced = f0 > 0
    before = torch.where(voiced, steps, -1).cummax(1).values
    after = torch.where(voiced, steps, f0.shape[1]).flip(1).cummin(1).values.flip(1)
    # the frame before an onset already fades in at the pitch of the onset
    nearest = torch.where((before < 0) | (after - steps <= 1), after, before).clamp(max=f0.shape[1] - 1)
    return f0.gather(1, torch.where(voiced, steps, nearest))


def _between(frames: Tensor, hop: int) -> Tensor:
    """Values at frame starts (B, T), the last one held -> straight lines between them (B, T * hop)."""
    after = torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)
    share = torch.arange(hop, device=frames.device, dtype=frames.dtype) / hop
    return (frames.unsqueeze(-1) + (after - frames).unsqueeze(-1) * share).flatten(1)


def _wrapped_phase(hz: Tensor, hop: int, sample_rate: int, start: float) -> Tensor:
    """Frequency of each sample (B, N) -> phase in turns within half a turn of zero, exact over any length."""
    # metal has no float64; there the wrapped sum in float32 is the best there is
    exact = hz.dtype if hz.device.type == "mps" else torch.float64
    within = (hz.to(exact) / sample_rate).reshape(hz.shape[0], -1, hop).cumsum(-1)
    whole = within[..., -1]
    before = (whole - whole.round()).cumsum(1).roll(1, dims=1)
    before[:, 0] = 0
    turns = (within + before.unsqueeze(-1)).flatten(1) + start
    return (turns - turns.round()).to(hz.dtype)


def filled_up(voiced: Tensor, f0: Tensor, sample_rate: int) -> Tensor:
    """What to add to the log magnitudes (B, T, K) in bands of a filter for pulses so that they carry at f0 (B, T) the
    power that a dense spectrum would: 0 to 12 dB in natural logarithm (B, T, 1).

    A voice keeps its loudness when it sings higher. A filter learnt from a low voice does not know that: its lowest
    formant may lie below the new fundamental, and the harmonics left over are faint beside the breath.
    """
    hz = f0.clamp(min=_LOWEST_F0, max=_HIGHEST_F0).unsqueeze(-1)
    power = torch.exp(2 * voiced)
    grid = torch.linspace(_LOWEST_F0, _FILLED_TO_HZ, _FILLED_POINTS, device=f0.device, dtype=f0.dtype)
    dense = _read(power, grid.expand(*f0.shape, -1), sample_rate).mean(-1, keepdim=True)
    numbers = torch.arange(1, int(_FILLED_TO_HZ / _LOWEST_F0) + 1, device=f0.device, dtype=f0.dtype)
    places = hz * numbers
    heard = places < _FILLED_TO_HZ
    sampled = (_read(power, places.clamp(max=sample_rate / 2), sample_rate) * heard).sum(-1, keepdim=True)
    sampled = sampled * hz / (_FILLED_TO_HZ - _LOWEST_F0)
    lacking = (dense / sampled).log() / 2 - _LET_BE
    return lacking.clamp(0, _MOST_FILLED)


def _read(bands: Tensor, hz: Tensor, sample_rate: int) -> Tensor:
    """Values in bands (B, T, K) at frequencies (B, T, N), by straight lines in mel."""
    place = torch.log10(1 + hz / 700) / math.log10(1 + sample_rate / 2 / 700) * (bands.shape[-1] - 1)
    below = place.floor().clamp(max=bands.shape[-1] - 2)
    share = place - below
    index = below.long()
    return bands.gather(-1, index) * (1 - share) + bands.gather(-1, index + 1) * share


def breath_floor(breath: Tensor, f0: Tensor, sample_rate: int) -> Tensor:
    """The filter of noise, log magnitudes (B, T, K) in bands, without what lies below f0 where there is voice.

    The rush of air in a voice is high; what a low voice taught of the lowest bands is not breath but its pitch.
    """
    mel = torch.linspace(0, math.log10(1 + sample_rate / 2 / 700), breath.shape[-1], device=f0.device, dtype=f0.dtype)
    hz = 700 * (10**mel - 1)
    octaves = torch.log2(f0.clamp(min=_LOWEST_F0).unsqueeze(-1) / hz.clamp(min=20.0)).clamp(min=0)
    return breath - (f0 > 0).unsqueeze(-1) * octaves * _BREATH_SLOPE


def minimum_phase(log_magnitude: Tensor, keep: int, phase: Tensor | None = None) -> Tensor:
    """Natural log magnitudes (..., N / 2 + 1) -> spectra (..., N / 2 + 1) of the causal responses that have them
    and hold their energy as early as possible, turned by `phase` in radians (N / 2 + 1,) where it is given, cut to
    `keep` samples and faded over the last third."""
    size = 2 * (log_magnitude.shape[-1] - 1)
    cepstrum = torch.fft.irfft(log_magnitude, n=size)
    spectrum = torch.fft.rfft(cepstrum * _causal(size, log_magnitude.device, log_magnitude.dtype))
    if phase is not None:
        spectrum = spectrum + 1j * phase
    response = torch.fft.irfft(torch.exp(spectrum), n=size)[..., :keep]
    cut: Tensor = torch.fft.rfft(response * _fade(keep, response.device, response.dtype), n=size)
    return cut


def dispersion(hop: int, sample_rate: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Phase in radians (N / 2 + 1,) that delays the bands of a pulse by 2 to 5 ms, to and fro every 1.5 octaves.

    Harmonics that are all in phase are a click a period, which no throat makes: it buzzes, and its peaks stand twice
    as high above its power as those of speech. Without the least delay the response would begin before the pulse.
    """
    return _dispersion(fft_size(hop) // 2 + 1, sample_rate, device, dtype)


@functools.lru_cache(maxsize=8)
def _dispersion(bins: int, sample_rate: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    hz = np.linspace(0, sample_rate / 2, bins)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * np.log2(1 + hz / _DELAY_FROM_HZ) / _DELAY_OCTAVES)
    delay = _LEAST_DELAY_S + (_MOST_DELAY_S - _LEAST_DELAY_S) * swing
    with torch.inference_mode(False):
        return torch.from_numpy(-2 * np.pi * np.cumsum(delay) * hz[1]).to(device, dtype)


def shaped(sources: tuple[Tensor, ...], filters: tuple[Tensor, ...], hop: int) -> Tensor:
    """Sources (B, T * hop), each through its filter of the frame: spectra (B, T, N / 2 + 1) -> (B, T * hop).

    The source under a triangle of two hops around each frame passes that frame's filter, so filters blend
    from frame to frame, and the responses ring on over the frames that follow.
    """
    size = fft_size(hop)
    window = torch.bartlett_window(2 * hop, device=sources[0].device, dtype=sources[0].dtype)
    parts = []
    for source, spectrum in zip(sources, filters, strict=True):
        # half a triangle lies beyond either end; the filters there are those of the first and the last frame
        frames = F.pad(source, (hop + hop // 2, hop + hop // 2)).unfold(-1, 2 * hop, hop) * window
        held = torch.cat([spectrum[:, :1], spectrum, spectrum[:, -1:]], dim=1)
        parts.append(torch.fft.rfft(frames, n=size) * held)
    pieces = torch.fft.irfft(torch.stack(parts).sum(0), n=size).unflatten(-1, (BLOCKS, hop))
    steps = pieces.shape[1]
    laid = torch.stack([F.pad(pieces[:, :, block], (0, 0, block, BLOCKS - 1 - block)) for block in range(BLOCKS)])
    start = hop + hop // 2
    return laid.sum(0).flatten(1)[:, start : start + (steps - 2) * hop]


def spread(bands: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Values (..., K) at frequencies evenly spaced in mel (O'Shaughnessy 1987) from 0 to half the rate -> the bins
    (..., N / 2 + 1) of the transform, by straight lines between them."""
    return bands @ _band_matrix(bands.shape[-1], fft_size(hop) // 2 + 1, sample_rate, bands.device, bands.dtype)


@functools.lru_cache(maxsize=8)
def _band_matrix(bands: int, bins: int, sample_rate: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    mel = 2595.0 * np.log10(1.0 + np.linspace(0, sample_rate / 2, bins) / 700.0)
    place = mel / mel[-1] * (bands - 1)
    weights = np.clip(1 - np.abs(place[None, :] - np.arange(bands)[:, None]), 0, None)
    with torch.inference_mode(False):
        return torch.from_numpy(weights).to(device, dtype)


@functools.lru_cache(maxsize=8)
def _causal(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What folds the negative times of a cepstrum onto the positive ones."""
    weights = np.zeros(size, np.float64)
    weights[0] = weights[size // 2] = 1
    weights[1 : size // 2] = 2
    with torch.inference_mode(False):
        return torch.from_numpy(weights).to(device, dtype)


@functools.lru_cache(maxsize=8)
def _fade(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    tail = size // 3
    falling = 0.5 + 0.5 * np.cos(np.pi * (np.arange(tail) + 0.5) / tail)
    with torch.inference_mode(False):
        return torch.from_numpy(np.concatenate([np.ones(size - tail), falling])).to(device, dtype)
