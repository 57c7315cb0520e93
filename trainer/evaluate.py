"""What a generator can do at a step: clips it has never heard, spoken the way a conversion speaks, and measured.

Separate from the loop because the same measurements say which step is best, when to stop and what the card states.
Nothing here changes the training: it neither draws from its generators nor moves its weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catalog import audio
from infer import speaker_network
from infer.f0 import coarse, extract
from infer.mel import MelSettings, mel_spectrogram
from infer.network import Network
from infer.phone_encoder import PAUSE, PHONES, PhoneEncoder, load_phone_encoder
from infer.source_filter import SourceFilter
from trainer.dataset import Crop, Crops, Floats, TrainClip, collate
from trainer.spectral import spoken

MOST_CLIP_S, MOST_S = 6.0, 30.0
"""Longest part of a clip and of all clips that one measurement speaks."""
VOICE_CLIPS = 24
"""Trained clips, evenly spaced, whose middle stands for how the speaker sounds."""
CLIPPED = 0.999
RATE_16K = 16000


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
    """Median distance of the f0 that is heard from the f0 that was asked for, in cents over the frames voiced in
    both; None where there are none."""
    speaker: float | None = None
    """Cosine of the voice that is heard to the middle of the speaker's trained clips; None where too little is said."""
    phones: float | None = None
    """Share of the frames in which the embedded phone encoder hears the same phone in both, pauses of the recording
    left out; None where there is only pause."""

    def to_dict(self) -> dict[str, float]:
        """Under the names that metrics and cards use; what could not be measured is left out."""
        facts = {
            "held_out/mel": (self.mel, 5),
            "held_out/f0_cents": (self.f0_cents, 1),
            "held_out/speaker": (self.speaker, 4),
            "held_out/phones": (self.phones, 4),
            "held_out/loudness_db": (self.loudness_db, 3),
            "held_out/clipped": (self.clipped, 6),
        }
        return {name: round(value, digits) for name, (value, digits) in facts.items() if value is not None}


