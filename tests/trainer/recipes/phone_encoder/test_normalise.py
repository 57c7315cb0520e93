"""What normalising takes out of features, and what it puts into those that can only take a few values."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.recipes.phone_encoder.identity import Recording, speaker_accuracy
from trainer.recipes.phone_encoder.normalise import Fit, level


def test_levelled_speech_has_mean_zero_and_spread_one() -> None:
    chance = np.random.default_rng(1)
    speech = (3 * chance.standard_normal((400, 5)) + 7).astype(np.float32)
    found = level(speech)(speech)
    assert found.mean(0) == pytest.approx(np.zeros(5), abs=1e-4)
    assert found.std(0) == pytest.approx(np.ones(5), abs=1e-3)


def test_normalising_names_the_voice_of_features_that_take_few_values() -> None:
    """Moved by a mean and a spread of its own, each voice has points where the other has none."""
    chance = np.random.default_rng(2)

    def voice(shares: list[float]) -> list[Recording]:
        values = np.eye(4, dtype=np.float32)
        return [Recording(values[chance.choice(4, 500, p=shares)], np.ones(500, bool)) for _ in range(6)]

    speakers = [voice([0.4, 0.3, 0.2, 0.1]), voice([0.35, 0.25, 0.2, 0.2])]

    def named(fit: Fit | None) -> float:
        return speaker_accuracy(speakers, hidden=16, fit=fit, splits=1)

    assert named(None) < 0.6
    assert named(level) > 0.8
