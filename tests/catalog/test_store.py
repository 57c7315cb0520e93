"""The store: taking in, listing, deciding, and what it remembers of sets, runs and models."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from catalog import clips
from catalog.errors import BadRequest
from catalog.filters import FIELDS, NAMES
from catalog.library import Library
from catalog.records import SCORE_NAMES, Analysis, Clip, LeftOut, Rule, Scoring, SetClip, SetInfo, clip_id
from catalog.store import Store, TakenIn

MakeAnalysis = Callable[..., Analysis]


def test_a_recording_comes_in_whole_and_out_the_same(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    assert store.take_in(analysis) == TakenIn(1, 5)
    assert store.recordings() == [analysis.recording]
    assert store.recording(analysis.recording.id[:5]) == analysis.recording
    assert store.left_out(analysis.recording.id) == analysis.left_out
    assert store.activity(analysis.recording.id) == analysis.activity
    assert store.known([analysis.recording.sha256, "0" * 64]) == {analysis.recording.sha256: analysis.recording}
    assert store.known_sums() == [analysis.recording.sha256]
    table = store.clip_table()
    assert table["id"].to_pylist() == [clip.id for clip in analysis.clips]
    assert table["snr_db"].to_pylist() == [0, 10, 20, 30, 40]
    assert store.check() == []


def test_adding_again_changes_nothing(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    before = everything(store)
    assert store.take_in(make_analysis("one")) == TakenIn(0, 0)
    assert everything(store) == before


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with store._reading() as cursor:
        tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        return {name: cursor.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for (name,) in tables}


def test_the_same_bytes_at_another_path_update_the_place(
    store: Store, make_analysis: MakeAnalysis, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.wav", tmp_path / "new.wav"
    old.write_bytes(b"x")
    store.take_in(make_analysis("one", path=str(old)))
    assert store.take_in(make_analysis("one", path=str(new))) == TakenIn(0, 0)
    assert store.recordings()[0].path == str(new)
    assert set(store.clip_table()["path"].to_pylist()) == {str(new)}
    assert len(store.clip_table()) == 5


def test_two_copies_of_the_same_bytes_do_not_take_turns(
    store: Store, make_analysis: MakeAnalysis, tmp_path: Path
) -> None:
    one, two = tmp_path / "1.wav", tmp_path / "2.wav"
    for path in (one, two):
        path.write_bytes(b"x")
        store.take_in(make_analysis("one", path=str(path)))
    recording = store.recordings()[0]
    assert recording.path == str(two)
    assert not store.seen_at(recording.id, str(one))
    assert store.recordings()[0].path == str(two)
    two.unlink()
    assert store.seen_at(recording.id, str(one))
    assert store.recordings()[0].path == str(one)


def test_one_bad_score_leaves_no_half_recording(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    bad = dataclasses.replace(analysis, scorings=[Scoring(analysis.clips[0].id, {"loveliness": 1.0}, {})])
    with pytest.raises(BadRequest, match="no score named loveliness"):
        store.take_in(bad)
    assert store.recordings() == []
    assert len(store.clip_table()) == 0


def test_the_table_has_a_column_for_every_field_and_score(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    table = store.clip_table()
    assert tuple(table.column_names) == NAMES
    assert set(SCORE_NAMES) < set(NAMES)
    kinds = {"VARCHAR": "string", "DOUBLE": "double", "BIGINT": "int64", "INTEGER": "int32", "BOOLEAN": "bool"}
    for name, kind in FIELDS:
        found = str(table.schema.field(name).type)
        assert found == kinds[kind] if kind in kinds else found.startswith("list<"), name


def test_clips_come_by_speaker_path_and_start(store: Store, make_analysis: MakeAnalysis) -> None:
    for content, speaker in [("b", "zoe"), ("c", "anna"), ("a", "anna")]:
        store.take_in(make_analysis(content, speaker=speaker, count=2))
    rows = store.clip_table().to_pylist()
    keys = [(row["speaker"], row["path"], row["start"]) for row in rows]
    assert keys == sorted(keys)
    assert [row["start_s"] for row in rows[:2]] == [0.0, 6.0]
    assert {row["duration_s"] for row in rows} == {6.0}


def test_filter_sort_and_limit_work_together(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    table = store.clip_table(where="snr_db >= 10 AND speaker = 'anna'", sort="snr_db DESC", limit=2)
    assert table["snr_db"].to_pylist() == [40, 30]
    assert len(store.clip_table(where=["snr_db >= 10", "snr_db < 30"])) == 2
    assert len(store.clip_table(where="mos > 3")) == 0
    assert len(store.clip_table(where="mos IS NULL", limit=0)) == 0


def test_one_filter_of_several_cannot_undo_another(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    assert len(store.clip_table(where=["verdict = 'accepted'", "true OR true -- "])) == 0
    with pytest.raises(BadRequest):
        store.clip_table(where=["verdict = 'accepted'", "true) OR (true"])


def test_an_expression_that_fails_on_the_data_is_said_in_words(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    for where in ("speaker::INTEGER > 3", "snr_db > 'abc'"):
        with pytest.raises(BadRequest, match="does not work") as refusal:
            store.clip_table(where=where)
        assert "\n" not in str(refusal.value)


def test_a_superseded_clip_is_hidden(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    old = analysis.clips[0]
    edited = Clip(clip_id(old.recording, 100, old.end), old.recording, 100, old.end, supersedes=old.id)
    assert store.take_in(dataclasses.replace(analysis, clips=[edited], scorings=[])) == TakenIn(0, 1)
    ids = store.clip_table()["id"].to_pylist()
    assert edited.id in ids
    assert old.id not in ids
    assert store.recording_rows()[0]["clips"] == 5
    with pytest.raises(BadRequest, match="replaced"):
        store.clip(old.id)


def test_slicing_again_tells_what_the_new_slicing_left_out(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    again = dataclasses.replace(analysis, slicer="dp-2", left_out=[LeftOut(0, 10, "no speech")])
    store.take_in(again)
    assert store.left_out(analysis.recording.id) == again.left_out


def test_a_rule_suggests_and_says_why(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    rules = [
        Rule("snr_db", "<", 15, "noisy (it's loud)"),
        Rule("f0_median_hz", ">", 150, "high"),
        Rule("mos", "<", 3, "bad"),
    ]
    noisy, *_, clean = store.clip_table(rules=rules[:1], sort="snr_db").to_pylist()
    said = f"noisy (it's loud): {noisy['snr_db']:.1f} dB, under 15 dB"
    assert (noisy["suggestion"], noisy["suggestion_reasons"]) == ("reject", [said])
    assert noisy["suggestion_scores"] == ["snr_db"]
    assert (clean["suggestion"], clean["suggestion_reasons"]) == ("accept", [])
    both = store.clip_table(rules=rules).to_pylist()[0]
    assert both["suggestion_scores"] == ["snr_db", "f0_median_hz"]
    assert [reason.split(":")[0] for reason in both["suggestion_reasons"]] == ["noisy (it's loud)", "high"]
    assert store.clip_table(rules=rules[2:])["suggestion"].to_pylist() == [None] * 5
    assert store.clip_table()["suggestion"].to_pylist() == [None] * 5
    assert len(store.clip_table(rules=rules[:1], where="suggestion = 'reject'")) == 2
    for wrong in (Rule("1; DROP TABLE clip", "<", 1, "x"), Rule("snr_db", "known", 1, "x")):
        with pytest.raises(BadRequest):
            store.clip_table(rules=[wrong])


def test_a_score_keeps_its_place_until_it_is_computed_again(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    first = analysis.clips[0].id
    assert store.clip(first)["places"] == {}
    store.rescore([Scoring(first, {"hum_db": 20.0, "mos": 2.0}, {"x": 1}, {"hum_db": (1.0, 2.0), "mos": (0, 0.5)})])
    store.rescore([Scoring(first, {"mos": 4.0}, {"x": 2})])
    assert store.clip(first)["places"] == {"hum_db": (1.0, 2.0)}
    assert len(store.clip_table(where="places LIKE '%hum_db%'")) == 1
    for wrong in ((-1.0, 2.0), (2.0, 2.0)):
        with pytest.raises(BadRequest, match="no range inside a clip"):
            store.rescore([Scoring(first, {"mos": 4.0}, {}, {"mos": wrong})])


def test_the_features_of_present_clips_are_kept_by_family_and_version(
    store: Store, make_analysis: MakeAnalysis
) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    first, second, *_ = (clip.id for clip in analysis.clips)
    store.rescore([Scoring(clip, {}, {"voice": 1}, features={"voice": "AAEC"}) for clip in (first, second)])
    store.rescore([Scoring(second, {}, {"voice": 2}, features={"voice": "AwQ="})])
    rows = store.features("voice", 1).to_pylist()
    assert [(row["clip"], row["data"], row["speaker"]) for row in rows] == [
        (first, b"\0\1\2", analysis.recording.speaker)
    ]
    assert store.compared("voice") == {}
    assert store.add_comparison("voice", {"alto": "1", "tenor": "2"}, [Scoring(first, {"mos": 2.0}, {})]) == 1
    store.add_comparison("voice", {"alto": "3"}, [])
    assert store.compared("voice") == {"alto": "3", "tenor": "2"}
    assert store.clip(first)["scores"]["mos"] == 2.0
    assert [row["data"] for row in store.features("voice", 2).to_pylist()] == [b"\3\4"]
    assert store.features("print", 1).num_rows == 0
    assert store.check() == []
    store.forget(analysis.recording.id)
    assert store.features("voice", 1).num_rows == 0


def test_a_clip_is_found_by_the_beginning_of_its_id(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    row = store.clip(analysis.clips[2].id[:8])
    assert row["id"] == analysis.clips[2].id
    assert row["scores"]["snr_db"] == 20
    assert set(row["scores"]) == set(SCORE_NAMES)
    promised = {
        *("id", "recording", "path", "speaker", "start_s", "end_s", "duration_s", "verdict", "reasons"),
        *("suggestion", "scores"),
    }
    assert promised <= set(row)
    assert clips.rows(store.clip_table())[2] == row
    for wrong in ("zzzz", "", "%"):
        with pytest.raises(BadRequest, match="no clip with the id"):
            store.clip(wrong)


def test_a_score_that_a_later_scoring_does_not_mention_keeps_its_value(
    store: Store, make_analysis: MakeAnalysis
) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    first = analysis.clips[0].id
    assert store.rescore([Scoring(first, {"mos": 4.5, "f0_median_hz": None}, {"quality": 3})]) == 1
    scores = store.clip(first)["scores"]
    assert (scores["snr_db"], scores["mos"], scores["f0_median_hz"]) == (0.0, 4.5, None)
    assert store.clip(analysis.clips[1].id)["scores"]["f0_median_hz"] == 200


def test_a_score_that_is_no_number_is_null(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    scorings = [Scoring(analysis.clips[0].id, {"snr_db": float("nan"), "hum_db": float("inf")}, {"noise": 1})]
    store.take_in(dataclasses.replace(analysis, scorings=scorings))
    scores = store.clip(analysis.clips[0].id)["scores"]
    assert (scores["snr_db"], scores["hum_db"]) == (None, None)


def test_recordings_are_listed_with_what_became_of_their_clips(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    store.take_in(make_analysis("none", count=0))
    ids = [clip.id for clip in analysis.clips]
    store.decide(ids[:3], "accepted")
    store.decide(ids[3:4], "rejected", ["noisy"])
    empty, row = store.recording_rows()
    assert {"id", "path", "speaker", "duration_s", "sample_rate", "channels"} <= set(row)
    assert (row["clips"], row["accepted"], row["rejected"]) == (5, 3, 1)
    assert (row["duration_s"], row["seconds_clips"]) == (34.0, 30.0)
    assert (empty["clips"], empty["seconds_clips"]) == (0, 0)


def a_set(analysis: Analysis, name: str = "first") -> tuple[SetInfo, list[SetClip]]:
    clip = analysis.clips[0]
    recording = analysis.recording
    entry = SetClip(
        clip.id,
        recording.id,
        recording.sha256,
        recording.speaker,
        clip.start,
        clip.end,
        48000,
        "clips/a.flac",
        "0",
        0.5,
    )
    return SetInfo("s" * 64, name, 1, 6.0, (recording.speaker,), "2026-01-02T03:04:05Z"), [entry]


def test_sets_runs_models_and_conversions_are_remembered_once(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    info, entries = a_set(analysis)
    assert store.add_set(info, entries)
    assert not store.add_set(info, entries)
    assert store.sets() == [info]
    with pytest.raises(BadRequest, match="Another set named first"):
        store.add_set(dataclasses.replace(info, id="t" * 64), entries)

    assert store.add_run("run-1", "anna", info.id, {"preset": "small", "out": Path("x")})
    assert not store.add_run("run-1", "anna", info.id, {})
    (run,) = store.runs()
    assert (run["id"], run["model"], run["set"], run["outcome"], run["result"]) == (
        "run-1",
        "anna",
        "first",
        None,
        None,
    )
    assert run["request"] == {"preset": "small", "out": "x"}
    assert store.end_run("run-1", "stopped", {"steps": 10})
    assert store.end_run("run-1", "done", {"steps": 20})
    assert not store.end_run("run-1", "done", {"steps": 20})
    (run,) = store.runs()
    assert (run["outcome"], run["result"]) == ("done", {"steps": 20})
    with pytest.raises(BadRequest, match="no run"):
        store.end_run("run-9", "done", {})

    card = {"name": "anna", "id": "abc", "run": {"id": "run-1"}}
    assert store.add_model(card)
    assert not store.add_model(card)
    assert store.add_model({**card, "id": "def"})
    assert [model["id"] for model in store.models()] == ["def"]

    record = {"id": "c1", "model": "anna", "input": "a.wav", "output": "b.wav"}
    assert store.add_conversion(record)
    assert not store.add_conversion(record)
    (conversion,) = store.conversions()
    assert conversion["output"] == "b.wav"


def test_two_sets_of_the_same_clips_do_not_double_a_run(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    for name in ("first", "second"):
        store.add_set(*a_set(analysis, name))
    store.add_run("run-1", "anna", "s" * 64, {})
    assert [run["set"] for run in store.runs()] == ["first"]


def test_forget_removes_a_recording_and_nothing_else(
    store: Store, make_analysis: MakeAnalysis, library: Library
) -> None:
    one, two = make_analysis("one"), make_analysis("two")
    for analysis in (one, two):
        store.take_in(analysis)
        store.decide([clip.id for clip in analysis.clips], "accepted")
    store.add_set(*a_set(one))
    forgotten = store.forget(one.recording.id)
    assert (forgotten.clips, forgotten.sets) == (5, ("first",))
    assert store.recordings() == [two.recording]
    assert store.clip_table()["verdict"].to_pylist() == ["accepted"] * 5
    undone = store.undo()
    assert undone
    assert set(undone.clips) == {clip.id for clip in two.clips}
    again = store.undo()
    assert again
    assert again.clips == ()
    with pytest.raises(BadRequest, match="no recording"):
        store.forget(one.recording.id)
    assert one.recording.path not in str(everything(store))


def test_forget_takes_the_stems_of_a_recording_along(
    store: Store, make_analysis: MakeAnalysis, library: Library
) -> None:
    mix, vocals = make_analysis("mix"), make_analysis("vocals")
    kept = library.media / "vocals.flac"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"sound")
    stem = dataclasses.replace(
        vocals, recording=dataclasses.replace(vocals.recording, parent=mix.recording.id, path=str(kept))
    )
    for analysis in (mix, stem):
        store.take_in(analysis)
    forgotten = store.forget(mix.recording.id)
    assert (forgotten.clips, forgotten.stems) == (10, (str(kept),))
    assert store.recordings() == []
    assert not kept.exists()
    assert store.check() == []


def test_what_does_not_fit_together_is_told(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    store.add_set(*a_set(analysis))
    with store._writing() as cursor:
        cursor.execute("DELETE FROM recording")
    problems = store.check()
    assert "5 clips belong to no recording." in problems
    assert any("The set first has no manifest" in problem for problem in problems)


def test_the_file_is_let_go_within_a_second_and_opened_again(library: Library, make_analysis: MakeAnalysis) -> None:
    with Store(library, idle_s=0.2) as store:
        store.take_in(make_analysis("one"))
        began = time.monotonic()
        while store._hold.held:
            assert time.monotonic() - began < 1.0
            threading.Event().wait(0.01)
        assert len(store.clip_table()) == 5


def test_many_threads_share_one_store(library: Library, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one", count=40)
    ids = [clip.id for clip in analysis.clips]
    problems: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                for _ in range(15):
                    work()
            except BaseException as error:
                problems.append(error)

        return run

    with Store(library, idle_s=0.001) as store:
        store.take_in(analysis)
        works: list[Callable[[], object]] = [
            lambda: store.decide(ids[:20], "accepted"),
            lambda: store.decide(ids[20:], "rejected", ["x"]),
            lambda: store.clip_table(where="verdict = 'accepted'"),
            store.recording_rows,
            lambda: store.clip(ids[0]),
        ]
        threads = [threading.Thread(target=guarded(work)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert store.clip_table()["verdict"].to_pylist() == ["accepted"] * 20 + ["rejected"] * 20
        with store._reading() as cursor:
            assert cursor.execute("SELECT count(*), max(seq) FROM action").fetchall() == [(30, 30)]


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX")
def test_a_full_disk_is_one_line_and_the_catalogue_is_as_it_was(
    store: Store, library: Library, make_analysis: MakeAnalysis
) -> None:
    import resource

    store.take_in(make_analysis("one"))
    store.close()
    before = everything(store)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(BadRequest, match="The disk is full") as refusal:
            store.take_in(make_analysis("two", count=500))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(refusal.value)
    assert everything(store) == before
    assert store.take_in(make_analysis("two")) == TakenIn(1, 5)


def test_a_connection_that_can_do_no_more_is_replaced(store: Store) -> None:
    with pytest.raises(BadRequest, match="failed"), store._reading():
        raise duckdb.FatalException("the database has been invalidated")
    assert not store._hold.held
    assert store.recordings() == []
    with pytest.raises(BadRequest, match="failed"), store._writing():
        raise duckdb.FatalException("the database has been invalidated")
    assert not store._hold.held
    assert store.recordings() == []


def test_the_file_can_be_opened_by_duckdb_1_5(store: Store, library: Library) -> None:
    store.recordings()
    store.close()
    with duckdb.connect(str(library.database), read_only=True) as connection:
        query = "SELECT tags FROM duckdb_databases() WHERE database_name = 'catalog'"
        tags = connection.execute(query).fetchall()
    assert "v1.5" in str(tags)
