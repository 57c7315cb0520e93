from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadRequest
from infer import effects
from infer.track import Track

RATE = 44100


@pytest.fixture
def track(tmp_path: Path) -> Track:
    """A second of tone, a second of faint hiss."""
    made = Track(tmp_path / "track")
    t = np.arange(RATE) / RATE
    hiss = 1e-3 * np.random.default_rng(0).standard_normal(RATE)
    made.append(np.concatenate([0.3 * np.sin(2 * np.pi * 220 * t), hiss]).astype(np.float32))
    return made


def level(track: Track, start: int, stop: int) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(track.read(start, stop))))))


def test_without_effects_the_track_is_the_track(track: Track, tmp_path: Path) -> None:
    assert effects.apply(track, RATE, (), tmp_path) is track


def test_an_unknown_effect_is_named_with_those_there_are() -> None:
    with pytest.raises(BadRequest, match=r"autotune: no such effect \(there are gate, deess"):
        effects.check(["autotune"])


def test_missing_pedalboard_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadRequest, match="pip install"):
        effects.check(["gate"])


@pytest.mark.parametrize("name", effects.EFFECTS)
def test_every_effect_keeps_the_length_and_stays_below_full_scale(track: Track, tmp_path: Path, name: str) -> None:
    pytest.importorskip("pedalboard")
    made = effects.apply(track, RATE, [name], tmp_path)
    assert len(made) == len(track)
    assert 0 < made.peak < 1


def test_the_gate_silences_hiss_and_leaves_the_voice(track: Track, tmp_path: Path) -> None:
    pytest.importorskip("pedalboard")
    made = effects.apply(track, RATE, ["gate"], tmp_path)
    assert level(made, RATE // 2, RATE) == pytest.approx(level(track, RATE // 2, RATE), abs=0.5)
    assert level(made, RATE + RATE // 2, 2 * RATE) < level(track, RATE + RATE // 2, 2 * RATE) - 10


def test_the_deesser_turns_down_only_what_is_sharp(tmp_path: Path) -> None:
    pytest.importorskip("pedalboard")
    t = np.arange(RATE) / RATE
    for hz, lowered in ((300, False), (8000, True)):
        tone = Track(tmp_path / f"tone{hz}")
        tone.append((0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32))
        made = effects.apply(tone, RATE, ["deess"], (tmp_path / str(hz)).parent)
        change = level(made, RATE // 2, RATE) - level(tone, RATE // 2, RATE)
        assert (change < -4) is lowered
