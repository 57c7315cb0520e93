from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from curator import vad


@pytest.fixture(scope="module")
def spoken(say) -> np.ndarray:
    wave, rate = say("The quick brown fox jumps over the lazy dog, and then it sleeps for an hour.")
    from catalog.audio import resample

    pause = np.zeros(vad.RATE, np.float32)
    return np.concatenate([pause, resample(wave, rate, vad.RATE), pause])


def test_probabilities_are_those_of_the_networks_own_form(spoken: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    from importlib.util import find_spec
    from pathlib import Path

    network = torch.jit.load(Path(find_spec("silero_vad").origin).parent / "data" / "silero_vad.jit")
    network.reset_states()
    whole = len(spoken) // vad.HOP
    frames = torch.from_numpy(spoken[: whole * vad.HOP].reshape(whole, 1, vad.HOP))
    with torch.inference_mode():
        expected = np.array([network(frame, vad.RATE).item() for frame in frames])
    assert np.abs(vad.probabilities(spoken)[:whole] - expected).max() < 1e-4
    assert expected.max() > 0.9, "the material must hold speech for the comparison to mean anything"


def test_speech_is_told_from_the_pauses_around_it(spoken: np.ndarray) -> None:
    found = vad.probabilities(spoken)
    second = round(1 / vad.HOP_S)
    assert found[: second - 5].max() < 0.3
    assert found[second + 10 : -second - 10].mean() > 0.8


def test_a_very_quiet_voice_is_heard_and_its_room_is_not(spoken: np.ndarray) -> None:
    room = np.random.default_rng(0).normal(0, 10 ** (-95 / 20), len(spoken)).astype(np.float32)
    found = vad.probabilities(np.concatenate([np.tile(spoken, 3) * 10 ** (-50 / 20), room]) + np.tile(room, 4))
    words = len(spoken) // vad.HOP
    assert found[words * 2 + 40 : words * 3 - 40].mean() > 0.8
    assert found[words * 3 + 10 :].max() < 0.3


class Tiring:
    """A network that calls every frame voice until it has heard 150 of them, and none from then on."""

    def __init__(self) -> None:
        self.calls = 0

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert names == ["speech_probs", "hn", "cn"]
        self.calls += 1
        heard = float(feed["h"].max()) + np.arange(1, len(feed["input"]) + 1)
        return [np.where(heard <= 150, 0.9, 0.1), np.full((1, 1, 128), heard[-1], np.float32), feed["c"]]


def test_a_network_that_got_stuck_is_started_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    tiring = Tiring()
    monkeypatch.setattr(vad, "_network", lambda: tiring)
    time = np.arange(60 * vad.RATE) / vad.RATE
    tone = (0.1 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    assert (vad.probabilities(tone) >= 0.5).mean() > 0.5


def test_silence_is_not_heard_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    tiring = Tiring()
    monkeypatch.setattr(vad, "_network", lambda: tiring)
    frames = 20 * vad.BLOCK
    vad.probabilities(np.random.default_rng(0).normal(0, 1e-4, frames * vad.HOP).astype(np.float32))
    assert tiring.calls == frames / vad.FRAMES_A_CALL


def test_blocks_of_any_length_give_the_same_probabilities(spoken: np.ndarray) -> None:
    activity = vad.VoiceActivity()
    position = 0
    for length in (1, 511, 513, 7000, 30_001, len(spoken)):
        activity.feed(spoken[position : position + length])
        position += length
    np.testing.assert_allclose(activity.finish(), vad.probabilities(spoken), atol=1e-5)


def test_a_last_frame_that_is_not_full_counts() -> None:
    assert len(vad.probabilities(np.zeros(vad.HOP + 1, np.float32))) == 2
    assert len(vad.probabilities(np.zeros(0, np.float32))) == 0


def test_neither_torch_nor_the_package_that_limits_its_threads_is_loaded() -> None:
    code = "import sys, numpy; from curator import vad; vad.probabilities(numpy.zeros(600, 'float32'));"
    code += "print(*[m for m in ('torch', 'silero_vad') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
