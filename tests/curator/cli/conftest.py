"""The command line as a person uses it: arguments in, exit code and two streams out."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curator.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


def run(place: Path, *arguments: str) -> Ended:
    """Run `curator --library place arguments...` in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["curator", "--library", str(place), *arguments]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    code = ended.value.code
    return Ended(int(code) if code is not None else 0, out.getvalue(), err.getvalue())


@pytest.fixture
def curator(tmp_path: Path) -> Callable[..., Ended]:
    """Commands on an empty library."""
    return lambda *arguments: run(tmp_path / "library", *arguments)


@pytest.fixture(scope="session")
def takes(tmp_path_factory: pytest.TempPathFactory, say: Callable[..., Any]) -> Path:
    """A folder with two takes of one voice, of about 20 s each, and room tone between the sentences."""
    folder = tmp_path_factory.mktemp("takes")
    rng = np.random.default_rng(1)
    texts = (
        "The old harbour is quiet in the morning, and the boats are tied along the wall. ",
        "A small light moves slowly over the water while somebody carries a box to the shore. ",
        "Nobody speaks for a while, then the engine starts and the gulls fly up. ",
        "Later the market opens and people come from the villages behind the hill. ",
    )
    for name, chosen in (("first.wav", texts), ("second.flac", texts[::-1])):
        pieces = []
        for text in chosen:
            wave, rate = say(text)
            pieces += [0.4 * wave, np.zeros(int(0.6 * rate), dtype=np.float32)]
        take = np.concatenate(pieces)
        take = take + 0.0005 * rng.standard_normal(len(take)).astype(np.float32)
        soundfile.write(folder / name, take, rate)
    return folder


@pytest.fixture(scope="session")
def taken_in(tmp_path_factory: pytest.TempPathFactory, takes: Path) -> Path:
    """A library that holds the two takes; whoever changes it takes a copy."""
    place = tmp_path_factory.mktemp("taken-in") / "library"
    added = run(place, "add", str(takes), "--speaker", "mia", "--workers", "1", "--json")
    assert added.code == 0, added.err
    return place


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, taken_in: Path) -> Callable[..., Ended]:
    """Commands on a library that holds the two takes, one library for the tests of a file."""
    place = tmp_path_factory.mktemp("filled") / "library"
    shutil.copytree(taken_in, place)
    return lambda *arguments: run(place, *arguments)