class Yardstick:
    """The held-out recordings and what is known of them once, so that a save pays only for what the model says."""

    def __init__(self, held_out: Sequence[TrainClip], train: Sequence[TrainClip], mel: MelSettings) -> None:
        self.mel = mel
        self.train = tuple(train)
        self.clips = tuple(fixed([clip for clip in held_out if len(clip.audio) > mel.n_fft]))
        self._phones: dict[str, NDArray[np.int64]] = {}

    def measure(self, network: Network) -> Measurement | None:
        """Speak every clip and compare it with its recording; None when nothing is held out."""
        if not self.clips:
            return None
        with resting(network):
            heard = [self._compare(network, clip) for clip in self.clips]
        phones = np.concatenate([each.phones for each in heard])
        cents = np.concatenate([each.cents for each in heard])
        voices = [each.speaker for each in heard if each.speaker is not None]
        return Measurement(
            mel=float(np.mean([each.mel for each in heard])),
            loudness_db=float(np.mean([each.loudness_db for each in heard])),
            clipped=sum(each.clipped for each in heard) / sum(each.samples for each in heard),
            clips=len(heard),
            f0_cents=float(np.median(cents)) if len(cents) else None,
            speaker=float(np.mean(voices)) if voices else None,
            phones=float(phones.mean()) if len(phones) else None,
        )

    @cached_property
    def recorded_speaker(self) -> float | None:
        """What `speaker` is of the held-out recordings themselves: as near as a perfect model comes."""
        found = [self._likeness(_at_16k(real_of(clip), self.mel.sample_rate), clip.speaker) for clip in self.clips]
        kept = [each for each in found if each is not None]
        return float(np.mean(kept)) if kept else None

    def _compare(self, network: Network, clip: TrainClip) -> _Heard:
        made, real = speak(network, clip, seconds=MOST_CLIP_S)
        low = _at_16k(made, self.mel.sample_rate)
        if clip.clip not in self._phones:
            self._phones[clip.clip] = self._phones_of(_at_16k(real, self.mel.sample_rate))
        return _Heard(
            mel=_distance(made, real, self.mel),
            loudness_db=_level(made) - _level(real),
            clipped=int((made.abs() >= CLIPPED).sum()),
            samples=len(made),
            cents=_cents(extract(low, "auto"), clip.f0),
            speaker=self._likeness(low, clip.speaker),
            phones=_agreement(self._phones_of(low), self._phones[clip.clip]),
        )

    def _likeness(self, low: Floats, speaker: int) -> float | None:
        voice, middle = speaker_network.voice_of(low), self._middles.get(speaker)
        return None if voice is None or middle is None else float(voice @ middle)

    def _phones_of(self, low: Floats) -> NDArray[np.int64]:
        posteriors = self._listener.posteriors(torch.from_numpy(low))[0]
        return np.asarray(posteriors.argmax(-1).numpy(), dtype=np.int64)

    @cached_property
    def _listener(self) -> PhoneEncoder:
        with torch.random.fork_rng(devices=[]):  # a network is drawn before its weights are read
            return load_phone_encoder()

    @cached_property
    def _middles(self) -> dict[int, Floats]:
        """The middle of each speaker's trained clips, of length one."""
        middles: dict[int, Floats] = {}
        for speaker in {clip.speaker for clip in self.clips}:
            own = [clip for clip in self.train if clip.speaker == speaker]
            own = own[:: max(1, len(own) // VOICE_CLIPS)][:VOICE_CLIPS]
            found = [speaker_network.voice_of(_at_16k(real_of(clip), self.mel.sample_rate)) for clip in own]
            voices = [voice for voice in found if voice is not None]
            if voices:
                mean = np.mean(voices, axis=0)
                middles[speaker] = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
        return middles


@dataclass(frozen=True)
class _Heard:
    """One clip's figures, as they enter the means."""

    mel: float
    loudness_db: float
    clipped: int
    samples: int
    cents: Floats
    speaker: float | None
    phones: NDArray[np.bool_]


def fixed(clips: Sequence[TrainClip], seconds: float = MOST_S) -> list[TrainClip]:
    """The first clip of every recording, then the second of each, until there are enough seconds."""
    turn: dict[str, int] = {}
    order = []
    for number, clip in enumerate(clips):
        turn[clip.recording] = turn.get(clip.recording, -1) + 1
        order.append((turn[clip.recording], number))
    chosen, total = [], 0.0
    for _, number in sorted(order):
        if total >= seconds:
            break
        chosen.append(clips[number])
        total += min(clips[number].seconds, MOST_CLIP_S)
    return chosen


def real_of(clip: TrainClip, seconds: float = MOST_CLIP_S) -> Tensor:
    """The first `seconds` of a clip as they are trained on, (N,)."""
    hop = len(clip.audio) / max(1, clip.frames)
    part = np.asarray(clip.audio[: round(seconds * 100 * hop)], dtype=np.float32)
    return torch.from_numpy(part * np.float32(clip.gain))


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


@contextmanager
def resting(network: Network) -> Iterator[None]:
    """Inside, the network is in evaluation mode."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _at_16k(wave: Tensor, sample_rate: int) -> Floats:
    return audio.resample(np.nan_to_num(wave.numpy()), sample_rate, RATE_16K)


def _distance(made: Tensor, real: Tensor, mel: MelSettings) -> float:
    pair = mel_spectrogram(torch.stack([made, real]), mel)
    return float((pair[0] - pair[1]).abs().mean())


def _level(wave: Tensor) -> float:
    return float(10 * torch.log10(wave.square().mean() + 1e-10))


def _cents(heard: NDArray[np.floating], asked: Floats) -> Floats:
    """Distance in cents of the f0 heard from the one asked for, on the frames where both are voiced."""
    frames = min(len(heard), len(asked))
    heard, wanted = heard[:frames], np.asarray(asked[:frames])
    both = (heard > 0) & (wanted > 0)
    return np.asarray(np.abs(1200 * np.log2(heard[both] / wanted[both])), dtype=np.float32)


def _agreement(made: NDArray[np.int64], real: NDArray[np.int64]) -> NDArray[np.bool_]:
    """On each frame of the recording that is no pause, whether the same phone is heard."""
    frames = min(len(made), len(real))
    said = real[:frames] != PHONES.index(PAUSE)
    return np.asarray((made[:frames] == real[:frames])[said], dtype=np.bool_)
