"""How fast the catalogue is with 100,000 clips: opening, the clip table, a filter over all scores, verdicts.

Run: python -m benchmarks.catalogue [--clips N] [--library DIR]. Everything is made in a temporary folder unless DIR is
given; a library that is already there is measured as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from catalog.expressions import check_filter
from catalog.library import Library
from catalog.records import SCORE_NAMES, Analysis, Clip, LeftOut, Recording, Rule, Scoring, clip_id
from catalog.store import Store

CLIPS_A_RECORDING = 250
RATE = 48000
NUMBERS = tuple(name for name in SCORE_NAMES if name != "duplicate_of")
ALL_SCORES = " AND ".join(f"{name} > {n * 0.2}" for n, name in enumerate(NUMBERS))
RULES = [Rule(name, "<", 5.0, f"low {name}") for name in NUMBERS[:6]]


def analysis(number: int) -> Analysis:
    """One made-up recording of CLIPS_A_RECORDING clips with every score."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    length = 10 * RATE
    recording = Recording(
        id=digest[:16],
        sha256=digest,
        path=f"/recordings/speaker{number % 20:02d}/take_{number:04d}.wav",
        speaker=f"speaker {number % 20:02d}",
        sample_rate=RATE,
        channels=1,
        samples=(CLIPS_A_RECORDING + 1) * length,
        format="WAV/PCM_24",
        bytes=1 << 20,
    )
    spans = [(n * length, (n + 1) * length) for n in range(CLIPS_A_RECORDING)]
    clips = [Clip(clip_id(recording.id, start, end), recording.id, start, end) for start, end in spans]
    values = np.random.default_rng(number).uniform(0, 100, (len(clips), len(NUMBERS)))
    versions = {"noise": 1, "pitch": 1, "silence": 1, "level": 1, "overlap": 1}
    scorings = [
        Scoring(clip.id, dict(zip(NUMBERS, map(float, row), strict=True)), versions)
        for clip, row in zip(clips, values, strict=True)
    ]
    left_out = [LeftOut(CLIPS_A_RECORDING * length, recording.samples, "silence")]
    return Analysis(recording, None, clips, left_out, scorings, "dp-1 min=5 max=15")


def fill(store: Store, clips: int) -> None:
    """Take in recordings until there are `clips` clips, and give every second one a verdict in bulk."""
    began = time.perf_counter()
    count = clips // CLIPS_A_RECORDING
    for number in range(count):
        store.take_in(analysis(number))
    took = time.perf_counter() - began
    each = f"{1000 * took / count:.0f} ms each"
    print(f"took in {count} recordings, {count * CLIPS_A_RECORDING} clips, in {took:.1f} s ({each})")
    ids = store.clip_table()["id"].to_pylist()
    once("accept half of them in one action", lambda: store.decide(ids[::2], "accepted"))
    once("reject a tenth of them in one action", lambda: store.decide(ids[::10], "rejected", ["noisy"]))


def once(what: str, work: Callable[[], object]) -> None:
    """Time something that can be done only once."""
    began = time.perf_counter()
    work()
    print(f"{what:<52} {1000 * (time.perf_counter() - began):8.1f} ms")


def measure(what: str, work: Callable[[], object], times: int = 15) -> None:
    """Time something several times: the median, the best and the worst, and the least processor time of all threads."""
    took, busy = [], []
    for _ in range(times):
        began, worked = time.perf_counter(), time.process_time()
        work()
        took.append(1000 * (time.perf_counter() - began))
        busy.append(1000 * (time.process_time() - worked))
    text = (
        f"{statistics.median(took):8.1f} ms  (best {min(took):.1f}, worst {max(took):.1f}; processor {min(busy):.1f})"
    )
    print(f"{what:<52} {text}")


def run(library: Library, clips: int) -> None:
    """Fill the library where it is empty, then measure."""
    if not library.exists:
        with Store(library, idle_s=60) as store:
            fill(store, clips)
    size = library.database.stat().st_size / 1e6
    print(f"DuckDB {duckdb.__version__}, file {size:.1f} MB")

    def open_and_close() -> None:
        with Store(library) as fresh:
            fresh.sets()

    measure("open, ask for the sets, let go", open_and_close)
    with Store(library, idle_s=60) as store:
        once("clip table, all clips, the first time", store.clip_table)
        table = store.clip_table()
        ids = table["id"].to_pylist()
        print(f"clips in the table: {table.num_rows}, columns: {table.num_columns}")
        measure("clip table, all clips, again", store.clip_table)
        measure("clip table with six rules", lambda: store.clip_table(rules=RULES))
        measure("filter over all scores, checked, as a table", lambda: store.clip_table(where=ALL_SCORES))
        measure("the check of that filter alone", lambda: check_filter(ALL_SCORES))
        measure("filter snr_db > 90", lambda: store.clip_table(where="snr_db > 90"))
        measure("sorted by snr_db, first 100", lambda: store.clip_table(sort="snr_db DESC", limit=100))
        measure("one clip with its scores", lambda: store.clip(ids[1234]))
        measure("recordings with counts", store.recording_rows)
        turn = iter(range(10**6))
        measure("decide one clip", lambda: store.decide([ids[next(turn)]], "accepted"), times=50)
        measure("undo it", store.undo, times=20)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--library", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Library(arguments.library or Path(folder) / "library"), arguments.clips)


if __name__ == "__main__":
    main()
