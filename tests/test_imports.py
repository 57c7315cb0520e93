"""What each way into the program may load: the first screen and the help must not wait for torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "torchaudio",
    "librosa",
    "scipy.signal",
    "silero_vad",
    "faiss",
    "onnxruntime",
    "demucs",
    "noisereduce",
)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines())


@pytest.mark.parametrize(
    "statement",
    [
        "import curator.cli.main",
        "import curator.launch, curator.intake, curator.policy",
        "import curator.tui.app",
        "import infer.options, trainer.config",
        "import infer.f0, infer.content",
    ],
)
def test_nothing_on_the_way_to_a_screen_loads_a_heavy_library(statement: str) -> None:
    assert not loaded_by(statement) & set(HEAVY)


def test_the_first_screen_waits_for_no_arrays(tmp_path: Path) -> None:
    asked = f"""
import pathlib, sys
import catalog.library, catalog.store, curator.cli.main, curator.tui.app
with catalog.store.Store(catalog.library.Library(pathlib.Path({str(tmp_path)!r}))) as store:
    store.library.create()
    store.recordings(), store.recording_rows(), store.left_out("none")
"""
    assert not loaded_by(asked) & {"numpy", "pyarrow", "pyarrow.compute"}


def test_help_of_every_command_loads_no_heavy_library() -> None:
    code = "from curator.cli.main import COMMANDS, cli; import click; c = click.Context(cli)"
    code += "; [cli.get_command(c, name).get_help(click.Context(cli.get_command(c, name))) for name in COMMANDS]"
    assert not loaded_by(code) & set(HEAVY)


@pytest.mark.parametrize("job", ["infer.__main__", "trainer.__main__", "curator.ingest", "curator.freeze"])
def test_a_job_never_loads_the_database(job: str) -> None:
    assert "duckdb" not in loaded_by(f"import {job}")


def test_the_catalogue_never_loads_torch() -> None:
    modules = "catalog.store, catalog.audio, catalog.sets, catalog.registry, catalog.jobs"
    assert "torch" not in loaded_by(f"import {modules}")
