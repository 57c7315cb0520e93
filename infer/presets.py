"""Named settings of a conversion for speech, singing and rap: where to begin, not where to end.

Separate from the options because these are opinions about them. The command line and the app offer the same ones; what
a person sets besides stands above the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import BadRequest
from catalog.names import nearest
from infer.options import AUTO, CLASSIC


@dataclass(frozen=True)
class Preset:
    """One name for some options; the others stay at their defaults."""

    name: str
    summary: str
    """What it is for and why, in one line."""
    values: Mapping[str, Any]
    """Names and values of `ConvertOptions`."""


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "speech",
            "at the voice's own height; the rest as most voices are made for",
            {"transpose": AUTO, "index_rate": 0.75, "protect": 0.33, "rms_mix": 0.25},
        ),
        Preset(
            "singing",
            "in the song's own key, with the singer's swells; less index, which drags long notes",
            {"transpose": 0.0, "index_rate": 0.5, "protect": 0.33, "rms_mix": 0.0},
        ),
        Preset(
            "rap",
            "at the voice's own height; consonants kept as they were said, which quick words live by",
            {"transpose": AUTO, "index_rate": 0.4, "protect": 0.15, "rms_mix": 0.1},
        ),
        Preset(
            "classic",
            "as RVC itself converts: none of what is done differently here",
            CLASSIC,
        ),
    )
}


def preset_values(name: str) -> Mapping[str, Any]:
    """The options of a preset; raises BadRequest for a name that is none."""
    if name not in PRESETS:
        raise BadRequest(f"{name}: no such preset{nearest(name, PRESETS)}")
    return PRESETS[name].values
