from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from curator.inputs import recordings_of


def recording(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(100), 16000)
    return path


def test_inputs_are_files_folders_and_patterns(tmp_path: Path) -> None:
    first, second = recording(tmp_path / "takes" / "a.wav"), recording(tmp_path / "takes" / "deep" / "b.flac")
    (tmp_path / "takes" / "notes.txt").write_text("no audio")
    assert list(recordings_of([tmp_path / "takes"])) == [first, second]
    assert list(recordings_of([tmp_path / "takes" / "*.wav"])) == [first]
    assert list(recordings_of([first, tmp_path / "none.wav"])) == [first, tmp_path / "none.wav"]
    assert list(recordings_of([tmp_path / "*.mp3"])) == [tmp_path / "*.mp3"]


def test_a_name_that_looks_like_a_pattern_but_exists_is_itself(tmp_path: Path) -> None:
    odd = recording(tmp_path / "take [1].wav")
    assert list(recordings_of([odd])) == [odd]
