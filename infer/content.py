"""Content encoders: what is said, apart from who says it, as features 50 times a second.

The table at the top needs no heavy import, so the commands and the app can name the encoders; a network is loaded
only by `load_encoder`. The embedded encoder needs no download; ContentVec is pulled and is what RVC voices expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catalog.errors import BadRequest
from catalog.names import nearest
from infer.content_encoder import ContentEncoder, Floats, Statistics
from infer.pull import missing_weights, place

if TYPE_CHECKING:
    from infer.phone_encoder import PhoneEncoder
    from infer.phonetic import Phonetic

SAMPLE_RATE = 16000
FRAME_HOP, WINDOW = 320, 400
DEFAULT = "phone"
PHONETIC = "phonetic"
_SMALLEST_SPREAD = 1e-3
_AT_ONCE = 1000
"""Frames that pass the embedded encoder together: its memory for 20 s."""


@dataclass(frozen=True)
class EncoderKind:
    """One encoder that can be asked for: its name, the size of its features and what it needs."""

    name: str
    dim: int
    summary: str
    weights: str | None = None
    """Name of the published weights it needs, as `curator models pull` knows them."""

    def missing(self, weights: Path | None = None) -> str | None:
        """What it lacks and how to get it, in one line; None when it is ready. `weights` is the library's folder."""
        if self.weights is None or (weights is not None and any(path.is_file() for path in files(weights))):
            return None
        return f"encoder {self.name} needs weights: curator models pull {self.weights}"


CONTENT_ENCODERS: dict[str, EncoderKind] = {
    kind.name: kind
    for kind in (
        EncoderKind("phone", 128, "small, embedded, English phones: nothing to download"),
        EncoderKind("phonetic", 128, "small, embedded, says only which phones it hears: hides the voice, less exact"),
        EncoderKind("contentvec", 768, "large, many languages: what RVC v2 voices expect", "contentvec"),
        EncoderKind("contentvec-256", 256, "the same weights as RVC v1 voices read them", "contentvec"),
    )
}


def files(weights: Path) -> tuple[Path, ...]:
    """Where weights of ContentVec are looked for: as published, or in the layout of the Hugging Face library."""
    return (place("contentvec", weights), weights / "contentvec.safetensors")


def load_encoder(name: str, weights: Path, device: str = "cpu") -> ContentEncoder:
    """The encoder called `name` on `device`; `weights` is the library's folder of pulled weights.

    The last one loaded is kept. Raises BadRequest for an unknown name, MissingWeights when its weights have not been
    pulled, BadModel when they are damaged.
    """
    if name not in CONTENT_ENCODERS:
        raise BadRequest(f"{name}: no such content encoder{nearest(name, CONTENT_ENCODERS)}")
    kind = CONTENT_ENCODERS[name]
    if kind.missing(weights) is not None:
        raise missing_weights(str(kind.weights), f"encoder {name}")
    return _load(name, weights, device)


@lru_cache(maxsize=1)
def _load(name: str, weights: Path, device: str) -> ContentEncoder:
    if name == DEFAULT:
        from infer.phone_encoder import load_phone_encoder

        return PhoneContent(load_phone_encoder(device=device), device)
    if name == PHONETIC:
        from infer.phonetic import load_phonetic

        return PhoneticContent(load_phonetic(device=device), device)
    from infer.hubert import load_contentvec

    found = next(path for path in files(weights) if path.is_file())
    return load_contentvec(found, CONTENT_ENCODERS[name].dim, device)


class PhoneContent:
    """The embedded phone encoder, its features normalised over the speech of each recording."""

    name = DEFAULT
    dim = CONTENT_ENCODERS[DEFAULT].dim

    def __init__(self, network: PhoneEncoder, device: str = "cpu") -> None:
        self._network = network
        self._device = device
        self.version = network.version

    @property
    def reach_s(self) -> float:
        """Seconds on either side of a frame that can change it."""
        return self._network.shape.reach * FRAME_HOP / SAMPLE_RATE

    def measure(self, audio: Floats) -> Statistics:
        """Mean and spread over speech frames; over all frames, or none at all, where there is no speech."""
        import torch

        from infer.phone_encoder import level_gain, speech_frames

        wave = torch.from_numpy(np.require(audio, np.float32, ["C", "W"]))
        gain = float(level_gain(wave))
        speech = speech_frames(wave).numpy()
        raw = _raw(self._network, audio, gain, self._device)
        chosen = raw[speech] if speech.any() else raw
        if not len(chosen):
            return Statistics(np.zeros(self.dim, np.float32), np.ones(self.dim, np.float32), gain)
        spread = np.maximum(chosen.std(axis=0), _SMALLEST_SPREAD)
        return Statistics(chosen.mean(axis=0), spread.astype(np.float32), gain)

    def encode(self, audio: Floats, statistics: Statistics | None = None) -> Floats:
        """Features (T, 128) of audio (N,) at 16 kHz, T = (N - 400) // 320 + 1."""
        known = statistics or self.measure(audio)
        return (_raw(self._network, audio, known.gain, self._device) - known.mean) / known.std


class PhoneticContent:
    """What an embedded network knows of phones and nothing else; each recording is brought to one loudness."""

    name = PHONETIC
    dim = CONTENT_ENCODERS[PHONETIC].dim

    def __init__(self, network: Phonetic, device: str = "cpu") -> None:
        self._network = network
        self._device = device
        self.version = network.version

    @property
    def reach_s(self) -> float:
        """Seconds on either side of a frame that can change it."""
        return self._network.reach * FRAME_HOP / SAMPLE_RATE

    def measure(self, audio: Floats) -> Statistics:
        """The loudness of the speech; features that say only phones are not normalised."""
        import torch

        from infer.phone_encoder import level_gain

        gain = float(level_gain(torch.from_numpy(np.require(audio, np.float32, ["C", "W"]))))
        return Statistics(np.zeros(self.dim, np.float32), np.ones(self.dim, np.float32), gain)

    def encode(self, audio: Floats, statistics: Statistics | None = None) -> Floats:
        """Features (T, 128) of audio (N,) at 16 kHz, T = (N - 400) // 320 + 1."""
        known = statistics or self.measure(audio)
        return _raw(self._network, audio, known.gain, self._device)


def _raw(network: PhoneEncoder | Phonetic, audio: Floats, gain: float, device: str) -> Floats:
    """What an embedded network makes of audio (N,) at 16 kHz times `gain`, (T, 128)."""
    import torch

    wave = torch.from_numpy(np.require(audio, np.float32, ["C", "W"])).to(device)
    found: Floats = network.encode(wave, _AT_ONCE, gain=gain)[0].cpu().numpy()
    return found
