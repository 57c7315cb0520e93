"""The embedded content encoder: a small phone classifier whose bottleneck says what is spoken, 50 times a second.

It stands alone because its weights ship with the package: it needs no download, no network and no other
model, so that every command works on a fresh machine.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.nn import functional as F

from catalog.errors import BadModel

SAMPLE_RATE = 16000
WINDOW = 400
MEL_HOP = 160
FRAME_HOP = 320
FEATURE_SIZE = 128
STATES = 3
PAUSE = "pau"
PHONES: tuple[str, ...] = (
    *[
        "aa",
        "ae",
        "ah",
        "ao",
        "aw",
        "ay",
        "b",
        "ch",
        "d",
        "dh",
        "eh",
        "er",
        "ey",
        "f",
        "g",
        "hh",
        "ih",
        "iy",
        "jh",
        "k",
        "l",
        "m",
        "n",
        "ng",
        "ow",
        "oy",
    ],
    *["p", "r", "s", "sh", "t", "th", "uh", "uw", "v", "w", "y", "z", "zh"],
    PAUSE,
)
CLASSES = STATES * (len(PHONES) - 1) + 1
"""Each phone is told apart in three thirds; the pause is one class, the last."""

_FFT = 512
_FLOOR = 1e-6
_SPEECH_BELOW_PEAK_DB = 35.0
_SILENCE_DBFS = -70.0
_BLOCK = 3000


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of the network; stored in the card so that weights and code cannot disagree silently."""

    mels: int = 64
    width: int = 192
    blocks: int = 7
    kernel: int = 7
    expansion: int = 2

    @property
    def reach(self) -> int:
        """Frames of context on either side that can change one output frame."""
        return 2 + self.blocks * (self.kernel // 2)


def frame_count(samples: int) -> int:
    """Content frames for `samples` at 16 kHz, the same count that HuBERT gives: (N - 400) // 320 + 1, at least 0."""
    return max(0, (samples - WINDOW) // FRAME_HOP + 1)


def mel_filters(mels: int, low_hz: float = 40.0, high_hz: float = 8000.0) -> Tensor:
    """Triangular filters (bins, mels) evenly spaced on the mel scale of O'Shaughnessy, 2595 log10(1 + f / 700)."""

    def to_mel(hz: Tensor) -> Tensor:
        return 2595.0 * torch.log10(1.0 + hz / 700.0)

    span = to_mel(torch.tensor([low_hz, high_hz], dtype=torch.float64))
    edges = 700.0 * (10.0 ** (torch.linspace(float(span[0]), float(span[1]), mels + 2) / 2595.0) - 1.0)
    bins = torch.linspace(0.0, SAMPLE_RATE / 2, _FFT // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0.0).float()


def frame_levels(audio: Tensor) -> Tensor:
    """Mean power of each content frame: audio (..., N) at 16 kHz to (..., T)."""
    if frame_count(audio.shape[-1]) == 0:
        return audio.new_zeros(*audio.shape[:-1], 0)
    # 400 and 320 share 80 samples, so sums of 80 serve every frame without copying overlapping windows.
    whole = audio[..., : audio.shape[-1] // 80 * 80]
    parts = torch.linalg.vector_norm(whole.reshape(*whole.shape[:-1], -1, 80), dim=-1).square()
    levels: Tensor = parts.unfold(-1, 5, 4).sum(-1) / WINDOW
    return levels


def speech_frames(audio: Tensor) -> Tensor:
    """True where a frame holds sound worth counting in a recording's statistics: audio (..., N) to bool (..., T).

    A frame counts when it lies within 35 dB of the loud frames (95th percentile) and above -70 dBFS.
    """
    decibels = 10.0 * torch.log10(frame_levels(audio) + 1e-12)
    if decibels.shape[-1] == 0:
        return decibels.bool()
    rank = min(decibels.shape[-1], round(0.95 * decibels.shape[-1]) + 1)
    loud = decibels.kthvalue(rank, dim=-1, keepdim=True).values
    return (decibels > loud - _SPEECH_BELOW_PEAK_DB) & (decibels > _SILENCE_DBFS)


def level_gain(audio: Tensor) -> Tensor:
    """The factor (..., 1) that brings the speech of audio (..., N) to a mean power of 1; 1 where there is none."""
    levels, speech = frame_levels(audio), speech_frames(audio)
    power = (levels * speech).sum(-1, keepdim=True) / speech.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(power > 0, power.clamp(min=1e-12).rsqrt(), torch.ones_like(power))


def whole_phones(shares: Tensor) -> Tensor:
    """Probabilities (..., 40) of the phones of `PHONES`, for those (..., classes) of their thirds."""
    spoken = shares[..., :-1].reshape(*shares.shape[:-1], len(PHONES) - 1, STATES).sum(-1)
    return torch.cat([spoken, shares[..., -1:]], dim=-1)


class LogMel(nn.Module):
    """Log mel energies of audio at 16 kHz every 10 ms; fixed buffers, nothing to learn, nothing stored."""

    window: Tensor
    filters: Tensor

    def __init__(self, mels: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", mel_filters(mels), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Audio (B, N) to (B, M, mels) with M = (N - 400) // 160 + 1, about zero mean and unit spread on speech."""
        frames = audio.unfold(-1, WINDOW, MEL_HOP) * self.window
        power = torch.fft.rfft(frames, n=_FFT).abs().square() / WINDOW
        return (torch.log(power @ self.filters + _FLOOR) + 4.0) / 4.0


class _Block(nn.Module):
    """Depthwise convolution over time, then a widening per frame (the ConvNeXt order), added to its input."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        wide = shape.width * shape.expansion
        self.mix = nn.Conv1d(shape.width, shape.width, shape.kernel, padding=shape.kernel // 2, groups=shape.width)
        self.norm = nn.LayerNorm(shape.width)
        self.widen = nn.Linear(shape.width, wide)
        self.narrow = nn.Linear(wide, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) to the same shape."""
        mixed = self.norm(self.mix(x.transpose(1, 2)).transpose(1, 2))
        out: Tensor = x + self.narrow(F.gelu(self.widen(mixed)))
        return out


class PhoneEncoder(nn.Module):
    """Audio at 16 kHz to 128 numbers every 20 ms; the same sound by two voices lands close together.

    The features are raw: subtract the mean and divide by the spread over the speech frames of one recording
    before comparing voices.
    """

    def __init__(self, shape: EncoderShape | None = None, version: str = "untrained") -> None:
        super().__init__()
        self.shape = shape or EncoderShape()
        self.version = version
        self.front = LogMel(self.shape.mels)
        self.stem = nn.Conv1d(self.shape.mels, self.shape.width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(_Block(self.shape) for _ in range(self.shape.blocks))
        self.norm = nn.LayerNorm(self.shape.width)
        self.bottleneck = nn.Linear(self.shape.width, FEATURE_SIZE)
        self.classes = nn.Linear(FEATURE_SIZE, CLASSES)

    def features(self, mel: Tensor) -> Tensor:
        """Bottleneck (B, T, 128) of log mel frames (B, M, mels), T = (M + 1) // 2."""
        x = F.gelu(self.stem(mel.transpose(1, 2))).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.bottleneck(self.norm(x))
        return out

    def logits(self, features: Tensor) -> Tensor:
        """Scores (B, T, classes) of the thirds of phones for bottleneck features (B, T, 128)."""
        out: Tensor = self.classes(torch.tanh(features))
        return out

    @torch.no_grad()
    def encode(self, audio: Tensor, block: int = _BLOCK, gain: float | None = None) -> Tensor:
        """Raw content features (B, T, 128) of audio (N,) or (B, N) at 16 kHz, T = (N - 400) // 320 + 1.

        Each recording is brought to one loudness first, so gain does not change the result; for a part of a
        recording give the `gain` of the whole (`level_gain`). Long audio runs in pieces of `block` frames with the
        network's whole reach on both sides: the values do not depend on `block`.
        """
        rows = audio.unsqueeze(0) if audio.dim() == 1 else audio
        if rows.dim() != 2:
            raise ValueError(f"audio must be (N,) or (B, N), not {tuple(audio.shape)}")
        total, reach = frame_count(rows.shape[-1]), self.shape.reach
        factor: Tensor | float = level_gain(rows) if gain is None else gain
        found = rows.new_empty(rows.shape[0], total, FEATURE_SIZE)
        for start in range(0, total, block):
            stop = min(start + block, total)
            left, right = max(0, start - reach), min(total, stop + reach)
            end = rows.shape[-1] if right == total else (right - 1) * FRAME_HOP + WINDOW
            piece = self.features(self.front(rows[:, left * FRAME_HOP : end] * factor))
            found[:, start:stop] = piece[:, start - left : stop - left]
        return found

    @torch.no_grad()
    def posteriors(self, audio: Tensor) -> Tensor:
        """Probability of each phone of `PHONES` per frame, (B, T, 40), for audio as in `encode`."""
        return whole_phones(self.logits(self.encode(audio)).softmax(-1))


def packaged_weights() -> Path:
    """Where the weights that ship with the package lie."""
    return Path(str(resources.files("infer") / "data" / "phone_encoder.safetensors"))


def read_card(weights: Path) -> dict[str, Any]:
    """The JSON card beside `weights`; raises BadModel when it is missing or unreadable."""
    card = weights.with_suffix(".json")
    try:
        found: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModel(f"cannot read the card of the content encoder, {card}: {error}") from error
    return found


def read_tensors(weights: Path, card: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a file in float32, by name; raises BadModel when it is missing or not the one its card names."""
    try:
        blob = weights.read_bytes()
    except OSError as error:
        raise BadModel(f"cannot read the content encoder {weights}: {error}") from error
    if hashlib.sha256(blob).hexdigest() != card.get("sha256"):
        raise BadModel(f"{weights} is not the file its card describes (SHA-256 differs); reinstall or rebuild it")
    return {name: value.float() for name, value in load_tensors(blob).items()}


def other_shape(weights: Path) -> BadModel:
    """The error for tensors that do not fit the shape that the card states."""
    return BadModel(f"{weights} does not have the shape its card states; reinstall or rebuild it")


def load_phone_encoder(path: Path | None = None, device: str | torch.device = "cpu") -> PhoneEncoder:
    """The trained encoder in evaluation mode, from `path` or the packaged weights, checked against its card.

    Raises BadModel when a file is missing, its SHA-256 is not the one its card names, or its shape is another.
    """
    weights = path or packaged_weights()
    card = read_card(weights)
    tensors = read_tensors(weights, card)
    try:
        encoder = PhoneEncoder(EncoderShape(**card["shape"]), version=str(card["version"]))
        encoder.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise other_shape(weights) from error
    return encoder.to(device).eval()
