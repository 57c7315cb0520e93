from __future__ import annotations

import numpy as np
import pytest

from curator.scores import mos
from curator.scores.mos import RATE, WINDOW, Mos


class Judge:
    """Stands for the network: likes what is loud, and remembers what it was given."""

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []

    def run(self, _, inputs):
        (wave,) = inputs["input_1"]
        self.heard.append(wave)
        return [np.array([[0.0, 0.0, 1.0 + 100 * np.sqrt(np.mean(wave**2))]])]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    found = Judge()
    monkeypatch.setattr(mos, "installed", lambda: True)
    monkeypatch.setattr(mos, "_session", lambda: found)
    return found


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mos, "installed", lambda: False)


def test_without_the_model_there_is_no_opinion_and_installing_it_is_another_version(make_clip, sing, missing) -> None:
    assert Mos().compute(make_clip(sing(3))) == {}
    assert Mos().version == 1


def test_with_the_model_the_version_is_another(judge: Judge) -> None:
    assert Mos().version == 2


def test_silence_and_empty_clips_never_reach_the_network(make_clip, judge: Judge) -> None:
    for samples in (0, 10, 3 * RATE):
        assert Mos().compute(make_clip(np.zeros(samples, np.float32))) == {}
    assert Mos().compute(make_clip(np.ones(3 * RATE, np.float32), spoken=((0.0, 0.5),))) == {}
    assert judge.heard == []


def test_every_window_is_as_long_as_the_network_was_trained_on(make_clip, sing, judge: Judge) -> None:
    for seconds in (1.5, 9.01, 14.0):
        Mos().compute(make_clip(sing(seconds)))
    assert {len(wave) for wave in judge.heard} == {WINDOW}
    assert len(judge.heard) == 1 + 1 + 3


def test_loudness_is_no_merit(make_clip, sing, judge: Judge) -> None:
    loud, quiet = (Mos().compute(make_clip(sing(3, peak=peak)))["mos"].value for peak in (0.5, 0.01))
    assert loud == pytest.approx(quiet, abs=0.01)


def test_the_worst_window_is_the_place(make_clip, sing, judge: Judge) -> None:
    wave = np.concatenate([sing(10), 0.05 * sing(5)]).astype(np.float32)
    start, end = Mos().compute(make_clip(wave))["mos"].place
    assert end == pytest.approx(15.0)
    assert start == pytest.approx(15 - WINDOW / RATE)


@pytest.mark.skipif(not mos.installed(), reason="the extra mos is not installed")
def test_noise_lowers_the_opinion_of_the_real_model(make_clip, sing) -> None:
    clean = sing(4)
    noisy = clean + np.random.default_rng(0).normal(0, 0.2, len(clean)).astype(np.float32)
    good, bad = (Mos().compute(make_clip(wave))["mos"].value for wave in (clean, noisy))
    assert 1 <= bad < good <= 5
