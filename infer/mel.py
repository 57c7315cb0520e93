"""Linear and mel spectrograms as the published voices were trained with, in torch.

Separate because the pitch network, the training loss and the posterior encoder all read the same numbers from here.
Methods: Slaney 1998 (Auditory Toolbox mel scale and area-normalised triangles), O'Shaughnessy 1987 (the formula
2595 log10(1 + f / 700), "htk").
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Scale = Literal["slaney", "htk"]
NumericsName = Literal["classic", "2026", "nsf-hifigan"]

_LINEAR_HZ = 200.0 / 3.0
_CORNER_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


@dataclass(frozen=True)
class Numerics:
    """The constants in which two generations of RVC and the vocoder of so-vits-svc 4.1 differ; losses of one cannot be
    compared with another's."""

    name: NumericsName
    power_floor: float
    """Added to the power before the root."""
    mel_floor: float
    """Smallest mel magnitude before the logarithm."""
    interpolate_f0: bool
    """Whether f0 is carried through unvoiced frames instead of being 0 there."""


CLASSIC = Numerics("classic", 1e-6, 1e-5, False)
"""What every published base and nearly every shared voice was made with."""
RVC_2026 = Numerics("2026", 2e-7, 2e-6, True)
NUMERICS: dict[str, Numerics] = {numerics.name: numerics for numerics in (CLASSIC, RVC_2026)}


@dataclass(frozen=True)
class MelSettings:
    """One kind of mel spectrogram; sizes in samples, frequencies in Hz."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int
    f_min: float = 0.0
    f_max: float | None = None
    numerics: Numerics = CLASSIC

    @property
    def win(self) -> int:
        """Window length; always the FFT's."""
        return self.n_fft

    @staticmethod
    def published(sample_rate: int, hop: int, numerics: Numerics = CLASSIC) -> MelSettings:
        """What the published models of a sample rate are trained with; for other rates, the nearest below."""
        n_fft, n_mels = _PUBLISHED[max(rate for rate in _PUBLISHED if rate <= max(sample_rate, 24000))]
        return MelSettings(sample_rate, n_fft, hop, n_mels, numerics=numerics)


_PUBLISHED = {24000: (1024, 80), 32000: (1024, 80), 40000: (2048, 125), 48000: (2048, 128)}


def spectrogram(wave: Tensor, n_fft: int, hop: int, win: int, *, power_floor: float = 1e-6) -> Tensor:
    """Magnitude spectrogram: wave (B, N) -> (B, n_fft / 2 + 1, N // hop).

    Hann window, reflected by (n_fft - hop) / 2 at both ends, so N must be larger than that.
    """
    edge = (n_fft - hop) // 2
    padded = F.pad(wave.unsqueeze(1), (edge, edge), mode="reflect").squeeze(1)
    window = _window(win, wave.device, wave.dtype)
    spectrum = torch.stft(padded, n_fft, hop, win, window, center=False, return_complex=True)
    parts = torch.view_as_real(spectrum)
    return torch.sqrt(parts.square().sum(-1) + power_floor)


def mel_from_spectrogram(spec: Tensor, settings: MelSettings) -> Tensor:
    """Magnitudes (B, F, T) -> natural logarithm of the mel magnitudes (B, M, T)."""
    filters = _filters(settings, spec.device, spec.dtype)
    return torch.log((filters @ spec).clamp(min=settings.numerics.mel_floor))


def mel_spectrogram(wave: Tensor, settings: MelSettings) -> Tensor:
    """wave (B, N) -> log mel (B, M, N // hop)."""
    floor = settings.numerics.power_floor
    spec = spectrogram(wave, settings.n_fft, settings.hop, settings.win, power_floor=floor)
    return mel_from_spectrogram(spec, settings)


def mel_filters(
    sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float | None, *, scale: Scale = "slaney"
) -> NDArray[np.float64]:
    """Triangular filters of equal area, evenly spaced in mel: (n_mels, n_fft / 2 + 1)."""
    top = sample_rate / 2 if f_max is None else f_max
    low, high = _to_mel(np.array([f_min, top]), scale)
    corners = _from_mel(np.linspace(low, high, n_mels + 2), scale)
    bins = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    widths = np.diff(corners)
    rising = (bins - corners[:-2, None]) / widths[:-1, None]
    falling = (corners[2:, None] - bins) / widths[1:, None]
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    filters: NDArray[np.float64] = triangles * (2.0 / (corners[2:] - corners[:-2]))[:, None]
    return filters


def mel_centres(settings: MelSettings) -> NDArray[np.float64]:
    """The frequency in Hz (M,) that each band of a spectrogram stands for."""
    top = settings.sample_rate / 2 if settings.f_max is None else settings.f_max
    low, high = _to_mel(np.array([settings.f_min, top]), "slaney")
    return _from_mel(np.linspace(low, high, settings.n_mels + 2), "slaney")[1:-1]


def _to_mel(hz: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    above = _CORNER_HZ / _LINEAR_HZ + np.log(np.maximum(hz, _CORNER_HZ) / _CORNER_HZ) / _LOG_STEP
    return np.where(hz < _CORNER_HZ, hz / _LINEAR_HZ, above)


def _from_mel(mel: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    corner = _CORNER_HZ / _LINEAR_HZ
    return np.where(mel < corner, mel * _LINEAR_HZ, _CORNER_HZ * np.exp(_LOG_STEP * (mel - corner)))


@functools.lru_cache(maxsize=16)
def _window(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        return torch.hann_window(size, device=device, dtype=dtype)


@functools.lru_cache(maxsize=16)
def _filters(settings: MelSettings, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        filters = mel_filters(settings.sample_rate, settings.n_fft, settings.n_mels, settings.f_min, settings.f_max)
        return torch.from_numpy(filters.astype(np.float32)).to(device, dtype)
