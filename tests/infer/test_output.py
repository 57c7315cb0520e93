from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog.errors import BadRequest
from infer.output import settle, write
from infer.track import Track


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_one_input_goes_to_the_file_that_is_named(tmp_path: Path) -> None:
    [target] = settle([tmp_path / "a.mp3"], tmp_path / "b.wav", overwrite=False)
    assert (target.output, target.problem) == (tmp_path / "b.wav", None)


def test_several_inputs_go_into_a_folder_under_their_own_names(tmp_path: Path) -> None:
    inputs = [tmp_path / "x" / "a.mp3", tmp_path / "y" / "a.flac", tmp_path / "b.wav"]
    outputs = [target.output.name for target in settle(inputs, tmp_path / "out", overwrite=False)]
    assert outputs == ["a.wav", "a~2.wav", "b.wav"]


def test_an_output_that_exists_is_a_problem_unless_asked_for(tmp_path: Path) -> None:
    taken = touch(tmp_path / "b.wav")
    [kept] = settle([tmp_path / "a.mp3"], taken, overwrite=False)
    assert kept.problem is not None
    assert "--overwrite" in kept.problem
    [replaced] = settle([tmp_path / "a.mp3"], taken, overwrite=True)
    assert replaced.problem is None


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    source = touch(tmp_path / "a.wav")
    for out in (source, tmp_path):
        [target] = settle([source], out, overwrite=True)
        assert target.problem is not None
        assert "is an input" in target.problem


def test_a_place_that_cannot_hold_the_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="is a file"):
        settle([tmp_path / "a.wav", tmp_path / "b.wav"], touch(tmp_path / "c.wav"), overwrite=True)
    with pytest.raises(BadRequest, match=r"\.wav"):
        settle([tmp_path / "a.wav"], tmp_path / "b.mp3", overwrite=False)


@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "PCM_24"), (".wav", "FLOAT"), (".flac", "PCM_16")])
def test_samples_are_written_and_turned_down_only_where_they_would_clip(
    tmp_path: Path, suffix: str, subtype: str
) -> None:
    samples = (0.5 * np.sin(np.arange(48000) / 20)).astype(np.float32)
    for factor, peak in ((1, 0.5), (4, 0.99)):
        track = Track(tmp_path / "track")
        track.append(samples * factor)
        path = tmp_path / "made" / f"out{factor}{suffix}"
        write([track], 48000, path, subtype)
        back, rate = soundfile.read(path)
        assert (rate, len(back), soundfile.info(path).subtype) == (48000, 48000, subtype)
        assert np.abs(back).max() == pytest.approx(peak, abs=1e-3)
        track.close()
    assert [path.name for path in (tmp_path / "made").iterdir() if path.name.startswith(".")] == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    track = Track(tmp_path / "track")
    track.append(np.zeros(10, np.float32))
    with pytest.raises((BadRequest, OSError)):
        write([track], 48000, touch(tmp_path / "file") / "out.wav", "PCM_24")


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    track, out = Track(tmp_path / "track"), tmp_path / "out.wav"
    track.append(np.zeros(100_000, np.float32))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(BadRequest, match=f"The disk is full: {out} was not written"):
            write([track], 48000, out, "PCM_24")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["track"]


def test_a_peak_is_turned_down_where_it_is_or_everywhere(tmp_path: Path) -> None:
    wave = 0.4 * np.sin(np.arange(48000) / 20)
    wave[24000:24400] *= 4
    track = Track(tmp_path / "track")
    track.append(wave)
    for limiter, quiet in (("true-peak", 0.4), ("scale", 0.4 * 0.99 / 1.6)):
        write([track], 16000, tmp_path / f"{limiter}.wav", "FLOAT", limiter=limiter)
        made, _ = soundfile.read(tmp_path / f"{limiter}.wav")
        assert len(made) == len(wave)
        assert np.abs(made).max() <= 0.991
        assert np.abs(made[:20000]).max() == pytest.approx(quiet, rel=0.01)
