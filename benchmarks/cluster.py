"""One catalogue from one machine and from a cluster that loses a node: `python -m benchmarks.cluster AUDIO_FOLDER`.

Starts two Ray nodes here, runs `curator add --ray` on the recordings of `long_raw`, ends one node by force after the
first recording is through, and compares the catalogue with that of `curator add --workers 1`, value by value. Ends
with an error where they differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from catalog.jobs import list_jobs
from catalog.library import Library
from catalog.store import Store


def main() -> None:
    """Print what came out of both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    takes = parser.parse_args().folder / "long_raw"
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "here", Path(folder) / "there"
        finish(start_add(here, takes, "--workers", "1"))
        print("one worker on this machine: done", flush=True)
        on_a_cluster(there, takes)
        expected, found = facts(here), facts(there)
        print(f"{len(expected)} facts of {len(list(takes.glob('*.flac')))} recordings")
        different = {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}
        print(f"{len(different)} facts differ between the two catalogues")
        sys.exit(1 if different else 0)


def on_a_cluster(library: Path, takes: Path) -> None:
    """`curator add --ray` on two nodes, one of which is ended after the first recording."""
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        lost = cluster.add_node(**small)
        process = start_add(library, takes, "--ray", cluster.address)
        wait_until(lambda: events(library, "recording") > 0 or process.poll() is not None)
        print(f"ending a node by force; {events(library, 'recording')} recordings are through", flush=True)
        cluster.remove_node(lost, allow_graceful=False)
        finish(process)
        print("two nodes, one of them lost: done", flush=True)
    finally:
        cluster.shutdown()


def start_add(library: Path, takes: Path, *options: str) -> subprocess.Popen[bytes]:
    """`curator add` as a process of its own."""
    curator = [sys.executable, "-m", "curator", "--library", str(library)]
    return subprocess.Popen([*curator, "add", str(takes), "--speaker", "alto", *options])


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command that must succeed."""
    if process.wait() != 0:
        sys.exit(f"curator add ended with {process.returncode}")


def events(library: Path, kind: str) -> int:
    """How many events of a kind the library's jobs have written."""
    return sum(event["type"] == kind for job in list_jobs(Library(library).jobs) for event in job.events()[0])


def wait_until(true: Callable[[], bool]) -> None:
    """Look ten times a second."""
    while not true():
        time.sleep(0.1)


def facts(library: Path) -> dict[Any, Any]:
    """Everything that the catalogue holds of its recordings and clips, without the order and the time of arrival."""
    found: dict[Any, Any] = {}
    with Store(Library(library)) as store:
        for recording in store.recordings():
            found["recording", recording.id] = recording
            found["activity", recording.id] = store.activity(recording.id)
            found["left out", recording.id] = store.left_out(recording.id)
        for row in store.clip_table().to_pylist():
            found["clip", row["id"]] = row
    return found


if __name__ == "__main__":
    main()
