"""Sets: frozen whole, hashed, verified, and refused in words."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog import audio, sets
from catalog.errors import BadAudio, BadRequest
from catalog.library import Library
from catalog.records import clip_id

RATE = 22050
Rows = list[dict[str, Any]]
Record = Callable[..., Rows]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Writes a recording of noise and gives rows of the clip table for ranges of it."""

    def make(
        name: str = "a.wav",
        *,
        ranges: list[tuple[int, int]] | None = None,
        speaker: str = "anna",
        channels: int = 1,
        gain: float = 0.2,
        seed: int = 0,
        **how: Any,
    ) -> Rows:
        x = (np.random.default_rng(seed).standard_normal((4 * RATE, channels)) * gain).astype(np.float32)
        path = tmp_path / name
        soundfile.write(path, x, RATE, **({"subtype": "PCM_16"} | how))
        recording = audio.sha256(path)[:16]
        return [
            {
                "id": clip_id(recording, start, end),
                "recording": recording,
                "path": str(path),
                "speaker": speaker,
                "start": start,
                "end": end,
                "sample_rate": RATE,
                "verdict": "accepted",
                "snr_db": 20.0,
                "mos": None,
            }
            for start, end in ranges or [(1000, 30000), (40001, 80000)]
        ]

    return make


def test_a_set_holds_the_very_samples_of_its_clips(library: Library, record: Record) -> None:
    rows = record("a.wav") + record("b.flac", seed=1, subtype="PCM_24", speaker="bert")
    steps: list[tuple[int, int]] = []
    info = sets.freeze(library, "first", rows, progress=lambda done, total: steps.append((done, total)))
    assert (info.name, info.clips, info.speakers) == ("first", 4, ("anna", "bert"))
    assert info.seconds == pytest.approx(2 * (29000 + 39999) / RATE)
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    manifest = sets.load(library, "first")
    assert manifest.info == info
    for row, clip in zip(rows, manifest.clips, strict=True):
        assert (clip.clip, clip.recording, clip.start, clip.end) == (
            row["id"],
            row["recording"],
            row["start"],
            row["end"],
        )
        frozen, rate = audio.read(manifest.file(clip))
        source, _ = audio.read(row["path"], row["start"], row["end"])
        assert rate == clip.sample_rate == RATE
        np.testing.assert_array_equal(frozen, source)
        assert clip.peak == pytest.approx(np.abs(source).max())
        assert clip.scores == {"snr_db": 20.0}
        assert clip.recording_sha256 == audio.sha256(row["path"])
    kinds = [audio.probe(manifest.file(clip)).format for clip in manifest.clips]
    assert kinds == ["FLAC/PCM_16"] * 2 + ["FLAC/PCM_24"] * 2


def test_the_manifest_is_what_it_promises(library: Library, record: Record) -> None:
    info = sets.freeze(library, "first", record())
    document = json.loads((library.sets / "first" / "manifest.json").read_text())
    assert document == json.loads(json.dumps(sets.load(library, "first").document()))
    assert {"format", "name", "created_at", "clips", "processing", "id"} <= set(document)
    assert document["format"] == 1
    assert document["id"] == info.id
    assert len(document["processing"]) == 1


def test_the_id_comes_from_the_content_and_not_from_name_or_order(library: Library, record: Record) -> None:
    rows = record()
    one = sets.freeze(library, "one", rows)
    two = sets.freeze(library, "two", rows[::-1] + rows)
    less = sets.freeze(library, "less", rows[:1])
    assert one.id == two.id != less.id
    assert one.clips == two.clips == 2


