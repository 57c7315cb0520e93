"""The scoring of edited clips: the same numbers as adding the recording, in a process that stays."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import Clip, clip_id
from catalog.store import Store
from curator import edits
from curator.analysis import analyse
from curator.rescoring import READY, Order, fill
from curator.tui.scoring_desk import ScoringDesk

RATE = 16000
LOUD = ("snr_db", "peak_dbfs", "loudness_lufs", "silence_ratio", "clipped_ratio", "bandwidth_hz")


@pytest.fixture
def recorded(library: Library, tmp_path: Path, take: Callable[..., NDArray[np.float32]]) -> Store:
    """A library with one sung recording, analysed."""
    path = tmp_path / "take.wav"
    soundfile.write(path, take((3, 0.5, 2.5, 1.4, 4, 0.6, 3), rate=RATE), RATE)
    store = Store(library)
    store.take_in(analyse(path, "alto"))
    return store


def test_a_clip_scored_alone_has_the_scores_it_was_added_with(recorded: Store) -> None:
    row = recorded.clip_table().to_pylist()[0]
    recording = recorded.recordings()[0]
    clip = Clip(row["id"], recording.id, row["start"], row["end"])
    slicer = recorded.sliced()[recording.id].slicer
    (scoring,) = fill(Order(recording, recorded.activity(recording.id), [clip], slicer))
    for name in LOUD:
        assert scoring.values[name] == pytest.approx(row[name], abs=1e-3), name
    assert scoring.values["f0_median_hz"] == pytest.approx(row["f0_median_hz"], rel=0.02)
    assert scoring.versions == recorded.scored([recording.id])[recording.id][0].versions
    with pytest.raises(BadRequest, match="no voice activity"):
        fill(Order(recording, None, [clip], slicer))


def test_the_desk_scores_what_was_edited_passes_over_what_is_gone_and_outlives_its_process(recorded: Store) -> None:
    row = recorded.clip_table().to_pylist()[0]
    desk = ScoringDesk(recorded)
    try:
        first = edits.nudge(recorded, row, "end", -0.05).shown[0].id
        second = edits.nudge(recorded, recorded.clip(first), "end", -0.05).shown[0].id
        assert desk.submit([first]).result(60) == []
        (scoring,) = desk.submit([second]).result(60)
        assert scoring.clip == second
        assert scoring.values["snr_db"] == pytest.approx(row["snr_db"], abs=3)
        assert desk._process is not None
        desk._process.kill()
        assert [each.clip for each in desk.submit([second]).result(60)] == [second]
    finally:
        desk.close()
    assert desk.submit is not None
    recorded.rescore([scoring])
    assert recorded.unscored() == []
    recorded.close()


def test_the_process_says_what_is_wrong_and_ends_with_its_parent(recorded: Store) -> None:
    recording = recorded.recordings()[0]
    Path(recording.path).unlink()
    clip = Clip(clip_id(recording.id, 0, RATE), recording.id, 0, RATE)
    process = subprocess.Popen(
        [sys.executable, "-m", "curator.rescoring"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.read(len(READY)) == READY
    pickle.dump(Order(recording, recorded.activity(recording.id), [clip], ""), process.stdin)
    process.stdin.flush()
    assert "take.wav" in pickle.load(process.stdout)
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    recorded.close()
