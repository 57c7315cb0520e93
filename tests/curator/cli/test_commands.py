"""The commands on real recordings: what they print, what they keep, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog.jobs import Job
from catalog.records import SCORE_NAMES
from curator.cli import output

pytestmark = pytest.mark.usefixtures("say")
Curator = Callable[..., object]


def test_adding_reports_every_second_it_was_given(curator, takes: Path) -> None:
    ended = curator("add", str(takes), "--speaker", "mia", "--json")
    report = ended.json
    assert ended.code == 0
    assert set(report) == {
        "recordings",
        "clips",
        "stems",
        "skipped",
        "failed",
        "seconds_in",
        "seconds_clips",
        "stopped",
    }
    length = sum(soundfile.info(path).duration for path in takes.iterdir())
    assert report["recordings"] == 2
    assert report["seconds_in"] == pytest.approx(length, abs=1e-3)
    assert 0.6 * length < report["seconds_clips"] <= length


def test_what_is_stopped_in_the_middle_says_so_and_how_to_go_on(curator, takes: Path, monkeypatch) -> None:
    asked = []

    def follow(job: Job, *_: object) -> dict[str, object]:
        asked.append(job.ask_stop())
        return plain(job, *_)

    plain = output.follow
    monkeypatch.setattr("curator.cli.taking_in.follow", follow)
    ended = curator("add", str(takes), "--speaker", "mia", "--workers", "1", "--json")
    assert asked
    assert ended.json["stopped"]
    assert ended.code == (1 if ended.json["recordings"] else 2)
    assert "stopped before the end; the same command goes on from there" in ended.err


def test_adding_again_is_a_no_op(filled, takes: Path) -> None:
    before = filled("clips", "--json").json
    ended = filled("add", str(takes), "--speaker", "mia", "--json")
    assert ended.code == 0
    assert (ended.json["recordings"], ended.json["clips"], ended.json["skipped"]) == (0, 0, 2)
    assert filled("clips", "--json").json == before


def test_recordings_carry_the_promised_keys(filled) -> None:
    rows = filled("recordings", "--json").json
    assert {"id", "path", "speaker", "duration_s", "sample_rate", "channels"} <= set(rows[0])
    assert {row["speaker"] for row in rows} == {"mia"}


def test_clips_carry_the_promised_keys_and_every_score_name(filled) -> None:
    rows = filled("clips", "--json").json
    keys = {"id", "recording", "path", "speaker", "start_s", "end_s", "duration_s", "verdict", "reasons"}
    assert keys | {"suggestion", "scores", "places"} <= set(rows[0])
    assert set(rows[0]["scores"]) == set(SCORE_NAMES)
    assert all(row["duration_s"] <= 15.0 for row in rows)
    assert all(80 < row["scores"]["f0_median_hz"] < 400 for row in rows)


def test_clips_are_filtered_sorted_and_limited(filled) -> None:
    rows = filled("clips", "--where", "duration_s > 1 and f0_median_hz between 50 and 1100", "--sort",
                  "duration_s desc", "--limit", "2", "--json").json  # fmt: skip
    assert len(rows) == 2
    assert rows[0]["duration_s"] >= rows[1]["duration_s"]


@pytest.mark.parametrize("where", ["1=1; drop table clip", "(select 1) = 1", "snr_dp > 3", "duration_s"])
def test_an_expression_that_is_no_filter_is_refused_in_one_line(filled, where: str) -> None:
    ended = filled("clips", "--where", where, "--json")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert set(ended.json) == {"error"}
    assert len(filled("clips", "--json").json) > 0


def test_a_verdict_is_kept_with_its_reason_and_undone_in_one_step(filled) -> None:
    ids = [row["id"] for row in filled("clips", "--json").json]
    assert filled("verdict", "accept", "--where", "true").code == 0
    assert filled("verdict", "reject", ids[0], "--reason", "noise").code == 0
    row = filled("clips", "--where", "verdict = 'rejected'", "--json").json[0]
    assert (row["id"], row["reasons"]) == (ids[0], ["noise"])
    assert filled("undo", "--json").json["clips"] == [ids[0]]
    assert {row["verdict"] for row in filled("clips", "--json").json} == {"accepted"}
    assert len(filled("undo", "--json").json["clips"]) == len(ids)
    assert {row["verdict"] for row in filled("clips", "--json").json} == {"undecided"}


def test_nothing_to_undo_is_said_in_words(curator) -> None:
    ended = curator("undo")
    assert (ended.code, ended.err) == (2, "curator: Nothing to undo\n")


def test_a_set_is_frozen_listed_shown_exported_and_reported(filled, tmp_path: Path) -> None:
    filled("verdict", "accept", "--where", "true")
    created = filled("set", "create", "first", "--json")
    assert created.code == 0, created.err
    assert created.json["clips"] == len(filled("clips", "--json").json)
    assert filled("set", "list", "--json").json[0]["name"] == "first"
    shown = filled("set", "show", "first", "--json").json
    assert len(shown["clips"]) == created.json["clips"]
    assert filled("set", "export", "first", "--format", "wav", "--out", str(tmp_path / "wavs"), "--json").code == 0
    assert len(list((tmp_path / "wavs").rglob("*.wav"))) == created.json["clips"]
    reported = filled("report", "first", "--out", str(tmp_path / "first.html"), "--json")
    assert reported.json["seconds"] == pytest.approx(created.json["seconds"], abs=0.1)
    page = (tmp_path / "first.html").read_text()
    assert "data:audio/flac" in page
    assert "loudness_lufs" in page


def test_a_set_of_nothing_and_a_set_twice_are_refused(filled) -> None:
    assert filled("set", "create", "empty", "--where", "duration_s > 100").code == 2
    assert filled("set", "create", "../evil").code == 2


def test_one_bad_file_costs_only_itself(curator, takes: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "good.wav").write_bytes((takes / "first.wav").read_bytes())
    (mixed / "text.wav").write_text("this is a text\n")
    (mixed / "empty.wav").write_bytes(b"")
    ended = curator("add", str(mixed), "--speaker", "mia", "--workers", "1", "--json")
    assert ended.code == 1
    assert ended.json["recordings"] == 1
    assert sorted(Path(item["path"]).name for item in ended.json["failed"]) == ["empty.wav", "text.wav"]
    assert all("\n" not in item["error"] for item in ended.json["failed"])


def test_only_bad_files_is_nothing_done(curator, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is a text\n")
    assert curator("add", str(tmp_path / "text.wav"), "--speaker", "mia").code == 2
    assert curator("add", str(tmp_path / "missing.wav"), "--speaker", "mia").code == 2


def test_silence_and_a_very_short_file_are_kept_with_their_reasons(curator, tmp_path: Path) -> None:
    rate = 16000
    soundfile.write(tmp_path / "silence.wav", np.zeros(5 * rate), rate)
    soundfile.write(tmp_path / "short.wav", 0.1 * np.random.default_rng(0).standard_normal(rate // 5), rate)
    files = (str(tmp_path / "silence.wav"), str(tmp_path / "short.wav"))
    ended = curator("add", *files, "--speaker", "mia", "--workers", "1", "--json")
    assert ended.code == 0
    assert (ended.json["recordings"], ended.json["clips"]) == (2, 0)


def test_training_on_a_set_that_is_not_there_is_one_line(curator) -> None:
    ended = curator("train", "nothing", "--name", "mia")
    assert ended.code == 2
    assert ended.err.count("\n") == 1


def test_a_model_that_is_not_there_is_one_line(curator, takes: Path, tmp_path: Path) -> None:
    ended = curator("convert", "nobody", str(takes / "first.wav"), "--out", str(tmp_path / "out.wav"))
    assert ended.code == 2
    assert "nobody" in ended.err
    assert ended.err.count("\n") == 1
    assert not list((tmp_path / "library" / "jobs").glob("convert-*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clip",), "no command clip (did you mean clips?)"),
        (("rescore", "--only", "snr"), "did you mean snr_db?"),
        (("runs", "show", "alto"), "no run called alto; there are no runs yet"),
        (("models", "pull", "contentvek"), "did you mean contentvec?"),
        (("models", "pull", "nothing"), "curator models pull lists all"),
    ],
)
def test_a_mistyped_name_is_answered_with_what_there_is(curator, arguments: tuple[str, ...], words: str) -> None:
    ended = curator(*arguments)
    assert ended.code == 2
    assert words in ended.err
    assert len(ended.err) < 250


def test_pulling_nothing_lists_what_can_be_pulled(curator) -> None:
    rows = {row["name"]: row for row in curator("models", "pull", "--json").json}
    assert not rows["contentvec"]["here"]
    assert len(rows) > 20


def test_no_clip_asked_for_is_not_told_as_no_clip_there(curator) -> None:
    assert "No clip was asked for" in curator("clips", "--limit", "0").err
    assert "No clips yet" in curator("clips").err


def test_lists_of_an_empty_library_are_empty_documents(curator) -> None:
    for command in (("recordings",), ("clips",), ("set", "list"), ("runs", "list"), ("models", "list")):
        assert curator(*command, "--json").json == []


def test_the_doctor_names_every_f0_method_and_the_disk(curator) -> None:
    ended = curator("doctor", "--json")
    names = {finding["name"] for finding in json.loads(ended.out)}
    assert ended.code == 0
    assert {"GPU", "disk", "audio device", "f0 harvest", "encoder phone", "encoder contentvec"} <= names
    assert {"separator htdemucs", "denoiser noisereduce", "cluster"} <= names


def test_a_training_setting_that_does_not_exist_is_refused_with_the_nearest_name(filled) -> None:
    filled("verdict", "accept", "--where", "true")
    filled("set", "create", "settings")
    ended = filled("train", "settings", "--name", "voice", "--set", "batchsize=2")
    assert ended.code == 2
    assert "batch_size" in ended.err
    assert ended.err.count("\n") == 1
