from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from infer import highpass as module
from infer.highpass import highpass, highpass_blocks

RATE = 16000


def tone(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(4 * RATE) / RATE)


@pytest.mark.parametrize(("hz", "kept"), [(10, 0.0), (48, 0.5), (200, 1.0), (4000, 1.0)])
def test_only_what_lies_below_48_hz_is_removed(hz: float, kept: float) -> None:
    middle = slice(RATE, 3 * RATE)
    out = highpass(tone(hz))[middle]
    assert np.sqrt(2 * np.mean(out**2)) == pytest.approx(kept, abs=0.01)


def test_the_filter_does_not_delay() -> None:
    assert np.abs(highpass(tone(300))[RATE : 3 * RATE] - tone(300)[RATE : 3 * RATE]).max() < 1e-3


def test_blocks_give_the_samples_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = np.random.default_rng(0).standard_normal(13 * RATE) * 0.1
    monkeypatch.setattr(module, "BLOCK", 3 * RATE)
    blocks = np.concatenate(list(highpass_blocks(lambda a, b: audio[a:b], len(audio))))
    assert np.abs(blocks - highpass(audio)).max() < 1e-6


def test_it_is_the_filter_of_rvc_started_from_one_written_state() -> None:
    audio = np.random.default_rng(1).standard_normal(RATE) * 0.1
    expected = signal.filtfilt(*signal.butter(5, 48, "high", fs=RATE), audio)
    assert np.abs(highpass(audio) - expected).max() < 1e-6
    state = signal.lfilter_zi(*signal.butter(5, 48, "high", fs=RATE))
    assert np.abs(np.asarray(module._STEADY) - state).max() < 1e-5


@pytest.mark.parametrize("samples", [1, 2, 10, 19])
def test_the_shortest_audio_passes(samples: int) -> None:
    assert highpass(np.ones(samples)).shape == (samples,)
