"""The report of a set: its figures and its page."""

from __future__ import annotations

from catalog.records import SetClip
from curator.report import figures, midi, note_name


def clip(name: str, seconds: float, low: float | None, high: float | None, recording: str = "r1") -> SetClip:
    return SetClip(
        clip=name,
        recording=recording,
        recording_sha256="0" * 64,
        speaker="mia",
        start=0,
        end=round(seconds * 48000),
        sample_rate=48000,
        file=f"clips/{name}.flac",
        sha256="0" * 64,
        peak=0.5,
        scores={"f0_low_hz": low, "f0_high_hz": high, "voiced_ratio": 0.5},
    )


def test_notes_are_named_by_the_pitch_standard() -> None:
    assert note_name(midi(440.0)) == "A4"
    assert note_name(midi(261.63)) == "C4"
    assert midi(220.0) == 57


def test_seconds_are_counted_by_recording() -> None:
    facts = figures("s", [clip("a", 6, 200, 220), clip("b", 4, 200, 220), clip("c", 5, 200, 220, "r2")])
    assert facts["seconds"] == 15
    assert facts["recordings"] == {"r1": 10, "r2": 5}


def test_pitch_coverage_adds_up_to_the_voiced_seconds() -> None:
    facts = figures("s", [clip("a", 6, 196.0, 392.0), clip("b", 4, 220.0, 220.0)])
    assert abs(sum(facts["pitch_coverage_s"].values()) - 0.5 * 10) < 0.1
    assert next(iter(facts["pitch_coverage_s"])) == "G3"
    assert list(facts["pitch_coverage_s"])[-1] == "G4"


def test_a_clip_without_pitch_counts_in_seconds_but_not_in_coverage() -> None:
    facts = figures("s", [clip("a", 6, None, None)])
    assert facts["seconds"] == 6
    assert facts["pitch_coverage_s"] == {}
