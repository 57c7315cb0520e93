"""A voice's refiner at work on one piece: from what the voice made, through its spectrogram, to what is heard.

Separate from `infer.speak`, which knows the voices, because it is the same beside any of them and mostly off.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadRequest
from infer.cuts import SAMPLE_RATE
from infer.loudness import frame_loudness, frame_rms
from infer.noise import Noise
from infer.refiner_config import FRAMES, OWN

if TYPE_CHECKING:
    from torch import Tensor

    from infer.piece import Piece
    from infer.refiner import Refiner
    from infer.voice import Voice

MOST_DB = 12.0
"""What a refiner may raise or lower any band by: beyond that it draws another sound than the one that is there."""
_LOG_DB = math.log(10) / 20
_EASED = 9


def refiner_of(voice: Voice, steps: int) -> Refiner:
    """The voice's refiner, made for so many steps; raises BadRequest in one line where there is none."""
    refiner, name = voice.refiner, voice.card.get("name", "this voice")
    if refiner is None:
        raise BadRequest(
            f"{name} has no refiner: train one with curator train --refiner, bring one with curator models import "
            f"--diffusion, or set refine to 0"
        )
    if steps > refiner.config.most_steps:
        raise BadRequest(f"refine {steps}: the refiner of {name} was trained up to {refiner.config.most_steps} steps")
    return refiner


def refined(
    voice: Voice, piece: Piece, wave: NDArray[np.float32], first: int, noise: Noise, *, steps: int, speaker: int
) -> NDArray[np.float32]:
    """What the voice made of a piece from its frame `first` on, (T * hop,), refined with `steps` of noise; as long.

    The noise belongs to the place in the recording, so that pieces that overlap are refined alike.
    """
    import torch

    from infer.refiner import mel_settings
    from infer.sovits import without_gaps
    from infer.spectral_gain import reshaped

    refiner = refiner_of(voice, steps)
    config, device = refiner.config, voice.device
    settings = mel_settings(config)
    frames = -(-len(wave) // config.hop)
    if piece.f0 is None or len(wave) <= settings.n_fft:
        return wave
    at = first + np.arange(frames) * (config.hop * FRAMES / config.sample_rate)
    nearest = np.minimum(np.rint(at).astype(int), len(piece.features) - 1)
    begins = round((piece.first + first) * config.sample_rate / FRAMES / config.hop)

    def there(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)[None]

    with torch.inference_mode():
        made = there(np.pad(wave, (0, frames * config.hop - len(wave))))
        mel = _mel(made, refiner)
        f0, _ = without_gaps(there(piece.f0))
        condition = refiner.condition(
            there(piece.features[nearest]), f0[:, nearest], _volume(piece, refiner, there(piece.audio))[:, nearest],
            torch.tensor([min(speaker, config.speakers - 1)], device=device),
        )  # fmt: skip
        aim = refiner.refine(mel, condition, there(noise(config.n_mels, frames, begins)), steps)
        gain = eased(aim - mel).clamp(-MOST_DB * _LOG_DB, MOST_DB * _LOG_DB)
        out: NDArray[np.float32] = reshaped(made, gain, settings)[0, : len(wave)].cpu().numpy()
    return out


def eased(gain: Tensor) -> Tensor:
    """A gain (B, M, T) without its flicker: the mean, weighted by a Hann window, of nine bands and nine frames.

    A refiner draws the grain of noise and the beat of partials anew; as a gain on those that are there they would
    roughen the sound, while what is wrong with its colour lasts longer and is broader.
    """
    import torch
    from torch.nn import functional as F

    edge = _EASED // 2
    window = torch.hann_window(_EASED + 2, periodic=False, device=gain.device)[1:-1]
    grid = torch.outer(window, window) / window.sum().square()
    padded = F.pad(gain.unsqueeze(1), (edge, edge, edge, edge), mode="replicate")
    return F.conv2d(padded, grid[None, None]).squeeze(1)


def _mel(wave: Tensor, refiner: Refiner) -> Tensor:
    from infer.mel import mel_spectrogram
    from infer.refiner import mel_settings

    return mel_spectrogram(wave, mel_settings(refiner.config))


def _volume(piece: Piece, refiner: Refiner, audio: Tensor) -> Tensor:
    """How loud the input is at each frame of the piece, as the refiner reads it: (1, T)."""
    import torch
    from torch.nn import functional as F

    from infer.refiner import loudness_input

    frames = len(piece.features)
    if refiner.config.layout == OWN:
        found = loudness_input(frame_loudness(audio, SAMPLE_RATE, piece.speech_power))
    else:
        found = torch.from_numpy(frame_rms(piece.audio)).to(audio)[None]
    missing = frames - found.shape[1]
    return F.pad(found, (0, missing), mode="replicate") if missing > 0 else found[:, :frames]
