from __future__ import annotations

import os
import time
from pathlib import Path

from cluster_work import dies, fails

from curator.executor import LocalExecutor


def double(number: int) -> int:
    return 2 * number


def threads(_: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def logs(task: tuple[str, int]) -> int:
    folder, number = task
    with (Path(folder) / "order.txt").open("a") as file:
        file.write(f"{number}\n")
    return number


def sleeps(_: int) -> int:
    time.sleep(60)
    return 0


def never() -> bool:
    return False


def test_every_item_comes_back_once() -> None:
    done = list(LocalExecutor(2).map_unordered(double, range(7), cost=float, stop=never))
    assert sorted((each.item, each.value) for each in done) == [(n, 2 * n) for n in range(7)]


def test_an_error_belongs_to_its_item_and_is_one_line() -> None:
    found = {each.item: each for each in LocalExecutor(1).map_unordered(fails, [0, 1, 2, 3], cost=float, stop=never)}
    assert found[1].error == "one.wav is not audio."
    assert found[2].error is not None
    assert "KeyError" in found[2].error
    assert "\n" not in found[2].error
    assert (found[0].value, found[3].value) == (0, 3)


def test_a_killed_worker_is_replaced_and_its_item_done_again_once(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), how) for how in ("never", "once", "always", "never again")]
    done = {each.item[1]: each for each in LocalExecutor(2).map_unordered(dies, tasks, cost=lambda _: 1.0, stop=never)}
    assert done["once"].value == "once"
    assert done["always"].value is None
    assert "died 2 times" in str(done["always"].error)
    assert done["never"].value == "never"
    assert done["never again"].value == "never again"


def test_the_costliest_item_is_started_first(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), number) for number in (3, 9, 1, 7)]
    list(LocalExecutor(1).map_unordered(logs, tasks, cost=lambda task: task[1], stop=never))
    assert (tmp_path / "order.txt").read_text().split() == ["9", "7", "3", "1"]


def test_a_worker_has_one_thread_and_this_process_keeps_its_own_setting() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    assert [each.value for each in LocalExecutor(1).map_unordered(threads, [0], cost=float, stop=never)] == ["1"]
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_a_wish_to_stop_gives_up_the_work_in_hand() -> None:
    began = time.monotonic()
    assert list(LocalExecutor(1).map_unordered(sleeps, [0], cost=float, stop=lambda: True)) == []
    assert time.monotonic() - began < 30
