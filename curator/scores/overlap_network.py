"""The small network that hears a second voice, run in numpy.

Separate from the score because the recipe that trains it holds it against its torch form. Four convolutions over time
and pitch look for a second series of harmonics, one over the mel bands for what is not voiced; five dilated ones over
time alone (1.5 s to either side) decide. 146,000 parameters; normalisations are folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from curator.scores.overlap_spectrum import BINS, RATE, TONES, Floats, spectrum
from curator.scores.overlap_spectrum import HOP as SPECTRUM_HOP

HOP = 2 * SPECTRUM_HOP
FRAMES_A_SECOND = RATE // HOP
PLANE_STRIDES = ((1, 2), (2, 2), (1, 2), (1, 2))
DILATIONS = (1, 2, 4, 8, 4)
WEIGHTS = Path(__file__).with_name("overlap.npz")
FRAMES_A_BLOCK = 500
REACH = 48


def probabilities(wave: Floats) -> Floats:
    """The probability that two voices are heard, (frames,), one each 40 ms of 16 kHz mono audio (n,)."""
    x = spectrum(wave)
    frames = len(x) // 2
    parts = [
        _block(x, start, min(start + FRAMES_A_BLOCK, frames), frames) for start in range(0, frames, FRAMES_A_BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _block(x: Floats, start: int, end: int, frames: int) -> Floats:
    """Probabilities of some of the frames, from the spectra around them: a long passage needs little memory."""
    first, last = max(0, start - REACH), min(frames, end + REACH)
    score = forward(x[2 * first : 2 * last], _weights())[start - first : end - first]
    return np.asarray(1 / (1 + np.exp(-score)), np.float32)


def forward(x: Floats, weights: Mapping[str, Floats]) -> Floats:
    """Logits (frames / 2,) for spectra (frames, 184), an even number of frames."""
    tones, mel = x[:, :TONES, None], x[:, TONES:BINS]
    for index, stride in enumerate(PLANE_STRIDES):
        tones = _relu(_plane(tones, weights[f"plane.{index}.weight"], weights[f"plane.{index}.bias"], stride))
    mel = _relu(_line(mel, weights["mel.weight"], weights["mel.bias"], 2))
    flat = np.concatenate([tones.transpose(0, 2, 1).reshape(len(tones), -1), mel], axis=1)
    y = _relu(flat @ weights["join.weight"][:, :, 0].T + weights["join.bias"])
    for index, dilation in enumerate(DILATIONS):
        near = _relu(_reach(y, weights[f"reach.{index}.weight"], weights[f"reach.{index}.bias"], dilation))
        y = y + near @ weights[f"mix.{index}.weight"][:, :, 0].T + weights[f"mix.{index}.bias"]
    return np.asarray(y @ weights["out.weight"][0, :, 0] + weights["out.bias"][0], np.float32)


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0, out=x)


def _plane(x: Floats, weight: Floats, bias: Floats, stride: tuple[int, int]) -> Floats:
    """Convolution of (time, pitch, channels) with padding to half the kernel, as one matrix product."""
    out, _, tall, wide = weight.shape
    padded = np.pad(x, ((tall // 2, tall // 2), (wide // 2, wide // 2), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (tall, wide), axis=(0, 1))[:: stride[0], :: stride[1]]
    rows = np.ascontiguousarray(seen).reshape(len(seen) * seen.shape[1], -1)
    return np.asarray(rows @ weight.reshape(out, -1).T + bias, np.float32).reshape(len(seen), seen.shape[1], out)


def _line(x: Floats, weight: Floats, bias: Floats, stride: int) -> Floats:
    """Convolution of (time, channels) over time with padding to half the kernel."""
    taps = weight.shape[2]
    padded = np.pad(x, ((taps // 2, taps // 2), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=0)[::stride]
    return np.asarray(seen.reshape(len(seen), -1) @ weight.reshape(len(weight), -1).T + bias, np.float32)


def _reach(x: Floats, weight: Floats, bias: Floats, dilation: int) -> Floats:
    """Convolution of (time, channels) over time, each channel by itself, dilated, padded."""
    taps = weight.shape[2]
    edge = dilation * (taps // 2)
    padded = np.pad(x, ((edge, edge), (0, 0)))
    total = np.broadcast_to(bias, x.shape).astype(np.float32)
    for tap in range(taps):
        total += padded[tap * dilation : tap * dilation + len(x)] * weight[:, 0, tap]
    return total


@lru_cache(maxsize=1)
def _weights() -> dict[str, Floats]:
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}
