"""RMVPE: f0 of a singing or speaking voice, also over music, by a large network read from its published weights.

The network (a U-Net over a mel spectrogram, then a recurrent layer) has the parameter names of the published file;
mel and decoding belong to it and stand here for that reason. Method: Wei, Cao, Dan and Chen, Interspeech 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from catalog.errors import BadModel
from infer.f0_methods.framing import SAMPLE_RATE, fit

MELS, HOP, N_FFT = 128, 160, 1024
MEL_LOW_HZ, MEL_HIGH_HZ = 30.0, 8000.0
CLASSES = 360
"""Pitch classes of 20 cents."""
FIRST_CENTS = 1997.3794084376191
"""Pitch of the first class in cents above 10 Hz: CREPE's grid, which starts at C1."""
THRESHOLD = 0.03
"""Frames whose strongest class is not above are unvoiced."""
_LEVELS, _MIDDLES, _BLOCKS, _CHANNELS, _HIDDEN = 5, 4, 4, 16, 256
_STRIDE = 2**_LEVELS
_MOMENTUM = 0.01


class _Residual(nn.Module):
    """Two convolutions, each normalised and rectified, added to the input."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside, momentum=_MOMENTUM),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside, momentum=_MOMENTUM),
            nn.ReLU(),
        )
        self.shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inside, T, bins) to (B, outside, T, bins)."""
        kept = x if self.shortcut is None else self.shortcut(x)
        added: Tensor = self.conv(x) + kept
        return added


def _residuals(inside: int, outside: int) -> nn.ModuleList:
    return nn.ModuleList(_Residual(inside if index == 0 else outside, outside) for index in range(_BLOCKS))


class _Stage(nn.Module):
    """A row of residual blocks."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = _residuals(inside, outside)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inside, T, bins) to (B, outside, T, bins)."""
        for block in self.conv:
            x = block(x)
        return x


class _Encoder(nn.Module):
    """Stages that halve time and frequency and double the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(1, momentum=_MOMENTUM)
        widths = [1, *(_CHANNELS * 2**level for level in range(_LEVELS))]
        self.layers = nn.ModuleList(_Stage(inside, outside) for inside, outside in pairwise(widths))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 1, T, 128) to the smallest map and what each stage gave before halving."""
        x = self.bn(x)
        kept = []
        for stage in self.layers:
            x = stage(x)
            kept.append(x)
            x = F.avg_pool2d(x, 2)
        return x, kept


