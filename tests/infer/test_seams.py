from __future__ import annotations

import numpy as np
import pytest
import torch

from infer.excitation import pulse_train
from infer.seams import Phases, faded, held
from infer.vocoder import sine_phase

HOP, RATE = 240, 24000


def contour() -> np.ndarray:
    """Two notes that glide, with unvoiced frames before, between and after."""
    f0 = np.zeros(300)
    f0[20:120] = np.linspace(140, 190, 100)
    f0[150:280] = 210 * 2 ** (0.05 * np.sin(np.arange(130) / 7))
    return f0


@pytest.mark.parametrize("first", [0, 7, 25, 90, 119, 130, 149, 151, 200])
def test_pulses_of_a_piece_fall_where_those_of_the_whole_do(first: int) -> None:
    f0 = contour()
    phases = Phases(f0, HOP, gliding=True)
    given = torch.from_numpy(f0).float()[None]
    whole = pulse_train(given, HOP, RATE, phases.at(0, 300))[0]
    piece = pulse_train(given[:, first:290], HOP, RATE, phases.at(first, 290))[0]
    inner = slice((first + 2) * HOP, 280 * HOP)
    expected = whole[inner]
    assert (piece[2 * HOP : (280 - first) * HOP] - expected).abs().max() < 0.02 * expected.abs().max()
    if f0[first:].any():
        anew = pulse_train(given[:, first:290], HOP, RATE)[0][2 * HOP : (280 - first) * HOP]
        turns = phases.at(first, 290) % 1
        assert (anew - expected).abs().max() > 0.1 * expected.abs().max() or min(turns, 1 - turns) < 1e-3


@pytest.mark.parametrize("first", [0, 25, 90, 200])
def test_the_sine_of_a_piece_goes_on_where_that_of_the_whole_is(first: int) -> None:
    f0 = contour()
    start = Phases(f0, HOP, gliding=False).at(first, 300)
    given = torch.from_numpy(f0)[None]
    apart = sine_phase(given[:, first:], HOP, RATE, start) - sine_phase(given, HOP, RATE)[:, first * HOP :]
    assert (apart - apart.round()).abs().max() < 1e-6


def test_unvoiced_frames_hold_the_pitch_before_them_and_the_last_one_takes_that_to_come() -> None:
    assert held(np.array([0, 0, 5, 0, 0, 0, 7, 0.0])).tolist() == [5, 5, 5, 5, 5, 7, 7, 7]
    assert held(np.zeros(3)).tolist() == [0, 0, 0]


def test_a_piece_without_voice_starts_anywhere() -> None:
    assert Phases(np.zeros(10), HOP, gliding=True).at(2, 8) == 0


def test_equal_pieces_fade_into_each_other_unheard() -> None:
    wave = np.sin(np.arange(1000) / 5).astype(np.float32)
    pieces = [(wave[:420], 0), (wave[380:720], 40), (wave[660:], 60)]
    joined = np.concatenate(list(faded(pieces)))
    assert np.allclose(joined, wave, atol=1e-6)


def test_different_pieces_meet_halfway_and_keep_their_length() -> None:
    made = list(faded([(np.ones(50, np.float32), 0), (np.zeros(50, np.float32), 20)]))
    joined = np.concatenate(made)
    assert len(joined) == 80
    assert joined[29] == 1
    assert joined[50] == 0
    assert np.all(np.diff(joined[30:50]) <= 0)
    assert joined[39:41].mean() == pytest.approx(0.5, abs=0.05)
