"""The probes of the speaker, on features of which it is known how much of the speaker they hold."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.recipes.phone_encoder.identity import Recording, speaker_accuracy
from trainer.recipes.phone_encoder.normalise import level


def recorded(offset: float, seed: int, *, signs: bool = False) -> list[Recording]:
    """Eight recordings of 60 frames; with `signs`, what tells the speaker is whether two numbers have one sign."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(8):
        frames = chance.standard_normal((60, 6))
        if signs:
            frames[:, 1] = np.abs(frames[:, 1]) * np.sign(frames[:, 0]) * offset
        else:
            frames += offset
        found.append(Recording(frames.astype(np.float32), np.ones(60, bool)))
    return found


def test_a_voice_that_is_an_offset_is_named_until_each_half_is_normalised() -> None:
    speakers = [recorded(0.0, 1), recorded(1.5, 2), recorded(3.0, 3)]
    assert speaker_accuracy(speakers, splits=2) > 0.9
    assert speaker_accuracy(speakers, fit=level, splits=2) == pytest.approx(1 / 3, abs=0.08)


def test_normalising_hides_nothing_from_the_probe_by_looking_at_both_halves() -> None:
    # Speakers without any difference are guessed at chance, neither above nor below it.
    speakers = [recorded(0.0, seed) for seed in range(4)]
    assert speaker_accuracy(speakers, fit=level, splits=4) == pytest.approx(0.25, abs=0.05)


def test_what_is_said_does_not_pass_for_the_speaker() -> None:
    # Each text has its own place; both speakers say each once, and nothing else tells them apart.
    places = np.random.default_rng(0).standard_normal((6, 6)) * 4
    speakers = [
        [Recording(one.features + places[i], one.speech, f"text {i}") for i, one in enumerate(recorded(0.0, seed)[:6])]
        for seed in (1, 2)
    ]
    assert speaker_accuracy(speakers) == pytest.approx(0.5, abs=0.06)


def test_what_a_linear_probe_cannot_see_the_deeper_one_finds() -> None:
    speakers = [recorded(1.0, 1, signs=True), recorded(-1.0, 2, signs=True)]
    assert speaker_accuracy(speakers, fit=level, splits=2) < 0.6
    assert speaker_accuracy(speakers, hidden=16, fit=level, splits=2) > 0.9


def test_only_speech_is_asked() -> None:
    silent = [Recording(np.full((60, 6), 9.0 * (i + 1), np.float32), np.zeros(60, bool)) for i in range(2)]
    speakers = [[*recorded(0.0, 5 + i), silent[i]] for i in range(2)]
    assert speaker_accuracy(speakers, splits=2) < 0.6


def test_one_recording_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="no second recording"):
        speaker_accuracy([recorded(0.0, 1), recorded(0.0, 2)[:1]])
