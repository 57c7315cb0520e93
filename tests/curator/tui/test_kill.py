"""SIGKILL in the middle of a review: what the screen had confirmed is there, and undo leads all the way back."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of Windows")
def test_nothing_that_was_confirmed_is_lost_when_the_app_is_killed(tmp_path: Path) -> None:
    path = Path(__file__).resolve().parents[3] / "benchmarks" / "kill.py"
    spec = importlib.util.spec_from_file_location("kill", path)
    assert spec is not None
    assert spec.loader is not None
    kill = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kill)
    assert kill.run(tmp_path, actions=14, kills=1, clips=16, seed=3, quiet=True) == ""
    assert len(kill.journal(kill.Library(tmp_path / "library"))) >= 14
