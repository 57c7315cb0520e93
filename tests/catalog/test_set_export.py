"""Sets in the layouts of other tools."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog import audio, set_export, sets
from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import clip_id
from catalog.sets import SetManifest

RATE = 16000
LENGTHS_S = (0.5, 0.9, 3.2, 3.4, 5.0, 12.3, 15.0)


@pytest.fixture
def manifest(library: Library, tmp_path: Path) -> SetManifest:
    """A set of clips of many lengths, with quiet places every 0.7 s."""
    total = int(sum(LENGTHS_S) * RATE) + RATE
    t = np.arange(total) / RATE
    x = np.random.default_rng(0).standard_normal(total) * 0.1 * np.where(t % 0.7 < 0.05, 0.001, 1.0)
    path = tmp_path / "a.wav"
    soundfile.write(path, x, RATE, subtype="PCM_16")
    recording = audio.sha256(path)[:16]
    rows: list[dict[str, Any]] = []
    start = 0
    for seconds in LENGTHS_S:
        end = start + int(seconds * RATE)
        rows.append(
            {
                "id": clip_id(recording, start, end),
                "recording": recording,
                "path": str(path),
                "speaker": "anna",
                "start": start,
                "end": end,
                "snr_db": 12.5,
            }
        )
        start = end
    sets.freeze(library, "first", rows)
    return sets.load(library, "first")


def test_wav_is_one_file_a_clip_with_the_same_samples(manifest: SetManifest, tmp_path: Path) -> None:
    written = set_export.write(manifest, "wav", tmp_path / "out")
    assert len(written) == len(LENGTHS_S)
    for clip in manifest.clips:
        samples, rate = audio.read(tmp_path / "out" / f"{clip.clip}.wav")
        assert rate == RATE
        np.testing.assert_array_equal(samples, audio.read(manifest.file(clip))[0])
    assert audio.probe(written[0]).format == "WAV/PCM_16"


def test_filelist_and_jsonl_name_every_wav(manifest: SetManifest, tmp_path: Path) -> None:
    listed = set_export.write(manifest, "filelist", tmp_path / "one")
    with listed[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == [clip.clip for clip in manifest.clips]
    assert all((tmp_path / "one" / row["file"]).is_file() for row in rows)
    lines = set_export.write(manifest, "jsonl", tmp_path / "two")[0].read_text(encoding="utf-8").splitlines()
    facts = [json.loads(line) for line in lines]
    assert [fact["duration"] for fact in facts] == list(LENGTHS_S)
    assert facts[0]["speaker"] == "anna"
    assert facts[0]["snr_db"] == 12.5
    assert (tmp_path / "two" / facts[0]["audio_filepath"]).is_file()
    weighed = replace(manifest, clips=(replace(manifest.clips[0], weight=2.5), *manifest.clips[1:]))
    lines = set_export.write(weighed, "jsonl", tmp_path / "three")[0].read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("weight") for line in lines] == [2.5, *[None] * (len(lines) - 1)]


def test_rvc_gets_pieces_that_its_trainer_keeps_and_every_sample_is_accounted_for(
    manifest: SetManifest, tmp_path: Path
) -> None:
    written = set_export.write(manifest, "rvc", tmp_path / "out")
    with written[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if row["file"]]
    assert all(0.8 <= float(row["seconds"]) <= 3.3 for row in kept)
    for clip in manifest.clips:
        mine = [row for row in rows if row["clip"] == clip.clip]
        edges = [(int(row["start"]), int(row["end"])) for row in mine]
        assert (edges[0][0], edges[-1][1]) == (clip.start, clip.end)
        assert all(before[1] == after[0] for before, after in itertools.pairwise(edges))
    (left,) = [row for row in rows if not row["file"]]
    assert (left["seconds"], left["left_out"]) == ("0.500000", "shorter than 0.8 s")
    whole = np.concatenate(
        [audio.read(tmp_path / "out" / row["file"])[0] for row in kept if row["clip"] == kept[-1]["clip"]]
    )
    np.testing.assert_array_equal(whole, audio.read(manifest.file(manifest.clips[-1]))[0])


def test_rvc_pieces_are_cut_where_it_is_quiet(manifest: SetManifest, tmp_path: Path) -> None:
    written = set_export.write(manifest, "rvc", tmp_path / "out")
    with written[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    inner = [int(row["start"]) for row in rows if row["file"].endswith(tuple(f"_{n:02d}.wav" for n in range(1, 9)))]
    assert inner
    assert all(start / RATE % 0.7 < 0.05 for start in inner)


def test_an_export_is_whole_or_not_there(
    manifest: SetManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadRequest, match="mp5 is not an export format; choose one of wav, filelist, rvc, jsonl"):
        set_export.write(manifest, "mp5", out)
    out.mkdir()
    assert set_export.write(manifest, "wav", out)
    with pytest.raises(BadRequest, match="already holds something"):
        set_export.write(manifest, "wav", out)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audio, "write_wav", full)
    with pytest.raises(BadRequest, match="The disk is full"):
        set_export.write(manifest, "wav", tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "library", "out"]
