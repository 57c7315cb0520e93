"""The f0 that a recording is spoken with: found, repaired, transposed, and drawn over where a contour was given.

Separate from the conversion because nothing here knows a network: f0 goes by the sound, and by how high the model
speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadRequest
from infer import f0 as f0s
from infer.cuts import FRAME, SAMPLE_RATE
from infer.options import AUTO, ConvertOptions
from infer.track import Track

MOST_SHIFT = 36
_SLACK = 2 ** (1 / 12)
_ALIKE = 0.01


@dataclass(frozen=True)
class Melody:
    """f0 of a recording with its context, and how it came about."""

    f0: NDArray[np.float64]
    """(T,) in Hz, 100 a second, 0 where unvoiced, transposed."""
    method: str
    semitones: float
    """The transposition that was applied."""


def find(
    clean: Track,
    pad: int,
    options: ConvertOptions,
    card: Mapping[str, Any],
    *,
    weights: Path | None = None,
    device: str = "cpu",
    progress: Callable[[float, float, str], None] = lambda done, total, note: None,
) -> Melody:
    """f0 of a recording at 16 kHz with `pad` samples of its mirror image at both ends, for a model with this card.

    Raises BadRequest when options ask for what is not installed or what the card does not say.
    """
    method = f0s.choose(options.f0_method, weights)
    samples, length = len(clean) + 2 * pad, len(clean) / SAMPLE_RATE

    def estimate(audio: NDArray[np.floating]) -> NDArray[np.float64]:
        found = f0s.estimate(audio, method, weights=weights, device=device)
        if not options.repair_f0:
            return found
        from infer.octaves import repair

        return repair(found, audio, f0s.HOP, f0s.F_MIN, f0s.F_MAX)

    found = f0s.in_blocks(
        lambda start, stop: clean.read_mirrored(start - pad, stop - pad),
        samples,
        estimate,
        after_block=lambda frames: progress(0, length, f"f0 {100 * frames * FRAME // samples} %"),
    )
    found = f0s.smooth(found, method, options.filter_radius)
    semitones = transposition(found, options, card)
    found = f0s.transpose(found, semitones)
    if options.f0_file:
        found = f0s.draw(found, f0s.read_points(Path(options.f0_file)), pad // FRAME)
    return Melody(found, method, semitones)


def transposition(f0: NDArray[np.float64], options: ConvertOptions, card: Mapping[str, Any]) -> float:
    """Semitones by which f0 (T,) is to be moved; raises BadRequest for "auto" where the card knows no pitch.

    "auto" is the shift in whole semitones, for a song in whole octaves so that it stays in key, that brings most of
    the voiced frames into the range in which the model speaks, and among equals the one that brings the middles
    together.
    """
    if options.transpose != AUTO:
        return float(options.transpose)
    range_hz = card.get("f0_stats") or {}
    if not range_hz.get("p50"):
        raise BadRequest("transpose auto: this model's card does not say how high it speaks; give semitones")
    voiced = f0[f0 > 0]
    if not len(voiced):
        return 0.0
    middle = range_hz["p50"]
    low, high = range_hz.get("p5", middle) / _SLACK, range_hz.get("p95", middle) * _SLACK
    shifts = np.arange(-MOST_SHIFT, MOST_SHIFT + 1, 12 if options.song else 1)
    factors = 2.0 ** (shifts / 12)
    inside = np.array([np.mean((voiced * factor >= low) & (voiced * factor <= high)) for factor in factors])
    away = np.abs(np.log2(np.median(voiced) * factors / middle))
    near = inside >= inside.max() - _ALIKE
    return float(shifts[near][np.argmin(away[near])])
