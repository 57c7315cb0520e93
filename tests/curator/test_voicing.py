from __future__ import annotations

import numpy as np

from curator import voicing
from curator.frames import sampled
from curator.pitch import HOP_S, measure


def heard(wave: np.ndarray) -> np.ndarray:
    return sampled(voicing.stored(measure(wave)), HOP_S, len(wave) // 160)


def test_mains_hum_is_no_note(take) -> None:
    rate = 16_000
    time = np.arange(3 * rate) / rate
    hum = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3)).astype(np.float32) * np.float32(0.1)
    level = np.full(300, -20.0, np.float32)
    for voice in ("auto", "singing"):
        assert voicing.probability(heard(hum), level, 0.01, voice).max() < 0.5
        assert (voicing.probability(heard(take([3.0])), level, 0.01, voice) >= 0.9).mean() > 0.9


def test_a_short_note_is_a_voice_only_where_there_is_singing() -> None:
    voiced, level = np.zeros(200, np.float32), np.full(200, -20.0, np.float32)
    voiced[50:62], voiced[100:140] = 0.95, 0.95
    spans = {voice: np.flatnonzero(voicing.probability(voiced, level, 0.01, voice) >= 0.5) for voice in voicing.VOICES}
    assert spans["speech"].tolist() == []
    assert spans["auto"].tolist() == list(range(100, 140))
    assert spans["singing"].tolist() == [*range(50, 62), *range(100, 140)]


def test_a_soft_note_counts_in_singing_and_a_faint_one_never() -> None:
    voiced, level = np.full(300, 0.95, np.float32), np.full(300, -20.0, np.float32)
    level[100:150], level[200:250] = -50.0, -60.0
    singing = voicing.probability(voiced, level, 0.01, "singing") >= 0.5
    auto = voicing.probability(voiced, level, 0.01, "auto") >= 0.5
    assert singing[100:150].all()
    assert not auto[100:150].any()
    assert not singing[200:250].any()


def test_loud_voiced_sound_that_is_too_short_for_a_note_is_doubtful() -> None:
    voiced, level = np.zeros(100, np.float32), np.full(100, -20.0, np.float32)
    voiced[40:44] = 0.9
    found = voicing.probability(voiced, level, 0.01, "singing")
    assert found[40:44].tolist() == [np.float32(voicing.DOUBTFUL)] * 4
