"""One training step of a source-filter voice: it says what was said, and its spectra are compared with the recording's.

Separate from the published step because nothing adversarial is needed where the waveform is right by construction,
and because noise has to be judged as noise: a voice that is compared with one recording of a random sound would
learn to say something steadier than it.
Methods: Yamamoto et al. 2020 (multi-resolution STFT loss), Gritsenko et al. 2020 (spectral energy distance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from infer.loudness import SPEECH_DBFS, frame_loudness
from infer.mel import MelSettings, mel_from_spectrogram, spectrogram
from infer.source_filter import SourceFilter
from infer.synthesizer import take_slices
from trainer.config import LossWeights
from trainer.dataset import MARGIN_FRAMES, Crops

RESOLUTIONS = ((256, 64), (512, 128), (1024, 256), (2048, 512))
"""FFT size and hop in samples of the spectra that are compared."""
MEL_BANDS = {512: 40, 1024: 80, 2048: 120}
"""Of the spectra with these FFT sizes so many mel bands are compared as well."""
_LINEAR_SHARE = 0.5
_POWER_FLOOR = 1e-8
_MOST_GRADIENT = 5.0


@dataclass(frozen=True)
class Spoken:
    """What a voice is to say and how it sounded; B crops of T frames, N = T * hop samples."""

    phone: Tensor
    """(B, T, C) at 100 frames a second."""
    f0: Tensor
    """(B, T) in Hz."""
    loudness: Tensor
    """(B, T) in dB against speech."""
    sid: Tensor
    """(B,) speaker numbers."""
    wave: Tensor
    """(B, N) as recorded."""


@dataclass(frozen=True)
class SpectralLosses:
    """The losses as they enter the sum, and the gradient's norm; scalars on the device."""

    stft: Tensor
    mel: Tensor
    grad_norm: Tensor

    def values(self) -> dict[str, float]:
        """All as plain numbers, in one transfer; `g/total` is the sum."""
        stft, mel, norm = torch.stack([self.stft, self.mel, self.grad_norm]).tolist()
        return {"g/mel": mel, "g/stft": stft, "g/grad_norm": norm, "g/total": mel + stft}


def spoken(crops: Crops, sample_rate: int, device: torch.device | str) -> Spoken:
    """Crops as tensors on the device, with the loudness of each frame."""
    hop = sample_rate // 100
    audio = torch.from_numpy(crops.audio).to(device)
    loudness = frame_loudness(audio, sample_rate, 10 ** (SPEECH_DBFS / 10))
    return Spoken(
        phone=torch.from_numpy(crops.phone).to(device),
        f0=torch.from_numpy(crops.f0).to(device),
        loudness=loudness[:, MARGIN_FRAMES:-MARGIN_FRAMES],
        sid=torch.from_numpy(crops.speaker).to(device),
        wave=audio[:, MARGIN_FRAMES * hop : -MARGIN_FRAMES * hop],
    )


def spectral_step(
    network: SourceFilter, optimizer: Optimizer, said: Spoken, starts: Tensor, frames: int, weights: LossWeights
) -> SpectralLosses:
    """Change the network by one step; compared are `frames` frames from `starts` (B,) of each crop."""
    hop = network.config.hop
    voiced, breath = network.filters(said.phone, said.f0, said.loudness, said.sid)
    made = network.sound(voiced, breath, said.f0, [None, None])
    waves = [
        take_slices(wave.unsqueeze(1), starts * hop, frames * hop).squeeze(1) for wave in (said.wave, made[0], made[1])
    ]
    stft, mel = energy_distance(*waves, sample_rate=network.config.sample_rate)
    stft, mel = weights.stft * stft, weights.mel * mel
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward([stft + mel])
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), _MOST_GRADIENT)
    optimizer.step()
    return SpectralLosses(stft.detach(), mel.detach(), norm)


def energy_distance(real: Tensor, one: Tensor, other: Tensor, *, sample_rate: int) -> tuple[Tensor, Tensor]:
    """How far two renderings (B, N) that differ in their noise alone are from a recording, beyond what such noise
    explains: the distances of both from it less that between them; of STFT magnitudes and of log mel."""
    count = len(real)
    together = torch.cat([real, one, other])
    spectra = [
        torch.split(spectrogram(together, size, hop, size, power_floor=_POWER_FLOOR), count)
        for size, hop in RESOLUTIONS
    ]
    mels = [
        tuple(mel_from_spectrogram(part, MelSettings(sample_rate, size, hop, MEL_BANDS[size])) for part in parts)
        for parts, (size, hop) in zip(spectra, RESOLUTIONS, strict=True)
        if size in MEL_BANDS
    ]
    return _apart(spectra, _magnitude_distance), _apart(mels, _log_distance)


def _apart(resolutions: Sequence[Sequence[Tensor]], distance: _Distance) -> Tensor:
    terms = []
    for real, one, other in resolutions:
        scale = real.mean()
        terms.append(distance(real, one, scale) + distance(real, other, scale) - distance(one, other, scale))
    return torch.stack(terms).mean()


class _Distance(Protocol):
    def __call__(self, a: Tensor, b: Tensor, scale: Tensor) -> Tensor: ...


def _magnitude_distance(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    """L1 of log magnitudes and, with a smaller share, of magnitudes against their mean in the recording."""
    return (a.log() - b.log()).abs().mean() + _LINEAR_SHARE * (a - b).abs().mean() / scale


def _log_distance(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    return (a - b).abs().mean()
