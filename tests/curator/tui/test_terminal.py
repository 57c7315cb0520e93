"""While the app runs, only the app draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="the app draws on standard output there")
def test_what_c_libraries_write_goes_to_the_log_and_the_screen_to_the_terminal(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from curator.tui.terminal import screen_to_itself
with screen_to_itself(Path(sys.argv[1])):
    os.write(2, b"ALSA lib says something\\n")
    print("drawn", file=sys.__stderr__, flush=True)
os.write(2, b"after\\n")
print("after too", file=sys.__stderr__, flush=True)
"""
    log = tmp_path / "app.log"
    run = subprocess.run([sys.executable, "-c", code, str(log)], capture_output=True, text=True, check=True)
    assert run.stderr == "drawn\nafter\nafter too\n"
    assert log.read_text() == "ALSA lib says something\n"
