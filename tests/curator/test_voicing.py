from __future__ import annotations

import numpy as np
import pytest

from curator import voicing
from curator.frames import sampled
from curator.pitch import HOP_S, measure

NOTHING = np.zeros(300, np.float32)


def heard(wave: np.ndarray) -> np.ndarray:
    return sampled(voicing.stored(measure(wave)), HOP_S, len(wave) // 160)


def test_mains_hum_is_no_note(take) -> None:
    rate = 16_000
    time = np.arange(3 * rate) / rate
    hum = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3)).astype(np.float32) * np.float32(0.1)
    level = np.full(300, -20.0, np.float32)
    for voice in ("auto", "singing"):
        assert voicing.probability(NOTHING, heard(hum), level, 0.01, voice).max() < 0.5
        assert (voicing.probability(NOTHING, heard(take([3.0])), level, 0.01, voice) >= 0.9).mean() > 0.9


def spans(voiced: np.ndarray, level: np.ndarray, network: np.ndarray) -> dict[voicing.Voice, list[int]]:
    """The frames that count as voice, by what is taken for voice."""
    return {
        voice: np.flatnonzero(voicing.probability(network, voiced, level, 0.01, voice) >= 0.5).tolist()
        for voice in voicing.VOICES
    }


def test_a_short_note_is_a_voice_only_where_there_is_singing() -> None:
    voiced, level, network = np.zeros(600, np.float32), np.full(600, -20.0, np.float32), np.zeros(600, np.float32)
    voiced[50:62], voiced[100:140], voiced[200:600], network[200:600] = 0.95, 0.95, 0.95, 0.95
    found = spans(voiced, level, network)
    assert found["speech"] == list(range(200, 600))
    assert found["auto"] == [*range(100, 140), *range(200, 600)]
    assert found["singing"] == [*range(50, 62), *range(100, 140), *range(200, 600)]


def test_a_soft_note_counts_in_singing_and_a_faint_one_never() -> None:
    voiced, level = np.full(300, 0.95, np.float32), np.full(300, -20.0, np.float32)
    level[100:150], level[200:250] = -50.0, -60.0
    found = spans(voiced, level, np.where(level > -40, np.float32(0.9), np.float32(0)))
    assert not set(range(100, 150)) & set(found["auto"])
    assert set(range(100, 150)) <= set(found["singing"])
    assert not set(range(200, 250)) & set(found["singing"])


@pytest.mark.parametrize(("missed", "expected"), [(0.05, False), (0.3, True)])
def test_a_voice_that_the_network_mostly_misses_is_heard_by_its_pitch(missed: float, expected: bool) -> None:
    count = 3000
    voiced = np.tile(np.repeat(np.float32([0.9, 0.0]), 15), count // 30)
    level = np.where(voiced > 0, np.float32(-20), np.float32(-60))
    network = voiced.copy()
    network[: int(missed * count)] = 0.05
    found = voicing.probability(network, voiced, level, 0.01, "auto")
    assert ((found >= 0.5) == (voiced > 0)).all() == expected
    assert (voicing.probability(network, voiced, level, 0.01, "speech") == network).all()


def test_loud_voiced_sound_that_is_too_short_for_a_note_is_doubtful() -> None:
    voiced, level = np.zeros(100, np.float32), np.full(100, -20.0, np.float32)
    voiced[40:44] = 0.9
    found = voicing.probability(np.zeros_like(voiced), voiced, level, 0.01, "singing")
    assert found[40:44].tolist() == [np.float32(voicing.DOUBTFUL)] * 4


@pytest.mark.parametrize(("confidence", "heard", "singer"), [(0.95, 0.0, True), (0.65, 0.0, False), (0.65, 0.5, True)])
def test_instruments_are_no_voice_but_an_unclear_pitch_of_somebody_who_also_speaks_is(
    confidence: float, heard: float, singer: bool
) -> None:
    voiced = np.tile(np.repeat(np.float32([confidence, 0.0]), 10), 150)
    level = np.where(voiced > 0, np.float32(-20), np.float32(-60))
    network = np.where(np.arange(len(voiced)) < heard * len(voiced), voiced, np.float32(0))
    found = spans(voiced, level, network)
    assert found["auto"] == (np.flatnonzero(voiced > 0).tolist() if singer else [])
    assert found["singing"] == np.flatnonzero(voiced > 0).tolist()


@pytest.mark.parametrize(("chances", "expected"), [((0.45, 0.12), True), ((0.2, 0.2), False), ((0.45, 0.05), False)])
def test_soft_speech_that_the_network_only_suspects_is_a_voice(chances: tuple[float, float], expected: bool) -> None:
    voiced, level, network = np.zeros(900, np.float32), np.full(900, -64.0, np.float32), np.zeros(900, np.float32)
    voiced[:200], level[:200], network[:200] = 0.95, -20.0, 0.95
    for first, chance in zip((500, 600), chances, strict=True):
        voiced[first : first + 20], level[first : first + 20], network[first : first + 20] = 0.9, -48.0, chance
    found = spans(voiced, level, network)
    assert set(range(600, 620)).issubset(found["auto"]) == expected
    assert found["speech"] == list(range(200))


def test_a_suspicion_far_from_any_speech_is_none() -> None:
    voiced, network = np.zeros(900, np.float32), np.zeros(900, np.float32)
    voiced[100:120], network[100:120], voiced[500:520], network[500:520] = 0.9, 0.45, 0.9, 0.12
    assert np.flatnonzero(voicing.soft(network, voiced, 0.01)).tolist() == list(range(100, 120))
