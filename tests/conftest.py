"""Shared fixtures: a library in a temporary folder, and a voice that speaks."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

# The suite runs in several processes: more threads in each would only wait for each other. Read when numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.library import Library
from catalog.store import Store

Say = Callable[..., tuple[NDArray[np.float32], int]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` starts: two more than cores, for much of a test's time is waiting for a terminal's
    timers, for the disk or for a process of its own."""
    return len(os.sched_getaffinity(0)) + 2 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 2


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the modules made: with torch and Textual loaded that is most of its work."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the end of the process find it again."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the person at this machine."""
    monkeypatch.setenv("CURATOR_SETTINGS", str(tmp_path / "settings" / "settings.toml"))


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a catalogue that holds nothing, made as the first use of a library makes it."""
    place = Library(tmp_path_factory.mktemp("empty") / "library")
    with Store(place) as store:
        assert store.recordings() == []
    return place.database


@pytest.fixture
def new_library(tmp_path: Path) -> Library:
    """A library as it is before its first use: folders, and no catalogue."""
    place = Library(tmp_path / "library")
    place.create()
    return place


@pytest.fixture
def library(new_library: Library, empty_catalogue: Path) -> Library:
    """An empty library, whose catalogue is a copy: making one takes many times longer."""
    shutil.copyfile(empty_catalogue, new_library.database)
    return new_library


@pytest.fixture(scope="session")
def say() -> Say:
    """Speech of a text as (samples, rate); `voice` as espeak-ng names it."""
    pytest.importorskip("espeakng_loader", reason="the extra `demo` speaks in the tests")
    from trainer.recipes.phone_encoder.speak import Espeak

    speaker = Espeak()

    def speak(text: str, voice: str = "en-us+f3") -> tuple[NDArray[np.float32], int]:
        return speaker.wave(text, voice)

    return speak
