from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog.errors import BadAudio
from infer.excerpt import cut, liveliest

RATE = 8000


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Forty seconds: a click, silence, a tone from 20 to 26 s with a breath in it, and a hiss far below."""
    t = np.arange(40 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220 * t) * ((t > 20) & (t < 26) & ~((t > 22) & (t < 22.5)))
    tone[RATE] = 0.9
    wave = tone + 1e-4 * np.random.default_rng(0).standard_normal(len(t))
    path = tmp_path / "song.wav"
    soundfile.write(path, np.stack([wave, 0.5 * wave], axis=1), RATE)
    return path


def test_the_liveliest_stretch_holds_the_tone(song: Path) -> None:
    assert 18.8 <= liveliest(song, 7.0) <= 20.2
    assert liveliest(song, 60.0) == 0.0


def test_silence_begins_at_its_start(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(20 * RATE), RATE)
    assert liveliest(tmp_path / "silent.wav", 5.0) == 0.0


def test_an_excerpt_keeps_rate_channels_and_samples_and_ends_with_the_file(song: Path, tmp_path: Path) -> None:
    assert cut(song, 20.0, 3.0, tmp_path / "part.wav") == 3.0
    part, rate = soundfile.read(tmp_path / "part.wav")
    whole, _ = soundfile.read(song)
    assert rate == RATE
    assert np.abs(part - whole[20 * RATE : 23 * RATE]).max() < 1e-6
    assert cut(song, 39.0, 3.0, tmp_path / "end.wav") == 1.0
    with pytest.raises(BadAudio, match="ends before"):
        cut(song, 50.0, 3.0, tmp_path / "none.wav")
