"""One table of all scores against the truth: `python -m benchmarks.truth AUDIO_FOLDER [--only NAME...]`.

The material is cut in two halves by voices, noises and music (`benchmarks.truth.material`): limits inside the scores
were chosen on the half `tuning`, the table is of the half `report` unless `--half` says otherwise. Exit code 1 when a
figure misses its limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from benchmarks.truth.row import Row, table  # noqa: E402

MODULES = (
    "slicing",
    "noise",
    "hum",
    "bandwidth",
    "reverb",
    "clipping",
    "loudness",
    "music",
    "overlap",
    "pitch",
    "speaker",
    "duplicates",
)
"""Modules of this package, each with `rows(folder: Path, half: str) -> Iterator[Row]`."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=MODULES, default=MODULES, metavar="NAME")
    parser.add_argument("--half", choices=("report", "tuning"), default="report")
    wanted = parser.parse_args()
    missed = 0
    began = time.process_time()
    found = (row for name in wanted.only for row in _rows(name, wanted.folder, wanted.half))
    rows: list[Row] = []
    for line in table(_kept(found, rows)):
        print(line, flush=True)
    missed = sum(row.holds is False for row in rows)
    print(f"\n{missed} of {len(rows)} figures miss their limit; {time.process_time() - began:.0f} CPU seconds")
    sys.exit(1 if missed else 0)


def _rows(name: str, folder: Path, half: str) -> Iterator[Row]:
    module = import_module(f"benchmarks.truth.{name}")
    found: Iterator[Row] = module.rows(folder, half)
    return found


def _kept(rows: Iterator[Row], into: list[Row]) -> Iterator[Row]:
    for row in rows:
        into.append(row)
        yield row


if __name__ == "__main__":
    main()
