from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_work import dies, doubled, fails, marks

from catalog import audio
from catalog.errors import BadRequest
from catalog.jobs import Job
from curator import analysis_file
from curator.ray_executor import RayExecutor

SMALL = {"num_cpus": 1, "object_store_memory": 100_000_000}


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes on this machine, of which the second may be lost."""
    pytest.importorskip("ray", reason="the extra `ray`")
    with pytest.MonkeyPatch.context() as patch:
        house = Path(__file__).resolve().parents[1]
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(house), str(house.parent), os.environ.get("PYTHONPATH", "")]))
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
        try:
            made.second = made.add_node(**SMALL)
            yield made
        finally:
            made.shutdown()


def test_every_item_comes_back_once_and_errors_are_lines(cluster: Any) -> None:
    executor = RayExecutor(cluster.address)
    done = {each.item: each for each in executor.map_unordered(fails, range(5), cost=float, stop=never)}
    assert {item: each.value for item, each in done.items()} == {0: 0, 1: None, 2: None, 3: 3, 4: 4}
    assert done[1].error == "one.wav is not audio."
    assert "KeyError" in str(done[2].error)


def test_a_killed_worker_is_replaced_and_its_item_done_again_once(cluster: Any, tmp_path: Path) -> None:
    tasks = [(str(tmp_path), how) for how in ("never", "once", "always")]
    executor = RayExecutor(cluster.address)
    done = {each.item[1]: each for each in executor.map_unordered(dies, tasks, cost=lambda _: 1.0, stop=never)}
    assert (done["never"].value, done["once"].value) == ("never", "once")
    assert "died 2 times" in str(done["always"].error)


def test_a_wish_to_stop_gives_up_the_work_in_hand(cluster: Any) -> None:
    began = time.monotonic()
    executor = RayExecutor(cluster.address)
    assert list(executor.map_unordered(doubled, [60, 60, 60], cost=float, stop=lambda: True)) == []
    assert time.monotonic() - began < 30


def analysed(folder: Path, takes: Path, **where: Any) -> dict[str, Any]:
    """The results of an add job, by recording."""
    job = Job.create(folder, "add", {"paths": [str(takes)], "speaker": "alto", **where})
    job.start("curator.ingest")
    for _ in job.follow():
        pass
    assert job.outcome()["failed"] == 0
    found = [analysis_file.read(path) for path in analysis_file.found(job.path / "results")]
    return {each.recording.id: each for each in found}


def test_a_cluster_gives_what_this_machine_gives(cluster: Any, tmp_path: Path, take) -> None:
    (tmp_path / "takes").mkdir()
    for number in range(3):
        audio.write_wav(tmp_path / "takes" / f"{number}.wav", take([2, 0.5, 1 + number]), 16_000)
    here = analysed(tmp_path / "here", tmp_path / "takes", workers=1)
    assert len(here) == 3
    assert analysed(tmp_path / "there", tmp_path / "takes", ray=cluster.address) == here


def test_the_items_of_a_lost_node_are_done_elsewhere(cluster: Any, tmp_path: Path) -> None:
    """The last test on this cluster, for it loses its second node while both nodes hold an item."""
    lost: list[str] = []

    def stop() -> bool:
        held = list(tmp_path.iterdir())
        if len(held) >= 2 and not lost:
            lost.extend(path.name for path in held)
            cluster.remove_node(cluster.second, allow_graceful=False)
        return False

    tasks = [(str(tmp_path), number) for number in range(4)]
    executor = RayExecutor(cluster.address)
    done = list(executor.map_unordered(marks, tasks, cost=lambda task: -task[1], stop=stop))
    assert sorted(each.value for each in done) == [0, 1, 2, 3]
    assert len(lost) == 2
    assert len(list(tmp_path.iterdir())) == 5, "one item was begun twice: on the lost node and on the other"


def test_a_cluster_that_does_not_answer_is_named_at_once() -> None:
    pytest.importorskip("ray", reason="the extra `ray`")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadRequest, match=f"No Ray cluster answers at {address}"):
            list(RayExecutor(address).map_unordered(doubled, [1], cost=float, stop=never))
    with pytest.raises(BadRequest, match="HOST:PORT"):
        list(RayExecutor("somewhere").map_unordered(doubled, [1], cost=float, stop=never))


def test_a_missing_ray_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadRequest, match=r"pip install 'voice-curator\[ray\]'"):
        list(RayExecutor("auto").map_unordered(doubled, [1], cost=float, stop=never))