def test_a_clip_weighs_what_its_tag_says_and_the_weight_is_part_of_the_set(library: Library, record: Record) -> None:
    rows = record()
    plain = sets.freeze(library, "plain", [{**row, "tags": ["close"]} for row in rows])
    one = sets.freeze(library, "one", [{**rows[0], "tags": ["weight=1"]}, rows[1]])
    twice = sets.freeze(library, "twice", [{**rows[0], "tags": ["close", "weight=2"]}, {**rows[1], "tags": None}])
    assert plain.id == one.id != twice.id
    assert (twice.clips, twice.seconds) == (2, plain.seconds)
    manifest = sets.load(library, "twice")
    assert [clip.weight for clip in manifest.clips] == [2.0, 1.0]
    assert manifest.drawn_seconds == pytest.approx(plain.seconds + 29000 / RATE)
    documents = {name: json.loads((library.sets / name / "manifest.json").read_text()) for name in ("plain", "twice")}
    assert [documents["plain"]["format"], documents["twice"]["format"]] == [1, 2]
    assert [clip.get("weight") for clip in documents["twice"]["clips"]] == [2.0, None]
    assert all("weight" not in clip for clip in documents["plain"]["clips"])


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (["weight=much"], "has weight=much: give it one weight, such as weight=2"),
        (["weight=2", "weight=3"], "has weight=2 and weight=3: give it one weight"),
        (["weight=0"], "only 0.05 to 20 is possible"),
        (["weight=nan"], "only 0.05 to 20 is possible"),
    ],
)
def test_a_weight_that_cannot_be_meant_is_refused_and_no_set_is_made(
    library: Library, record: Record, tags: list[str], words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        sets.freeze(library, "first", [{**row, "tags": tags} for row in record()])
    assert sets.list_sets(library) == []


def test_a_set_never_changes(library: Library, record: Record) -> None:
    rows = record()
    before = sets.freeze(library, "first", rows)
    with pytest.raises(BadRequest, match="already exists, and sets never change"):
        sets.freeze(library, "first", rows[:1])
    assert sets.list_sets(library) == [before]


@pytest.mark.parametrize("name", ["../up", ".x", "-x", "a/b", "", "x" * 65])
def test_a_name_that_is_no_folder_is_refused(library: Library, record: Record, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be the name of a set"):
        sets.freeze(library, name, record())
    assert os.listdir(library.sets) == []


def test_nothing_and_the_unaccepted_are_not_frozen(library: Library, record: Record) -> None:
    with pytest.raises(BadRequest, match="No accepted clips"):
        sets.freeze(library, "first", [])
    rows = record()
    rows[1]["verdict"] = "undecided"
    with pytest.raises(BadRequest, match=f"{rows[1]['id']} is undecided, not accepted"):
        sets.freeze(library, "first", rows)
    assert os.listdir(library.sets) == []


def test_a_recording_that_changed_or_went_is_named(library: Library, record: Record) -> None:
    rows = record()
    path = Path(rows[0]["path"])
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"xx")
    with pytest.raises(BadAudio, match="no longer the file that was added"):
        sets.freeze(library, "first", rows)
    path.unlink()
    with pytest.raises(BadAudio, match=r"a\.wav cannot be read"):
        sets.freeze(library, "first", rows)
    path.write_bytes(data)
    rows[0]["end"] = 10**6
    with pytest.raises(BadAudio, match="ends inside the clip"):
        sets.freeze(library, "first", rows)
    assert os.listdir(library.sets) == []


def test_a_full_disk_is_one_clear_line_and_no_half_set(
    library: Library, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = record()
    real, written = Path.write_bytes, 0

    def write_bytes(path: Path, data: Any) -> int:
        nonlocal written
        written += 1
        if written == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(BadRequest, match="The disk is full") as refusal:
        sets.freeze(library, "first", rows)
    assert "\n" not in str(refusal.value)
    assert os.listdir(library.sets) == []
    assert sets.freeze(library, "first", rows).clips == 2


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX")
def test_a_real_limit_on_file_size_ends_the_same_way(library: Library, record: Record) -> None:
    import resource

    rows = record()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(BadRequest, match="The disk is full"):
            sets.freeze(library, "first", rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(library.sets) == []


def test_stopping_in_the_middle_leaves_nothing(library: Library, record: Record) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sets.freeze(library, "first", record(), progress=stop)
    assert os.listdir(library.sets) == []


def test_channels_are_mixed_and_the_manifest_says_so(library: Library, record: Record) -> None:
    rows = record(channels=2)
    sets.freeze(library, "first", rows)
    manifest = sets.load(library, "first")
    assert any("mono" in words for words in manifest.processing)
    info = audio.probe(manifest.file(manifest.clips[0]))
    assert (info.channels, info.format) == (1, "FLAC/PCM_24")


def test_what_is_over_full_scale_is_lowered_not_clipped_and_the_manifest_says_by_how_much(
    library: Library, record: Record
) -> None:
    rows = record(gain=1.0, subtype="FLOAT")
    sets.freeze(library, "first", rows)
    manifest = sets.load(library, "first")
    clip = manifest.clips[0]
    assert clip.peak > 2
    source, _ = audio.read(rows[0]["path"], clip.start, clip.end)
    frozen, _ = audio.read(manifest.file(clip))
    np.testing.assert_allclose(frozen * (clip.peak / sets.HIGHEST), source, atol=1e-5)
    assert sum("lowered by" in words for words in manifest.processing) == 2


def test_damage_is_found_and_told(library: Library, record: Record) -> None:
    sets.freeze(library, "first", record())
    manifest = sets.load(library, "first")
    file = manifest.file(manifest.clips[0])
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BadRequest, match="was changed after it was frozen"):
        sets.load(library, "first")
    assert sets.load(library, "first", verify=False).info == manifest.info
    file.unlink()
    with pytest.raises(BadRequest, match="is missing"):
        sets.load(library, "first")
    text = (manifest.path / "manifest.json").read_text()
    (manifest.path / "manifest.json").write_text(text.replace('"anna"', '"otto"'))
    with pytest.raises(BadRequest, match="manifest was changed"):
        sets.load(library, "first", verify=False)
    for damaged in ("{", "[]", '{"format": 1}', text.replace('"format": 1', '"format": "x"')):
        (manifest.path / "manifest.json").write_text(damaged)
        with pytest.raises(BadRequest, match="cannot be read"):
            sets.load(library, "first", verify=False)
    (manifest.path / "manifest.json").write_text(text.replace('"format": 1', '"format": 3'))
    with pytest.raises(BadRequest, match="later version"):
        sets.load(library, "first")
    (manifest.path / "manifest.json").write_text(text.replace("clips/", "../../"))
    with pytest.raises(BadRequest, match="outside"):
        sets.load(library, "first")


def test_a_set_that_is_not_there_is_told_with_those_that_are(library: Library, record: Record) -> None:
    with pytest.raises(BadRequest, match="there are no sets yet"):
        sets.load(library, "first")
    sets.freeze(library, "first", record())
    with pytest.raises(BadRequest, match=r"no set named second \(there is first\)"):
        sets.load(library, "second")
