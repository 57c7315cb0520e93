from __future__ import annotations

import numpy as np
import pytest

from catalog.audio import resample
from curator.scores import overlap_network
from curator.scores.overlap import Overlap, two_voices
from curator.scores.overlap_spectrum import BINS, HOP, RATE, TONES, spectrum

TEXTS = (
    "We took the early train to the coast and walked along the water until noon.",
    "Every morning the baker opens his shop before the first light of the day.",
)


@pytest.fixture(scope="module")
def voices(say) -> tuple[np.ndarray, np.ndarray]:
    """Two voices that say different things, at 16 kHz and equal loudness."""
    waves = [resample(*say(text, voice), 16_000) for text, voice in zip(TEXTS, ("en-us+m2", "en-us+f4"), strict=True)]
    length = min(map(len, waves))
    first, second = (wave[:length] / wave[:length].std() * 0.08 for wave in waves)
    return first.astype(np.float32), second.astype(np.float32)


def test_one_voice_is_one_and_two_are_two(make_clip, voices: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = voices
    ratio = {
        name: Overlap().compute(make_clip(wave))["overlap_ratio"].value
        for name, wave in (("first", first), ("second", second), ("both", first + second))
    }
    assert ratio["first"] < 0.1
    assert ratio["second"] < 0.1
    assert ratio["both"] > 0.3


def test_the_place_is_where_the_second_voice_is(make_clip, voices: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = voices
    late = np.where(np.arange(len(second)) > len(second) // 2, second, 0).astype(np.float32)
    value, place = Overlap().compute(make_clip(first + late))["overlap_ratio"]
    assert value > 0.1
    assert place[0] > 0.4 * len(first) / RATE
    assert place[1] - place[0] == pytest.approx(1.0)


def test_the_level_of_the_recording_does_not_matter(voices: tuple[np.ndarray, np.ndarray]) -> None:
    both = sum(voices)
    loud, quiet = (overlap_network.probabilities(both * gain) for gain in (np.float32(1.0), np.float32(0.05)))
    np.testing.assert_allclose(loud, quiet, atol=0.02)


def test_a_long_passage_in_blocks_is_the_passage_as_a_whole(voices: tuple[np.ndarray, np.ndarray]) -> None:
    wave = np.resize(sum(voices), 50 * RATE)
    x = spectrum(wave)
    whole = overlap_network.forward(x[: len(x) // 2 * 2], overlap_network._weights())
    np.testing.assert_allclose(overlap_network.probabilities(wave), 1 / (1 + np.exp(-whole)), atol=1e-4)


def test_the_forward_pass_is_that_of_the_network_that_was_trained() -> None:
    torch = pytest.importorskip("torch")
    from curator.recipes.overlap.network import Network, arrays

    torch.manual_seed(0)
    model = Network()
    x = torch.randn(4, 80, BINS)
    for _ in range(3):
        model(x * 2 + 1)
    with torch.inference_mode():
        expected = model.eval()(x[:1])[0].numpy()
    np.testing.assert_allclose(overlap_network.forward(x[0].numpy(), arrays(model)), expected, atol=1e-4)


def test_a_tone_lights_its_quarter_tone_and_its_mel_band() -> None:
    time = np.arange(RATE) / RATE
    found = spectrum((0.1 * np.sin(2 * np.pi * 440 * time)).astype(np.float32))
    assert found.shape == (RATE // HOP, BINS)
    assert found[25, :TONES].argmax() == round(24 * np.log2(440 / 70))
    mel = np.linspace(*(2595 * np.log10(1 + hz / 700) for hz in (60.0, 7600.0)), BINS - TONES + 2)[1:-1]
    assert found[25, TONES:].argmax() == np.abs(mel - 2595 * np.log10(1 + 440 / 700)).argmin()


def test_too_little_speech_says_nothing(make_clip) -> None:
    wave = np.zeros(32_000, np.float32)
    assert Overlap().compute(make_clip(wave, spoken=((0.5, 1.2),))) == {}
    assert len(overlap_network.probabilities(np.zeros(100, np.float32))) == 0


def test_a_flash_of_a_second_voice_does_not_count() -> None:
    probability = np.zeros(60, np.float32)
    probability[10:12] = 1.0
    probability[30:50] = 0.9
    found = np.flatnonzero(two_voices(probability))
    assert found.min() >= 28
    assert found.max() <= 52
    assert len(found) >= 14
