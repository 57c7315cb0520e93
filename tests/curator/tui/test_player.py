"""Playing: to the end, stopped, and on a machine that cannot."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from catalog import audio
from catalog.errors import BadAudio
from curator.tui.passage import Manner
from curator.tui.player import NoSpeakers, Player

RATE = 16000


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    audio.write_wav(path, (0.1 * np.sin(np.arange(RATE) / 20)).astype(np.float32), RATE)
    return path


def wait_until_silent(player: Player) -> None:
    deadline = time.monotonic() + 10
    while player.playing and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_stretch_is_played_to_its_end(tone: Path) -> None:
    pytest.importorskip("miniaudio")
    player = Player(backends=["NULL"])
    player.play(tone, 4000, 8000)
    wait_until_silent(player)
    assert player.position_s == pytest.approx(0.25)
    assert not player.playing
    player.stop()


def test_stop_is_silence_and_another_start_takes_over(tone: Path) -> None:
    pytest.importorskip("miniaudio")
    player = Player(backends=["NULL"])
    player.play(tone)
    player.play(tone, 0, 2000)
    wait_until_silent(player)
    assert player.position_s == pytest.approx(0.125)
    player.play(tone)
    player.stop()
    assert not player.playing


def test_a_loop_goes_on_until_it_is_stopped(tone: Path) -> None:
    pytest.importorskip("miniaudio")
    player = Player(backends=["NULL"])
    player.play(tone, 0, 4000, Manner(loop=True))
    deadline = time.monotonic() + 10
    turns, before = 0, 0.0
    while turns < 3 and time.monotonic() < deadline:
        turns, before = turns + (player.position_s < before), player.position_s
        time.sleep(0.002)
    assert turns == 3
    assert player.playing
    player.stop()
    assert not player.playing


def test_the_position_is_that_of_the_stretch_whatever_the_speed(tone: Path) -> None:
    pytest.importorskip("miniaudio")
    player = Player(backends=["NULL"])
    player.play(tone, 0, 8000, Manner(speed=1.5, without=((0.1, 0.3),)))
    wait_until_silent(player)
    assert player.position_s == pytest.approx(0.5)


def test_a_machine_without_the_library_says_what_to_do(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    with pytest.raises(NoSpeakers, match="pip install miniaudio"):
        Player().play(tone)


def test_a_machine_without_a_device_says_so_in_words(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    miniaudio = pytest.importorskip("miniaudio")

    def broken(*_: object, **__: object) -> None:
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", broken)
    with pytest.raises(NoSpeakers, match="no audio device"):
        Player().play(tone)


def test_a_file_that_is_no_audio_is_said(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("hello")
    with pytest.raises(BadAudio, match=r"text\.wav"):
        Player(backends=["NULL"]).play(path)


def test_the_audio_library_is_loaded_only_when_something_is_played() -> None:
    import subprocess

    code = "import sys, curator.tui.app; print('miniaudio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
