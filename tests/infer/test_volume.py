from __future__ import annotations

import numpy as np
import pytest

from infer.volume import CEILING, Contour, gain, steady

RNG = np.random.default_rng(1)


def level(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio))))


def mixed(source: np.ndarray, source_rate: int, output: np.ndarray, output_rate: int, mix: float) -> np.ndarray:
    """`output` (M,) with the loudness contour of `source` (N,) mixed in."""
    spoken, made = Contour(source_rate), Contour(output_rate)
    spoken.feed(source)
    made.feed(output)
    return output * gain(spoken.rms(), made.rms(), mix, (len(output), 0, len(output)))


def test_the_contour_is_the_rms_of_a_second_around_each_half_second() -> None:
    audio = RNG.standard_normal(16000 * 3)
    contour = Contour(16000)
    contour.feed(audio)
    assert len(contour.rms()) == 7
    assert contour.rms()[2] == pytest.approx(level(audio[8000:24000]))
    assert contour.rms()[0] == pytest.approx(level(audio[:8000]) / np.sqrt(2), rel=1e-6)


def test_blocks_give_the_same_contour_as_the_whole() -> None:
    audio = RNG.standard_normal(50_001)
    whole, parts = Contour(16000), Contour(16000)
    whole.feed(audio)
    for start in range(0, len(audio), 777):
        parts.feed(audio[start : start + 777])
    assert np.allclose(whole.rms(), parts.rms())
    assert np.allclose(whole.peaks(), parts.peaks())


def test_mix_zero_follows_the_source_and_mix_one_the_output() -> None:
    source = 0.1 * RNG.standard_normal(16000 * 8) * np.repeat([1.0, 0.1], 16000 * 4)
    output = 0.05 * RNG.standard_normal(40000 * 8)
    followed = mixed(source, 16000, output, 40000, 0.0)
    assert level(followed[: 40000 * 3]) == pytest.approx(0.1, rel=0.15)
    assert level(followed[40000 * 5 :]) == pytest.approx(0.01, rel=0.3)
    assert np.allclose(mixed(source, 16000, output, 40000, 1.0), output)


def test_a_silent_moment_of_the_model_never_raises_a_sample_above_full_scale() -> None:
    source = Contour(16000)
    source.feed(0.3 * RNG.standard_normal(16000 * 6))
    wave = 1e-7 * RNG.standard_normal(16000 * 6)
    wave[16000 * 2 : 16000 * 2 + 400] = 0.9
    wave[16000 * 4 : 16000 * 5] = 0.02 * RNG.standard_normal(16000)
    output = Contour(16000)
    output.feed(wave)
    span = (len(wave), 0, len(wave))
    free = wave * gain(source.rms(), output.rms(), 0.0, span)
    held = wave * gain(source.rms(), output.rms(), 0.0, span, output.peaks())
    assert np.abs(free).max() > 2
    assert np.abs(held).max() <= CEILING + 1e-9
    assert level(held[int(16000 * 4.2) : int(16000 * 4.8)]) > 0.1


def test_silence_in_gives_silence_out_and_no_nan() -> None:
    quiet = mixed(np.zeros(32000), 16000, 0.1 * RNG.standard_normal(80000), 40000, 0.25)
    assert np.isfinite(quiet).all()
    assert level(quiet) == 0


SPOKEN = np.array([0.1, 0.1, 1e-5, 1e-5, 1e-5, 0.1, 0.1])


def test_a_pause_in_which_the_model_is_silent_is_not_raised() -> None:
    output = np.array([0.2, 0.2, 1e-6, 1e-6, 1e-6, 0.1, 0.1])
    factors, _ = steady(SPOKEN, output, 0.0)
    assert factors[[0, 1, 5, 6]] == pytest.approx([0.5, 0.5, 1, 1])
    assert np.all(np.diff(factors[1:6]) > 0)
    assert factors.max() <= 1.0 + 1e-9


def test_noise_that_the_model_adds_in_a_pause_is_lowered_to_that_of_the_input() -> None:
    output = np.array([0.1, 0.1, 1e-3, 1e-3, 1e-3, 0.1, 0.1])
    factors, _ = steady(SPOKEN, output, 0.0)
    assert factors[2:5] == pytest.approx(0.01)


def test_the_second_contour_brings_the_input_to_the_level_that_the_output_gets() -> None:
    output = np.full(7, 0.4)
    factors, levels = steady(np.full(7, 0.1), output, 0.25)
    assert factors * output == pytest.approx(levels * 0.1)
    assert steady(np.full(7, 0.1), output, 1.0)[1] == pytest.approx(np.full(7, 4.0))


def test_silence_has_steady_factors_too() -> None:
    for values in steady(np.zeros(3), np.zeros(3), 0.25):
        assert np.isfinite(values).all()
