"""Changes on mel frames: finite, repeatable, and only of the kind they claim."""

from __future__ import annotations

import torch

from infer.phone_encoder import LogMel
from trainer.recipes.phone_encoder.augment import Augmenter


def tone_mel(hertz: float) -> torch.Tensor:
    time = torch.arange(16000) / 16000
    return LogMel(64)(torch.sin(2 * torch.pi * hertz * time)[None].repeat(8, 1))


def test_the_same_seed_gives_the_same_change() -> None:
    mel = tone_mel(1000.0)
    torch.testing.assert_close(Augmenter(1)(mel), Augmenter(1)(mel))
    assert not torch.allclose(Augmenter(1)(mel), Augmenter(2)(mel))


def test_changes_stay_finite_even_on_silence() -> None:
    silence = LogMel(64)(torch.zeros(8, 16000))
    changed = Augmenter(0)(silence)
    assert changed.shape == silence.shape
    assert torch.isfinite(changed).all()


def test_moving_formants_moves_the_peak_both_ways() -> None:
    mel = tone_mel(1500.0)
    peaks = Augmenter(3).move_formants(mel)[:, 20].argmax(-1)
    usual = int(mel[0, 20].argmax())
    assert int(peaks.min()) < usual < int(peaks.max())


def test_a_room_leaves_a_tail_behind_a_click() -> None:
    energy = torch.full((64, 100, 4), 1e-6)
    energy[:, 50] = 1.0
    wet = Augmenter(0).add_room(energy)
    reverberant = (wet[:, 55, 0] > 1e-4).sum()
    assert 4 <= int(reverberant) <= 32
    torch.testing.assert_close(wet[:, :50], energy[:, :50], rtol=1.0, atol=1e-6)
