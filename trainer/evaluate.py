"""What a generator can do at a step: clips it has never heard, spoken the way a conversion speaks, and measured.

Separate from the loop because the same measurement says which step is best, what the card states and what the
sample sounds like. Nothing here changes the training: it neither draws from its generators nor moves its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from catalog import audio
from infer.f0 import coarse, extract
from infer.mel import MelSettings, mel_spectrogram
from infer.network import Network
from infer.source_filter import SourceFilter
from trainer.dataset import Crop, Crops, Floats, TrainClip, collate
from trainer.spectral import spoken

MOST_CLIP_S, MOST_S = 6.0, 30.0
"""Longest part of a clip and of all clips that one measurement speaks."""
CLIPPED = 0.999


@dataclass(frozen=True)
class Measurement:
    """Means over the held-out clips."""

    mel: float
    """L1 between log-mel spectrograms of what was said and what the model says (natural logarithm)."""
    loudness_db: float
    """How much louder the model is."""
    clipped: float
    """Share of samples at full scale."""
    clips: int
    f0_cents: float | None = None
    """Median distance of the f0 that is heard from the f0 that was asked for, in cents; None where none is heard."""

    def to_dict(self) -> dict[str, float]:
        """Under the names that metrics and cards use."""
        facts = {
            "held_out/mel": round(self.mel, 5),
            "held_out/loudness_db": round(self.loudness_db, 3),
            "held_out/clipped": round(self.clipped, 6),
        }
        return facts if self.f0_cents is None else facts | {"held_out/f0_cents": round(self.f0_cents, 1)}


def speak(network: Network, clip: TrainClip, *, seconds: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The first `seconds` of a clip as the model converts them and as they are: two of (N,) on the CPU."""
    hop = network.config.hop
    frames = min(clip.frames, int(seconds * 100))
    crops = collate([clip], [Crop(0, 0, 0)], context=frames, hop=hop)
    margin = (crops.audio.shape[1] - frames * hop) // 2
    real = torch.from_numpy(crops.audio[0, margin : margin + frames * hop])
    with torch.no_grad():
        made = _said(network, crops, seed)
    return made[0].float().cpu(), real


def _said(network: Network, crops: Crops, seed: int) -> Tensor:
    """The crops as the network says them, (B, N)."""
    device = network.emb_g.weight.device
    chance = torch.Generator(device).manual_seed(seed)
    if isinstance(network, SourceFilter):
        said = spoken(crops, network.config.sample_rate, device)
        return network.infer(said.phone, said.f0, said.loudness, said.sid, generator=chance)
    return network.infer(
        torch.from_numpy(crops.phone).to(device),
        torch.from_numpy(crops.lengths).to(device),
        torch.from_numpy(coarse(crops.f0)).to(device) if network.config.f0 else None,
        torch.from_numpy(crops.f0).to(device) if network.config.f0 else None,
        torch.from_numpy(crops.speaker).to(device),
        generator=chance,
    )


def measure(network: Network, clips: Sequence[TrainClip], mel: MelSettings) -> Measurement | None:
    """Measure on the first seconds of clips until there are enough; None when there are none."""
    was_training = network.training
    network.eval()
    distances, levels, clipped, samples, seconds = [], [], 0, 0, 0.0
    cents: list[Floats] = []
    for clip in clips:
        if seconds >= MOST_S:
            break
        made, real = speak(network, clip, seconds=MOST_CLIP_S)
        if len(real) <= mel.n_fft:
            continue
        seconds += len(real) / mel.sample_rate
        distances.append(_distance(made, real, mel))
        levels.append(_level(made) - _level(real))
        cents.append(_cents(made, clip.f0, mel.sample_rate))
        clipped += int((made.abs() >= CLIPPED).sum())
        samples += len(made)
    network.train(was_training)
    if not distances:
        return None
    off = np.concatenate(cents)
    return Measurement(
        mel=float(np.mean(distances)),
        loudness_db=float(np.mean(levels)),
        clipped=clipped / samples,
        clips=len(distances),
        f0_cents=float(np.median(off)) if len(off) else None,
    )


def write_sample(network: Network, clip: TrainClip, path: Path) -> None:
    """Render one clip as a wav file."""
    was_training = network.training
    network.eval()
    made, _ = speak(network, clip, seconds=MOST_CLIP_S)
    network.train(was_training)
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write_wav(path, np.nan_to_num(made.numpy()), network.config.sample_rate, "PCM_16")


def _distance(made: Tensor, real: Tensor, mel: MelSettings) -> float:
    pair = mel_spectrogram(torch.stack([made, real]), mel)
    return float((pair[0] - pair[1]).abs().mean())


def _level(wave: Tensor) -> float:
    return float(10 * torch.log10(wave.square().mean() + 1e-10))


def _cents(made: Tensor, asked: Floats, sample_rate: int) -> Floats:
    """Distance in cents of the f0 heard in `made` from the one asked for, on frames where both are voiced."""
    wave = audio.resample(np.nan_to_num(made.numpy()), sample_rate, 16000)
    heard = extract(wave, "auto")
    frames = min(len(heard), len(asked))
    heard, wanted = heard[:frames], np.asarray(asked[:frames])
    both = (heard > 0) & (wanted > 0)
    return np.asarray(np.abs(1200 * np.log2(heard[both] / wanted[both])), dtype=np.float32)
