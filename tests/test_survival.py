"""Nothing that was confirmed is lost when a process is killed, and the same command again finishes the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog.jobs import Job
from catalog.library import Library
from catalog.store import Store


@pytest.fixture
def takes(tmp_path: Path, say: Callable[..., Any]) -> Path:
    """Three recordings of different lengths."""
    folder = tmp_path / "takes"
    folder.mkdir()
    text = "The boats are tied along the wall and somebody carries a box to the shore. "
    for number in range(3):
        wave, rate = say(text * (number + 2))
        soundfile.write(folder / f"{number}.wav", 0.4 * np.asarray(wave), rate)
    return folder


def command(library: Library, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "curator", "--library", str(library.root), *arguments]


def first_job(parent: Path, process: subprocess.Popen[bytes]) -> Job:
    """The job a command started; busy-waits because the folder appears in another process."""
    while process.poll() is None:
        found = list(parent.glob("*/pid.json"))
        if found:
            return Job.open(found[0].parent)
    raise AssertionError("the command ended before its job began")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of Windows")
def test_an_add_killed_in_the_middle_is_finished_by_the_same_command(library: Library, takes: Path) -> None:
    add = command(library, "add", str(takes), "--speaker", "mia", "--workers", "1", "--json")
    process = subprocess.Popen(add, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    job = first_job(library.jobs, process)
    for event in job.follow():
        if event["type"] == "recording":
            break
    kill(process.pid)
    process.wait()
    kill(int(json.loads((job.path / "pid.json").read_text())["pid"]))
    done_before = {event["file"] for event in job.events()[0] if event["type"] == "recording"}
    assert len(done_before) < 3
    again = subprocess.run(add, capture_output=True, text=True, check=True)
    assert '"failed": []' in again.stdout
    with Store(library) as store:
        assert len(store.recording_rows()) == 3
        killed = store.clip_table().select(["id", "snr_db"]).to_pylist()
    whole = Library(library.root.parent / "whole")
    subprocess.run([*command(whole), *add[5:]], capture_output=True, check=True)
    with Store(whole) as store:
        assert store.clip_table().select(["id", "snr_db"]).to_pylist() == killed


def test_a_command_works_while_another_process_has_the_library_open(library: Library, takes: Path) -> None:
    subprocess.run(command(library, "add", str(takes / "0.wav"), "--speaker", "mia"), capture_output=True, check=True)
    with Store(library) as held:
        clip = held.clip_table()["id"].to_pylist()[0]
        token = held.changed_since(None)
        subprocess.run(command(library, "verdict", "accept", clip), capture_output=True, check=True)
        assert held.changed_since(token) != token
        assert held.clip(clip)["verdict"] == "accepted"
        subprocess.run(
            command(library, "add", str(takes / "1.wav"), "--speaker", "mia"), capture_output=True, check=True
        )
        assert len(held.recording_rows()) == 2
