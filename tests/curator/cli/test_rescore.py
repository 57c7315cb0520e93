"""Slicing and scoring again from the command line: only what changed, and undo takes it back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog.library import Library
from catalog.records import Scoring
from catalog.store import Store
from tests.curator.cli.conftest import Ended, run


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory, take) -> Path:
    """Two recordings with notes of 4 s and 3 s and a pause of 1.2 s between them."""
    folder = tmp_path_factory.mktemp("songs")
    for name, hz in (("low.wav", 220.0), ("high.wav", 440.0)):
        soundfile.write(folder / name, take([0, 0.5, 4, 1.2, 3, 0.5], hz=hz), 16_000)
    return folder


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory, songs: Path) -> Path:
    """A library that holds them."""
    place = tmp_path_factory.mktemp("added") / "library"
    assert run(place, "add", str(songs), "--speaker", "alto", "--workers", "1").code == 0
    return place


@pytest.fixture
def sung(added: Path, tmp_path: Path) -> Callable[..., Ended]:
    """Commands on a copy of that library."""
    shutil.copytree(added, tmp_path / "library")
    return lambda *arguments: run(tmp_path / "library", *arguments)


def clips(sung: Callable[..., Ended]) -> list[dict[str, Any]]:
    return sung("clips", "--json").json


def test_other_limits_give_other_clips_with_scores_and_undo_brings_the_first_back(sung) -> None:
    before = clips(sung)
    sung("verdict", "accept", before[0]["id"])
    assert [clip["short"] for clip in before] == [True] * 4
    ended = sung("reslice", "--join-s", "2", "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    assert {key: ended.json[key] for key in ("recordings", "clips", "verdicts_gone", "scored", "failed")} == {
        "recordings": 2,
        "clips": {"new": 2, "kept": 0, "gone": 4},
        "verdicts_gone": 1,
        "scored": 2,
        "failed": [],
    }
    after = clips(sung)
    assert [clip["short"] for clip in after] == [False] * 2
    assert all(clip["scores"]["f0_median_hz"] for clip in after)
    assert sung("undo").code == 0
    undone = clips(sung)
    assert [clip["id"] for clip in undone] == [clip["id"] for clip in before]
    assert [clip["verdict"] for clip in undone] == ["accepted", *["undecided"] * 3]


def test_what_is_cut_that_way_already_is_left_alone(sung) -> None:
    before = clips(sung)
    ended = sung("reslice")
    assert ended.code == 0
    assert ended.out.strip() == "2 recordings cut that way already; nothing changed"
    assert clips(sung) == before


def test_only_the_recordings_that_were_meant_are_cut_and_the_verdict_of_a_range_that_stays_stays(sung) -> None:
    low, high = ([clip for clip in clips(sung) if clip["path"].endswith(name)] for name in ("low.wav", "high.wav"))
    sung("verdict", "reject", low[0]["id"], "--reason", "breath")
    ended = sung("reslice", "--min-s", "3.7", "--where", f"recording = '{low[0]['recording']}'", "--json")
    assert ended.json["recordings"] == 0
    assert ended.json["clips"] == {"new": 0, "kept": 2, "gone": 0}
    rows = {clip["id"]: clip for clip in clips(sung)}
    assert [rows[clip["id"]]["short"] for clip in (*low, *high)] == [False, True, True, True]
    assert (rows[low[0]["id"]]["verdict"], rows[low[0]["id"]]["reasons"]) == ("rejected", ["breath"])


def test_what_counts_as_voice_can_be_changed_without_decoding(sung, songs: Path) -> None:
    songs.rename(songs.with_name("elsewhere"))
    try:
        ended = sung("reslice", "--speech", "--json")
    finally:
        songs.with_name("elsewhere").rename(songs)
    assert ended.code == 0
    assert clips(sung) == []
    assert sung("undo").code == 0
    assert len(clips(sung)) == 4


def test_a_song_is_cut_as_it_was_added(tmp_path: Path, take) -> None:
    soundfile.write(tmp_path / "song.wav", take([1.0]), 16_000)
    place = tmp_path / "library"
    run(place, "add", str(tmp_path / "song.wav"), "--speaker", "alto", "--workers", "1", "--singing")
    assert run(place, "reslice", "--singing", "--json").json["up_to_date"] == 1
    with Store(Library(place)) as store:
        assert [each.slicer.endswith("voice=singing") for each in store.sliced().values()] == [True]


def test_limits_that_cannot_hold_are_refused_and_nothing_changes(sung) -> None:
    before = clips(sung)
    ended = sung("reslice", "--min-s", "9", "--max-s", "10")
    assert ended.code == 2
    assert "twice" in ended.err
    assert clips(sung) == before


def test_scores_that_are_up_to_date_cost_nothing(sung) -> None:
    ended = sung("rescore")
    assert ended.out.strip() == "The scores of 4 clips are up to date"
    assert sung("rescore", "--json").json == {
        "recordings": 0,
        "clips": 0,
        "up_to_date": 4,
        "failed": [],
        "stopped": False,
    }


def test_only_outdated_scores_are_computed_again(sung, tmp_path: Path) -> None:
    rows = clips(sung)
    with Store(Library(tmp_path / "library")) as store:
        store.rescore([Scoring(rows[0]["id"], {"loudness_lufs": 1.0, "peak_dbfs": 2.0}, {"loudness": 0})])
        store.rescore([Scoring(rows[1]["id"], {"clipped_ratio": 1.0}, {"clipping": 0})])
    ended = sung("rescore", "--only", "loudness_lufs", "--json")
    assert ended.json == {"recordings": 1, "clips": 1, "up_to_date": 3, "failed": [], "stopped": False}
    after = clips(sung)
    assert after[0]["scores"] == rows[0]["scores"] | {"peak_dbfs": after[0]["scores"]["peak_dbfs"]}
    assert after[1]["scores"]["clipped_ratio"] == 1.0
    assert sung("rescore", "--json").json["clips"] == 1
    assert clips(sung)[1]["scores"] == rows[1]["scores"]


def test_a_recording_that_changed_is_named_and_the_rest_is_scored(sung, songs: Path, tmp_path: Path) -> None:
    with Store(Library(tmp_path / "library")) as store:
        store.rescore([Scoring(row["id"], {}, {"noise": 0}) for row in clips(sung)])
    content = (songs / "low.wav").read_bytes()
    soundfile.write(songs / "low.wav", np.zeros(8000), 16_000)
    try:
        ended = sung("rescore", "--json")
    finally:
        (songs / "low.wav").write_bytes(content)
    assert ended.code == 1
    assert (ended.json["recordings"], ended.json["clips"]) == (1, 2)
    assert "its content changed" in ended.json["failed"][0]["error"]


@pytest.mark.parametrize("command", ["reslice", "rescore"])
def test_a_cluster_and_workers_here_exclude_each_other(curator, command: str) -> None:
    ended = curator(command, "--ray", "auto", "--workers", "2")
    assert ended.code == 2
    assert "--workers is for this machine" in ended.err


def test_an_unknown_score_is_named(sung) -> None:
    ended = sung("rescore", "--only", "snr")
    assert ended.code == 2
    assert "snr_db" in ended.err
