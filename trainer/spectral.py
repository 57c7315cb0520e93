"""One training step of a source-filter voice: it says what was said, and its spectra are compared with the recording's.

Separate from the published step because nothing adversarial is needed where the waveform is right by construction,
and because noise has to be judged as noise: a voice that is compared with one recording of a random sound would
learn to say something steadier than it.
Methods: Yamamoto et al. 2020 (multi-resolution STFT loss), Gritsenko et al. 2020 (spectral energy distance).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from infer.loudness import SPEECH_DBFS, frame_loudness
from infer.mel import MelSettings, mel_from_spectrogram, spectrogram
from infer.source_filter import SourceFilter
from infer.synthesizer import take_slices
from trainer.config import LossWeights
from trainer.dataset import MARGIN_FRAMES, Crops, TensorCrops

RESOLUTIONS = ((256, 64), (512, 128), (1024, 256), (2048, 512))
"""FFT size and hop in samples of the spectra that are compared."""
MEL_BANDS = {512: 40, 1024: 80, 2048: 120}
"""Of the spectra with these FFT sizes so many mel bands are compared as well."""
_LINEAR_SHARE = 0.5
_POWER_FLOOR = 1e-8
_MOST_GRADIENT = 5.0

_Distance = Callable[[Tensor, Tensor], Tensor]


def alone(value: Tensor) -> Tensor:
    """The mean over all shares of a batch that is not shared."""
    return value


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


def spoken(crops: Crops | TensorCrops, sample_rate: int, device: torch.device | str) -> Spoken:
    """Crops as tensors on the device, with the loudness of each frame."""
    hop = sample_rate // 100
    audio = torch.as_tensor(crops.audio).to(device)
    loudness = frame_loudness(audio, sample_rate, 10 ** (SPEECH_DBFS / 10))
    return Spoken(
        phone=torch.as_tensor(crops.phone).to(device),
        f0=torch.as_tensor(crops.f0).to(device),
        loudness=loudness[:, MARGIN_FRAMES:-MARGIN_FRAMES],
        sid=torch.as_tensor(crops.speaker).to(device),
        wave=audio[:, MARGIN_FRAMES * hop : -MARGIN_FRAMES * hop],
    )


def spectral_step(
    network: SourceFilter,
    optimizer: Optimizer,
    said: Spoken,
    starts: Tensor,
    frames: int,
    weights: LossWeights,
    *,
    noises: Sequence[Tensor] | None = None,
    filters: Callable[..., tuple[Tensor, Tensor]] | None = None,
    mean: Callable[[Tensor], Tensor] = alone,
) -> SpectralLosses:
    """Change the network by one step; compared are `frames` frames from `starts` (B,) of each crop.

    `noises` are two of unit variance (B, N), drawn if None. Where several processes have a share of the batch each,
    `filters` is the network's forward pass that averages gradients, and `mean` the mean of a tensor over the shares.
    """
    hop = network.config.hop
    voiced, breath = (filters or network.filters)(said.phone, said.f0, said.loudness, said.sid)
    made = network.sound(voiced, breath, said.f0, list(noises or (None, None)))
    waves = [
        take_slices(wave.unsqueeze(1), starts * hop, frames * hop).squeeze(1) for wave in (said.wave, made[0], made[1])
    ]
    stft, mel = energy_distance(*waves, sample_rate=network.config.sample_rate, mean=mean)
    stft, mel = weights.stft * stft, weights.mel * mel
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward([stft + mel])
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), _MOST_GRADIENT)
    optimizer.step()
    return SpectralLosses(stft.detach(), mel.detach(), norm)


def energy_distance(
    real: Tensor, one: Tensor, other: Tensor, *, sample_rate: int, mean: Callable[[Tensor], Tensor] = alone
) -> tuple[Tensor, Tensor]:
    """How far two renderings (B, N) that differ in their noise alone are from a recording, beyond what such noise
    explains: the distances of both from it less that between them; of STFT magnitudes and of log mel.

    `mean` brings the recordings' mean magnitudes, against which distances are counted, from a share of a batch to the
    whole."""
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
    scales = mean(torch.stack([parts[0].mean() for parts in spectra])).unbind()
    magnitudes = [_apart(parts, _magnitude_distance(scale)) for parts, scale in zip(spectra, scales, strict=True)]
    return torch.stack(magnitudes).mean(), torch.stack([_apart(parts, _log_distance) for parts in mels]).mean()


def _apart(parts: Sequence[Tensor], distance: _Distance) -> Tensor:
    real, one, other = parts
    return distance(real, one) + distance(real, other) - distance(one, other)


def _magnitude_distance(scale: Tensor) -> _Distance:
    """L1 of log magnitudes and, with a smaller share, of magnitudes against their mean in the recording."""
    return lambda a, b: (a.log() - b.log()).abs().mean() + _LINEAR_SHARE * (a - b).abs().mean() / scale


def _log_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()
