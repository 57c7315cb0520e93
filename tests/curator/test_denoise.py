from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog import audio
from curator import denoise
from curator.activity import Tracks
from curator.denoise import DENOISERS, SpectralGate, Unsuitable

RATE = 16_000
Wave = NDArray[np.float32]


def tracks(wave: Wave, speech: list[tuple[float, float]]) -> Tracks:
    """What would be known of a recording with speech at these seconds."""
    frames = len(wave) * 100 // RATE
    power = np.mean(wave[: frames * RATE // 100].reshape(frames, -1).astype(np.float64) ** 2, axis=1)
    probability = np.zeros(frames, np.float32)
    for start, end in speech:
        probability[round(start * 100) : round(end * 100)] = 1
    return Tracks(probability, (10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32), len(wave), RATE)


def sisdr(clean: Wave, found: Wave) -> float:
    target = (found @ clean) / (clean @ clean) * clean
    return float(10 * np.log10((target @ target) / ((found - target) @ (found - target))))


@pytest.fixture
def noisy(take) -> tuple[Wave, Wave]:
    """A take with a pause of a second after every note, and the same with white noise 12 dB under the notes."""
    clean = take([2, 1, 2, 1, 2], room_dbfs=-90)
    noise = np.random.default_rng(0).normal(0, 0.04, len(clean)).astype(np.float32)
    return clean, clean + noise


SPEECH = [(0, 2), (3, 5), (6, 8)]


@pytest.fixture
def gate() -> SpectralGate:
    pytest.importorskip("noisereduce", reason="the extra `stems` denoises")
    found = DENOISERS["noisereduce"]
    assert isinstance(found, SpectralGate)
    return found


def cleaned(gate: SpectralGate, path: Path, noisy: Wave, known: Tracks) -> Wave:
    audio.write_wav(path, noisy, RATE, "FLOAT")
    return np.concatenate(list(gate.clean(path, known)))[:, 0]


def test_noise_known_from_pauses_is_taken_out(tmp_path: Path, gate: SpectralGate, noisy: tuple[Wave, Wave]) -> None:
    clean, both = noisy
    found = cleaned(gate, tmp_path / "noisy.wav", both, tracks(both, SPEECH))
    assert len(found) == len(both)
    assert sisdr(clean, found) > sisdr(clean, both) + 5


def test_the_seams_between_blocks_are_not_heard(
    tmp_path: Path, gate: SpectralGate, noisy: tuple[Wave, Wave], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, both = noisy
    whole = cleaned(gate, tmp_path / "noisy.wav", both, tracks(both, SPEECH))
    monkeypatch.setattr(denoise, "BLOCK_S", 2.0)
    parted = cleaned(gate, tmp_path / "noisy.wav", both, tracks(both, SPEECH))
    np.testing.assert_allclose(whole, parted, atol=1e-3)


def test_each_channel_loses_its_own_noise(tmp_path: Path, gate: SpectralGate, noisy: tuple[Wave, Wave]) -> None:
    clean, both = noisy
    audio.write_wav(tmp_path / "two.wav", np.stack([clean, both], axis=1), RATE, "FLOAT")
    found = np.concatenate(list(gate.clean(tmp_path / "two.wav", tracks(both, SPEECH))))
    assert sisdr(clean, found[:, 0]) > 20
    assert sisdr(clean, found[:, 1]) > sisdr(clean, both) + 5


@pytest.mark.parametrize(
    ("noise", "speech", "reason"),
    [
        (0.04, [(0, 8)], "no pause"),
        (0.0, SPEECH, "silenced before"),
        (0.001, SPEECH, "little to take out"),
    ],
)
def test_a_recording_that_would_be_harmed_is_left_with_a_reason(
    tmp_path: Path, gate: SpectralGate, sing, noise: float, speech: list[tuple[float, float]], reason: str
) -> None:
    notes = np.concatenate([sing(2), np.zeros(RATE), sing(2), np.zeros(RATE), sing(2)]).astype(np.float32)
    wave = notes + np.random.default_rng(0).normal(0, noise, len(notes)).astype(np.float32)
    with pytest.raises(Unsuitable, match=reason):
        cleaned(gate, tmp_path / "left.wav", wave, tracks(wave, speech))


def test_rnnoise_answers_in_time_with_the_question(tmp_path: Path, say) -> None:
    pytest.importorskip("pyrnnoise", reason="the extra `rnnoise`")
    speech, rate = say("The ship leaves the harbour at seven in the evening.")
    wave = audio.resample(speech, rate, RATE)
    known = tracks(wave + np.float32(0.01), [])
    audio.write_wav(tmp_path / "speech.wav", np.stack([wave, wave], axis=1), RATE, "FLOAT")
    found = np.concatenate(list(DENOISERS["rnnoise"].clean(tmp_path / "speech.wav", known)))
    assert found.shape == (len(wave), 2)
    size = 2 * len(wave)
    match = np.fft.irfft(np.fft.rfft(found[:, 0], size) * np.conj(np.fft.rfft(wave, size)))
    assert abs((int(match.argmax()) + len(wave)) % size - len(wave)) <= 2
