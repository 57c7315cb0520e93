from __future__ import annotations

import numpy as np
import pytest

from curator.pitch import HOP, PIECE, RATE, VOICED, PitchMeter, measure


def fed(wave: np.ndarray, size: int):
    meter = PitchMeter()
    for start in range(0, len(wave), size):
        meter.feed(wave[start : start + size])
    return meter.finish()


@pytest.fixture(scope="module")
def glide(sing) -> np.ndarray:
    return sing(7.3, hz=180)


def test_the_track_is_that_of_one_run_over_the_whole(glide) -> None:
    from swift_f0 import SwiftF0

    found, whole = measure(glide), SwiftF0(threads=1).detect(glide, RATE, 50, 1100)
    assert len(glide) > 2 * PIECE * HOP
    assert len(found.hz) == len(whole.pitch_hz)
    np.testing.assert_allclose(found.confidence, whole.confidence, atol=1e-4)
    voiced = found.confidence >= VOICED
    np.testing.assert_allclose(found.hz[voiced], whole.pitch_hz[voiced], rtol=1e-4)


def test_the_blocks_that_are_fed_change_nothing(glide) -> None:
    once = fed(glide, len(glide))
    for size in (1600, 4097):
        again = fed(glide, size)
        assert np.array_equal(once.hz, again.hz)
        assert np.array_equal(once.confidence, again.confidence)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (255, 1), (600, 2), (PIECE * HOP, PIECE)])
def test_there_is_a_frame_every_16_ms(samples: int, frames: int) -> None:
    found = measure(np.full(samples, 0.01, np.float32))
    assert len(found.hz) == len(found.confidence) == frames


def test_digital_silence_is_never_voiced_and_never_shifts_what_follows(glide) -> None:
    silent = np.zeros(3 * PIECE * HOP, np.float32)
    assert not measure(silent).confidence.any()
    found, alone = measure(np.concatenate([silent, glide])), measure(glide)
    late = found.confidence[3 * PIECE :]
    assert (late[20:] >= VOICED).tolist() == (alone.confidence[20:] >= VOICED).tolist()
