"""Whether a process is alive and the one that is meant."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from catalog import processes


def test_this_process_is_alive_under_its_own_mark() -> None:
    mark = processes.start_mark(os.getpid())
    assert mark
    assert mark == processes.start_mark(os.getpid())
    assert processes.is_alive(os.getpid(), mark)


def test_the_same_id_with_another_start_is_another_process() -> None:
    assert not processes.is_alive(os.getpid(), "12345@other")


def test_a_process_that_ended_is_not_alive_even_before_it_is_collected() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = processes.start_mark(child.pid)
    assert processes.is_alive(child.pid, mark)
    assert child.stdin
    child.stdin.close()
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not processes.is_alive(child.pid, mark)
    child.wait()
    assert not processes.is_alive(child.pid, mark)


@pytest.mark.skipif(os.name == "nt", reason="there is no ps")
def test_ps_gives_a_mark_where_there_is_no_proc() -> None:
    mark = processes._ps_mark(os.getpid())
    assert mark
    assert mark == processes._ps_mark(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert processes._ps_mark(child.pid) is None


@pytest.mark.parametrize("pid", [0, -1])
def test_impossible_ids_are_not_alive(pid: int) -> None:
    assert not processes.is_alive(pid, None)
