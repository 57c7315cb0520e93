"""Finishing touches on a converted voice, by name: gate, de-esser, equaliser, compressor, reverb.

Separate because none of it belongs to the conversion: it is what people do by hand afterwards, in the order in which
an engineer would. The processors are pedalboard's, an extra because of its licence (GPL-3).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import BadRequest

if TYPE_CHECKING:
    from infer.track import Track

CROSSOVER_HZ = 5500
"""Where the de-esser parts the voice from its sibilants; two filters of first order sum to the whole."""


@dataclass(frozen=True)
class Effect:
    """One named effect: what it is for, and how its processor is built."""

    name: str
    summary: str
    build: Callable[[], Any]


def _gate() -> Any:
    from pedalboard import NoiseGate

    return NoiseGate(threshold_db=-45, ratio=10, attack_ms=2, release_ms=150)


def _deess() -> Any:
    from pedalboard import Chain, Compressor, HighpassFilter, LowpassFilter, Mix

    sibilants = Chain(
        [HighpassFilter(CROSSOVER_HZ), Compressor(threshold_db=-32, ratio=4, attack_ms=0.5, release_ms=40)]
    )
    return Mix([LowpassFilter(CROSSOVER_HZ), sibilants])


def _equalise() -> Any:
    from pedalboard import Chain, HighpassFilter, HighShelfFilter, PeakFilter

    return Chain(
        [HighpassFilter(80), PeakFilter(300, gain_db=-2, q=0.8), PeakFilter(3200, gain_db=2, q=0.8),
         HighShelfFilter(10_000, gain_db=2)]
    )  # fmt: skip


def _compress() -> Any:
    from pedalboard import Chain, Compressor, Gain

    return Chain([Compressor(threshold_db=-22, ratio=3, attack_ms=5, release_ms=120), Gain(4)])


def _reverb() -> Any:
    from pedalboard import Reverb

    return Reverb(room_size=0.3, damping=0.6, wet_level=0.05, dry_level=0.5, width=0)


EFFECTS: Mapping[str, Effect] = {
    effect.name: effect
    for effect in (
        Effect("gate", "silences what peaks below -45 dBFS between words", _gate),
        Effect("deess", "turns sharp s sounds down", _deess),
        Effect("eq", "less mud at 300 Hz, more presence at 3 kHz and air above 10 kHz", _equalise),
        Effect("compress", "evens the level out, 3 to 1 above -22 dBFS", _compress),
        Effect("reverb", "a small room", _reverb),
    )
}
"""In the order in which they are applied, whatever order they are asked for."""


def check(names: Sequence[str]) -> None:
    """Raise BadRequest for an effect that does not exist, or when pedalboard is not installed."""
    for name in names:
        if name not in EFFECTS:
            raise BadRequest(f"{name}: no such effect (there are {', '.join(EFFECTS)})")
    if names and importlib.util.find_spec("pedalboard") is None:
        raise BadRequest("Effects need pedalboard, which is not installed: pip install 'voice-curator[effects]'")


def apply(track: Track, rate: int, names: Sequence[str], folder: Path) -> Track:
    """A track of the same length with the named effects; the track itself when none are asked for."""
    check(names)
    if not names:
        return track
    import numpy as np
    from pedalboard._pedalboard import Pedalboard

    from infer.track import Track

    board = Pedalboard([effect.build() for effect in EFFECTS.values() if effect.name in names])
    out = Track(folder / "effects")
    for _, block in track.blocks():
        out.append(board.process(np.asarray(block, np.float32), rate, reset=False))
    return out
