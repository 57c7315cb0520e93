"""The store: what fits together in it, the file it opens and lets go, threads, and a disk that is full."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import duckdb
import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.records import Analysis
from catalog.store import Store, TakenIn
from tests.catalog.conftest import a_set, everything

MakeAnalysis = Callable[..., Analysis]


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
