"""Two processes and one catalogue: waiting, giving way, dying, and noticing each other's work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog.errors import LibraryLocked
from catalog.library import Library
from catalog.records import Analysis
from catalog.store import Store

HOUSE = str(Path(__file__).resolve().parents[2])
HOLD_FOREVER = """
import sys
from pathlib import Path
from catalog.library import Library
from catalog.store import Store
store = Store(Library(Path(sys.argv[1])))
with store._hold.reading():
    print("held", flush=True)
    sys.stdin.readline()
"""
DECIDE_ALL_THE_TIME = """
import sys, threading
from pathlib import Path
from catalog.library import Library
from catalog.store import Store
store = Store(Library(Path(sys.argv[1])), idle_s=0.5)
ids = store.clip_table()["id"].to_pylist()
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
done = 0
while not stop.is_set():
    store.decide([ids[0]], "accepted" if done % 2 else "rejected")
    done += 1
    print(done, flush=True)
    stop.wait(0.01)
store.close()
"""
DECIDE_AND_HANG = """
import sys
from pathlib import Path
from catalog.library import Library
from catalog.store import Store
store = Store(Library(Path(sys.argv[1])), idle_s=60)
ids = store.clip_table()["id"].to_pylist()
for n, clip in enumerate(ids):
    store.decide([clip], "accepted")
    print(n + 1, flush=True)
with store._hold.writing() as cursor:
    cursor.execute("INSERT INTO decision SELECT 999, id, 'rejected', [], 'accepted', [] FROM clip")
    print("open", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another(script: str, library: Library) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs a script on the library; its pipes are the signals between us."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(library.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": HOUSE},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def filled(library: Library, make_analysis: Callable[..., Analysis]) -> Library:
    """A library with a recording of eight clips."""
    with Store(library) as store:
        store.take_in(make_analysis("one", count=8))
    return library


def test_a_holder_that_never_lets_go_is_named_in_one_line(filled: Library) -> None:
    with another(HOLD_FOREVER, filled) as holder:
        assert line(holder) == "held"
        began = time.monotonic()
        with Store(filled, wait_s=0.3) as store, pytest.raises(LibraryLocked) as refusal:
            store.clip_table()
        assert 0.3 <= time.monotonic() - began < 5
    text = str(refusal.value)
    assert "\n" not in text
    assert str(filled.root) in text
    if os.name != "nt":
        assert f"process {holder.pid} (" in text


def test_work_goes_on_as_soon_as_the_holder_lets_go(filled: Library) -> None:
    with another(HOLD_FOREVER, filled) as holder:
        assert line(holder) == "held"
        with Store(filled, wait_s=0.1) as store:
            with pytest.raises(LibraryLocked):
                store.clip_table()
            let_go(holder)
            with Store(filled, wait_s=30) as patient:
                assert len(patient.clip_table()) == 8
            assert len(store.clip_table()) == 8
    assert not (filled.root / "catalog.wanted").exists()


def test_two_busy_processes_both_get_their_work_done(filled: Library) -> None:
    with another(DECIDE_ALL_THE_TIME, filled) as busy:
        assert line(busy) == "1"
        with Store(filled, wait_s=20, idle_s=0.05) as store:
            ids = store.clip_table()["id"].to_pylist()
            for clip in ids[1:]:
                store.decide([clip], "accepted")
            assert store.clip_table()["verdict"].to_pylist()[1:] == ["accepted"] * 7
        let_go(busy)
        assert busy.stdout
        *_, decisions = map(int, busy.stdout)
        assert busy.wait(30) == 0
    with Store(filled) as store, store._reading() as cursor:
        assert cursor.execute("SELECT count(*), count(DISTINCT seq) FROM action").fetchall() == [(decisions + 7,) * 2]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_kill_9_loses_nothing_that_was_confirmed_and_nothing_half_done_stays(filled: Library) -> None:
    with another(DECIDE_AND_HANG, filled) as victim:
        assert [line(victim) for _ in range(9)] == [*map(str, range(1, 9)), "open"]
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    with Store(filled) as store:
        assert store.clip_table()["verdict"].to_pylist() == ["accepted"] * 8
        assert store.check() == []
        undone = store.undo()
        assert undone
        assert len(undone.clips) == 1


def test_the_work_of_another_process_is_noticed_and_ones_own_is_not(filled: Library) -> None:
    with Store(filled, idle_s=0.0) as app, Store(filled, idle_s=0.0) as command:
        ids = app.clip_table()["id"].to_pylist()
        app.close()
        token = app.changed_since(None)
        app.decide(ids[:1], "accepted")
        app.clip_table()
        app.close()
        assert app.changed_since(token) == token
        command.clip_table()
        command.close()
        assert app.changed_since(token) == token
        command.decide(ids[1:2], "rejected")
        command.close()
        later = app.changed_since(token)
        assert later != token
        assert app.changed_since(later) == later


def test_what_another_process_does_between_two_looks_is_noticed_even_when_we_open_first(filled: Library) -> None:
    with Store(filled) as app, Store(filled) as command:
        ids = app.clip_table()["id"].to_pylist()
        app.close()
        token = app.changed_since(None)
        command.decide(ids[:1], "accepted")
        command.close()
        app.clip_table()
        assert app.changed_since(token) != token
        app.close()
        assert app.changed_since(token) != token


def test_a_screen_may_look_while_another_thread_waits_for_the_file(filled: Library) -> None:
    with another(HOLD_FOREVER, filled) as holder:
        assert line(holder) == "held"
        with Store(filled, wait_s=30) as store:
            found: list[int] = []
            waiting = threading.Thread(target=lambda: found.append(len(store.clip_table())))
            waiting.start()
            until_noted(filled)
            began = time.monotonic()
            for _ in range(100):
                store.changed_since(None)
            assert time.monotonic() - began < 1
            assert found == []
            let_go(holder)
            waiting.join(30)
            assert found == [8]


def test_threads_that_wait_together_are_refused_together(filled: Library) -> None:
    with another(HOLD_FOREVER, filled) as holder:
        assert line(holder) == "held"
        refused: list[LibraryLocked] = []

        def look(store: Store) -> None:
            try:
                store.clip_table()
            except LibraryLocked as error:
                refused.append(error)

        with Store(filled, wait_s=1.0) as store:
            began = time.monotonic()
            threads = [threading.Thread(target=look, args=(store,)) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(refused) == 6
        assert time.monotonic() - began < 4


def until_noted(library: Library) -> None:
    """Wait until somebody has left the note that they wait for the catalogue."""
    deadline = time.monotonic() + 20
    while not (library.root / "catalog.wanted").exists():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_a_stale_note_of_a_waiter_that_died_does_no_harm(filled: Library) -> None:
    note = filled.root / "catalog.wanted"
    note.touch()
    os.utime(note, (1, 1))
    with Store(filled, idle_s=60) as store:
        store.clip_table()
        assert store._hold.held


NEVER_CLOSED = """
import sys
from pathlib import Path
from catalog.library import Library
from catalog.store import Store
store = Store(Library(Path(sys.argv[1])), idle_s=60)
store.clip_table(where="snr_db > 3")
"""


def test_a_program_that_ends_without_closing_ends_quietly(filled: Library) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NEVER_CLOSED, str(filled.root)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": HOUSE},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
