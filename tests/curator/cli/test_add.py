from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_separator

from catalog import audio

Curator = Callable[..., Any]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A second of noise in stereo."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((22_050, 2))
    audio.write_wav(tmp_path / "song.wav", noise.astype(np.float32), 22_050)
    return tmp_path / "song.wav"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--ray", "auto", "--workers", "2"), "--workers is for this machine"),
        (("--separator", "htdemucs"), "--separator goes with --separate"),
        (("--denoiser", "rnnoise"), "--denoiser with --denoise"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    curator: Curator, song: Path, options: tuple[str, ...], line: str
) -> None:
    ended = curator("add", str(song), "--speaker", "alto", *options)
    assert ended.code == 2
    assert line in ended.err


@pytest.mark.parametrize(
    ("separator", "line"), [("htdemucs", "curator models pull htdemucs"), ("gone.th", "neither a file nor a separator")]
)
def test_a_separator_that_is_not_here_is_told_before_any_work(
    curator: Curator, song: Path, tmp_path: Path, separator: str, line: str
) -> None:
    pytest.importorskip("demucs", reason="the extra `stems` separates")
    ended = curator("add", str(song), "--speaker", "alto", "--separate", "--separator", separator)
    assert ended.code == 2
    assert line in ended.err
    assert ended.err.count("\n") == 1
    assert list((tmp_path / "library" / "jobs").glob("*")) == []


def test_a_cluster_that_does_not_answer_leaves_one_line(curator: Curator, song: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray`")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = curator("add", str(song), "--speaker", "alto", "--ray", address)
    assert ended.code == 2
    assert f"No Ray cluster answers at {address}" in ended.err
    assert "Traceback" not in ended.err


def test_a_stem_is_reported_beside_its_recording(curator: Curator, song: Path, tmp_path: Path) -> None:
    pytest.importorskip("demucs", reason="the extra `stems` separates")
    model = toy_separator.write_th(tmp_path / "toy.th")
    ended = curator("add", str(song), "--speaker", "alto", "--separate", "--separator", str(model), "--json")
    assert ended.code == 0
    assert (ended.json["recordings"], ended.json["stems"]) == (1, 1)
    paths = {Path(each["path"]).parent.name for each in curator("recordings", "--json").json}
    assert paths == {tmp_path.name, "media"}