class _Middle(nn.Module):
    """Stages at the smallest size."""

    def __init__(self) -> None:
        super().__init__()
        wide = _CHANNELS * 2**_LEVELS
        self.layers = nn.ModuleList(_Stage(wide // 2 if index == 0 else wide, wide) for index in range(_MIDDLES))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 256, T, bins) to (B, 512, T, bins)."""
        for stage in self.layers:
            x = stage(x)
        return x


class _Widen(nn.Module):
    """Doubles time and frequency, joins what the encoder kept at that size, then residual blocks."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        outside = inside // 2
        self.conv1 = nn.Sequential(
            nn.ConvTranspose2d(inside, outside, 3, stride=2, padding=1, output_padding=1, bias=False),
            nn.BatchNorm2d(outside, momentum=_MOMENTUM),
            nn.ReLU(),
        )
        self.conv2 = _residuals(inside, outside)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """(B, inside, T, bins) and (B, inside / 2, 2T, 2 bins) to the shape of the second."""
        x = torch.cat((self.conv1(x), kept), dim=1)
        for block in self.conv2:
            x = block(x)
        return x


class _Decoder(nn.Module):
    """The way back to full size."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Widen(_CHANNELS * 2 ** (level + 1)) for level in reversed(range(_LEVELS)))

    def forward(self, x: Tensor, kept: list[Tensor]) -> Tensor:
        """(B, 512, T, bins) to (B, 16, T * 32, bins * 32)."""
        for stage, same_size in zip(self.layers, reversed(kept), strict=True):
            x = stage(x, same_size)
        return x


class _UNet(nn.Module):
    """Encoder, middle and decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Encoder()
        self.intermediate = _Middle()
        self.decoder = _Decoder()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, T, 128) to (B, 16, T, 128); T a multiple of 32."""
        x, kept = self.encoder(x)
        out: Tensor = self.decoder(self.intermediate(x), kept)
        return out


class _Recurrent(nn.Module):
    """A recurrent layer that reads in both directions."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inside, _HIDDEN, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inside) to (B, T, 512)."""
        out: Tensor = self.gru(x)[0]
        return out


class Rmvpe(nn.Module):
    """Log mel spectrogram to the likelihood of each of 360 pitches in each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = _UNet()
        self.cnn = nn.Conv2d(_CHANNELS, 3, 3, padding=1)
        self.fc = nn.Sequential(_Recurrent(3 * MELS), nn.Linear(2 * _HIDDEN, CLASSES), nn.Dropout(0.25), nn.Sigmoid())

    def forward(self, mel: Tensor) -> Tensor:
        """Log mel (B, 128, T) to salience (B, T, 360) in 0..1, for any T."""
        frames = mel.shape[-1]
        padded = F.pad(mel, (0, -frames % _STRIDE))
        maps = self.cnn(self.unet(padded.transpose(1, 2).unsqueeze(1)))
        out: Tensor = self.fc(maps.transpose(1, 2).flatten(2))[:, :frames]
        return out


@lru_cache(maxsize=1)
def _filters() -> Tensor:
    from librosa.filters import mel

    basis = mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=MELS, fmin=MEL_LOW_HZ, fmax=MEL_HIGH_HZ, htk=True)
    return torch.from_numpy(basis)


def log_mel(audio: Tensor) -> Tensor:
    """Audio (N,) at 16 kHz to log mel (128, N // 160 + 1): magnitudes, HTK mel scale, logarithm not below 1e-5."""
    padded = F.pad(audio[None], (N_FFT // 2, N_FFT // 2), mode="reflect")[0]
    frames = padded.unfold(0, N_FFT, HOP) * torch.hann_window(N_FFT)
    # In double precision: the logarithm magnifies what rounding leaves in almost empty bands.
    magnitude = torch.fft.rfft(frames.double()).abs().float().T
    return torch.log(torch.clamp(_filters() @ magnitude, min=1e-5))


def decode(salience: NDArray[np.floating], threshold: float = THRESHOLD) -> NDArray[np.float64]:
    """Salience (T, 360) to f0 in Hz (T,): the mean pitch of the nine classes around the strongest, weighted by
    salience; 0 where the strongest is not above `threshold`."""
    cents = np.pad(20.0 * np.arange(CLASSES) + FIRST_CENTS, 4)
    padded = np.pad(np.asarray(salience, dtype=np.float64), ((0, 0), (4, 4)))
    around = np.argmax(salience, axis=1)[:, None] + np.arange(9)
    weights = np.take_along_axis(padded, around, axis=1)
    total = np.maximum(weights.sum(axis=1), 1e-12)
    mean = (weights * cents[around]).sum(axis=1) / total
    return np.where(np.max(salience, axis=1) > threshold, 10.0 * 2.0 ** (mean / 1200.0), 0.0)


def network(tensors: Mapping[str, Tensor], device: str = "cpu") -> Rmvpe:
    """The network with the given weights, ready to estimate; raises BadModel when they are not RMVPE's."""
    with torch.device("meta"):
        net = Rmvpe()
    expected = net.state_dict()
    wrong = [name for name, value in expected.items() if name not in tensors or tensors[name].shape != value.shape]
    if wrong:
        raise BadModel(f"these weights are not RMVPE's: {wrong[0]} is missing or of another size")
    held = {name: tensors[name].to(expected[name].dtype) for name in expected}
    net.load_state_dict(held, assign=True)
    return net.to(device).eval()


@lru_cache(maxsize=1)
def load(weights: Path, device: str) -> Rmvpe:
    """The network from its published file, kept for the next call; raises BadModel when the file is not RMVPE's."""
    try:
        tensors = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises several kinds, all meaning that the file is not plain weights
        raise BadModel(f"{weights.name} is damaged or holds more than weights: remove it and pull it again") from error
    if not isinstance(tensors, Mapping):
        raise BadModel(f"{weights.name} holds no dictionary of weights: remove it and pull it again")
    return network(tensors, device)


def rmvpe(
    audio: NDArray[np.floating], hop: int, f_min: float, f_max: float, device: str, weights: Path
) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz every `hop` samples (a multiple of 160), 0 where unvoiced: N // hop + 1."""
    if len(audio) <= N_FFT // 2:
        return np.zeros(len(audio) // hop + 1)
    with torch.inference_mode():
        mel = log_mel(torch.from_numpy(np.asarray(audio, dtype=np.float32).copy())).to(device)
        salience = load(weights, device)(mel[None])[0].float().cpu().numpy()
    f0 = decode(salience)
    f0 = np.where((f0 >= f_min) & (f0 <= f_max), f0, 0.0)[:: hop // HOP]
    return fit(f0, len(audio) // hop + 1)
