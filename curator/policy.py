"""Which scores speak against a clip, in words: suggestions, never verdicts.

Separate from the scores, which only measure, and free of heavy imports, because the table and the app ask for it. The
limits are starting points for a person's own judgement.
"""

from __future__ import annotations

from typing import Literal

from catalog.errors import BadRequest
from catalog.records import Rule

Use = Literal["speech", "singing", "tts"]
DEFAULT_USE: Use = "speech"
"""Its limits stop what harms any voice model, and let long pauses and wide melodies pass that others would flag."""

_ALWAYS = (
    Rule("overlap_ratio", ">", 0.10, "second voice"),
    Rule("clipped_ratio", ">", 0.0005, "clipping"),
)
_RULES: dict[Use, tuple[Rule, ...]] = {
    "speech": (
        *_ALWAYS,
        Rule("snr_db", "<", 20.0, "noise"),
        Rule("silence_ratio", ">", 0.60, "mostly silence"),
        Rule("loudness_lufs", "<", -45.0, "very quiet"),
        Rule("bandwidth_hz", "<", 3500.0, "narrow band"),
    ),
    "singing": (
        *_ALWAYS,
        Rule("snr_db", "<", 20.0, "noise"),
        Rule("silence_ratio", ">", 0.70, "mostly silence"),
        Rule("voiced_ratio", "<", 0.30, "hardly a note"),
        Rule("loudness_lufs", "<", -45.0, "very quiet"),
        Rule("bandwidth_hz", "<", 10_000.0, "narrow band"),
    ),
    "tts": (
        *_ALWAYS,
        Rule("snr_db", "<", 30.0, "noise"),
        Rule("silence_ratio", ">", 0.40, "mostly silence"),
        Rule("longest_pause_s", ">", 1.0, "long pause"),
        Rule("loudness_lufs", "<", -40.0, "very quiet"),
        Rule("bandwidth_hz", "<", 7000.0, "narrow band"),
    ),
}


def default_rules(use: str = DEFAULT_USE) -> tuple[Rule, ...]:
    """The rules for what the clips are for: speech, singing or tts. Raises BadRequest for another word."""
    rules = {str(name): rules for name, rules in _RULES.items()}
    if use not in rules:
        raise BadRequest(f"There is no policy for {use}; choose one of {', '.join(rules)}.")
    return rules[use]
