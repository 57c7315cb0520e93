"""A waveform brought nearer to another mel spectrogram, its phase left as it is.

Separate because it is a filter that moves with time and knows no network: what a refiner proposes as a spectrogram is
heard without a vocoder, as the ratio to the spectrogram that is there.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from infer.mel import MelSettings, mel_centres

_LEAST_POWER = 1e-3
"""Of overlapping windows squared, below which the edge of a wave is left out of the sum."""


def reshaped(wave: Tensor, gain: Tensor, settings: MelSettings) -> Tensor:
    """wave (B, T * hop) with the natural log of a factor (B, M, T) for each mel band and frame -> (B, T * hop).

    Between the centres of the bands the logarithm runs in straight lines, beyond the first and the last it stays.
    Frames lie where `infer.mel.mel_spectrogram` has them.
    """
    size, hop, samples = settings.n_fft, settings.hop, wave.shape[1]
    left = (size - hop) // 2
    padded = F.pad(wave.unsqueeze(1), (left, size - hop - left), mode="reflect").squeeze(1)
    window = torch.hann_window(size, device=wave.device, dtype=wave.dtype)
    spectrum = torch.fft.rfft(padded.unfold(1, size, hop) * window)
    factor = (gain.transpose(1, 2) @ _lines(settings).to(gain)).exp()
    frames = torch.fft.irfft(spectrum * factor, n=size) * window
    both = torch.cat([frames, window.square().expand_as(frames)]).transpose(1, 2)
    total = F.fold(both, (1, padded.shape[1]), (1, size), stride=(1, hop)).reshape(2, len(wave), -1)
    made, power = total[..., left : left + samples]
    return torch.where(power > _LEAST_POWER, made / power.clamp(min=_LEAST_POWER), wave)


@functools.lru_cache(maxsize=4)
def _lines(settings: MelSettings) -> Tensor:
    """(M, n_fft / 2 + 1): how much each band counts in each bin, summing to one."""
    bins = np.linspace(0, settings.sample_rate / 2, settings.n_fft // 2 + 1)
    centres = mel_centres(settings)
    with torch.inference_mode(False):
        return torch.from_numpy(np.stack([np.interp(bins, centres, one) for one in np.eye(len(centres))])).float()
