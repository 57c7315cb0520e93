"""What the ways of normalising take out of features of which it is known how they go together."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.recipes.phone_encoder.identity import Recording, speaker_accuracy
from trainer.recipes.phone_encoder.normalise import Features, correlations, level, power, recolour, standardised

TOGETHER = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])


def frames(together: np.ndarray, count: int, seed: int) -> Features:
    """Frames (count, F) whose features go together as asked, about 5 and spread over 3."""
    chance = np.random.default_rng(seed)
    mixed = chance.standard_normal((count, len(together))) @ power(together, 0.5)
    return np.asarray(3 * mixed + 5, np.float32)


def test_a_power_of_a_matrix_is_what_its_name_says() -> None:
    assert power(TOGETHER, 0.5) @ power(TOGETHER, 0.5) == pytest.approx(TOGETHER)
    assert power(TOGETHER, -1.0) @ TOGETHER == pytest.approx(np.eye(3))


def test_correlations_do_not_depend_on_level_and_spread_of_a_voice() -> None:
    voice = frames(TOGETHER, 4000, 1)
    assert correlations([voice, voice * 0.1 - 2]) == pytest.approx(TOGETHER, abs=0.05)


def test_recoloured_frames_go_together_as_the_reference() -> None:
    speech = frames(TOGETHER, 4000, 2)
    found = recolour(np.eye(3), pull=0)(speech)(speech)
    assert found.mean(0) == pytest.approx(np.zeros(3), abs=1e-3)
    assert np.cov(found.T) == pytest.approx(np.eye(3), abs=1e-3)


def test_frames_that_go_together_as_the_reference_are_only_levelled() -> None:
    speech = frames(TOGETHER, 4000, 3)
    found = recolour(correlations([speech]))(speech)(speech)
    assert found == pytest.approx(standardised(speech), abs=1e-3)


def test_the_shorter_the_recording_the_less_is_changed() -> None:
    def moved(count: int) -> float:
        speech = frames(TOGETHER, count, 4)
        return float(np.abs(recolour(np.eye(3))(speech)(speech) - level(speech)(speech)).mean())

    assert moved(20) < 0.3 * moved(4000)
    assert np.isfinite(recolour(np.eye(3))(frames(TOGETHER, 1, 4))(frames(TOGETHER, 5, 4))).all()


def test_voices_that_differ_in_how_features_go_together_are_named_until_recoloured() -> None:
    other = TOGETHER * np.array([[1, -1, 1], [-1, 1, 1], [1, 1, 1]])
    speakers = [
        [Recording(frames(together, 60, 10 * which + seed), np.ones(60, bool)) for seed in range(6)]
        for which, together in ((1, TOGETHER), (2, other))
    ]
    assert speaker_accuracy(speakers, hidden=16, fit=level, splits=1) > 0.75
    assert speaker_accuracy(speakers, hidden=16, fit=recolour(np.eye(3), pull=0), splits=1) < 0.6
