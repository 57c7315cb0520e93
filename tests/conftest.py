"""Shared fixtures: a library in a temporary folder, and a voice that speaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.library import Library

Say = Callable[..., tuple[NDArray[np.float32], int]]


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the person at this machine."""
    monkeypatch.setenv("CURATOR_SETTINGS", str(tmp_path / "settings" / "settings.toml"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty library."""
    place = Library(tmp_path / "library")
    place.create()
    return place


@pytest.fixture(scope="session")
def say() -> Say:
    """Speech of a text as (samples, rate); `voice` as espeak-ng names it."""
    pytest.importorskip("espeakng_loader", reason="the extra `demo` speaks in the tests")
    from trainer.recipes.phone_encoder.speak import Espeak

    speaker = Espeak()

    def speak(text: str, voice: str = "en-us+f3") -> tuple[NDArray[np.float32], int]:
        return speaker.wave(text, voice)

    return speak
