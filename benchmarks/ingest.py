"""Where the time of `curator add` goes, how fast it is, and what it holds: `python -m benchmarks.ingest AUDIO_FOLDER`.

The table is of the analysis as it runs, not of its parts run apart: every stage is timed inside `analyse`, without
the stages that it calls, in processor seconds of one thread (a busy machine says the same). The material is the six
recordings of `long_raw`, as they are and as 48 kHz stereo. `--add` measures the command itself, with its processes and
the catalogue, on one worker and on two; `--hours 3` the memory of one long recording.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from benchmarks.memory import peak_mb  # noqa: E402
from catalog import audio  # noqa: E402
from curator import analysis, analysis_file, slicer, vad  # noqa: E402
from curator import pitch as pitch_module  # noqa: E402
from curator.analysis import analyse  # noqa: E402
from curator.scores import clip_audio  # noqa: E402
from curator.scores.registry import SCORERS  # noqa: E402

STAGES: tuple[tuple[object, str, str], ...] = (
    (audio, "sha256", "hash"),
    (audio, "blocks", "decode"),
    (audio, "ranges", "decode (second time)"),
    (audio, "mono_weights", "channels"),
    (audio, "to_mono", "channels"),
    (audio.Resampler, "feed", "resample"),
    (clip_audio, "resample", "resample (clips)"),
    (vad.VoiceActivity, "feed", "voice activity"),
    (vad.VoiceActivity, "finish", "voice activity"),
    (pitch_module.PitchMeter, "feed", "f0"),
    (pitch_module.PitchMeter, "finish", "f0"),
    (analysis, "slice_tracks", "slice"),
    (analysis_file, "write", "write the result"),
)
RATE = 48_000
PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--add", action="store_true", help="also measure the command, on one worker and on two")
    parser.add_argument("--hours", type=float, default=0.0, help="also analyse a recording of this length")
    parser.add_argument("--minutes", type=float, default=60.0, help="how much audio --add is given")
    parser.add_argument("--rounds", type=int, default=3, help="how often --add measures one worker and two, in turn")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("long_raw/*.flac"))
    analyse(paths[0], "warm")
    with tempfile.TemporaryDirectory() as folder:
        print_stages("as they are", paths, Path(folder))
        print_stages("as 48 kHz stereo", as_stereo(paths, Path(folder) / "stereo"), Path(folder))
        if options.add:
            command(paths, options.minutes, options.rounds, Path(folder))
        if options.hours:
            long_recording(paths, options.hours, Path(folder))


class Clock:
    """Processor seconds by stage; a stage that calls another is charged only for its own."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.open = ["everything else"]
        self.since = time.process_time()

    def _turn(self) -> None:
        now = time.process_time()
        self.spent[self.open[-1]] += now - self.since
        self.since = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge what runs inside to a stage."""
        self._turn()
        self.open.append(name)
        try:
            yield
        finally:
            self._turn()
            self.open.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, charged to a stage; of a generator, each step."""

        def steps(made: Iterator[Any]) -> Iterator[Any]:
            while True:
                with self.stage(name):
                    value = next(made, self)
                if value is self:
                    return
                yield value

        def call(*args: Any, **options: Any) -> Any:
            with self.stage(name):
                made = function(*args, **options)
            return steps(made) if isinstance(made, Iterator) else made

        return call


def stages(paths: list[Path], folder: Path) -> tuple[dict[str, float], float]:
    """Processor seconds by stage of analysing and writing these files, and the seconds of audio."""
    with ExitStack() as stack:
        clock = Clock()
        parts = [*STAGES, *((type(scorer), "compute", f"score: {scorer.name}") for scorer in SCORERS)]
        for owner, attribute, name in parts:
            stack.enter_context(mock.patch.object(owner, attribute, clock.timed(name, getattr(owner, attribute))))
        began, length = time.process_time(), 0.0
        clock.since = began
        for path in paths:
            found = analysis.analyse(path, "alto")
            analysis_file.write(folder / "results", found)
            length += found.recording.duration_s
        clock._turn()
    return dict(clock.spent), length


def print_stages(title: str, paths: list[Path], folder: Path) -> None:
    """The share of each stage."""
    spent, length = stages(paths, folder)
    total = sum(spent.values())
    rates = sorted({audio.probe(path).sample_rate for path in paths})
    print(f"{length:.0f} s of audio, {title} ({', '.join(map(str, rates))} Hz)")
    for name, value in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name:<24}{value / length * 1e3:7.2f} ms/s{value / total:7.1%}")
    print(f"  {'all':<24}{total / length * 1e3:7.2f} ms/s = {length / total:.0f} x real time", flush=True)


def as_stereo(paths: list[Path], folder: Path) -> list[Path]:
    """The same recordings as 48 kHz stereo FLAC, the second channel 1 dB softer."""
    folder.mkdir()
    made = []
    for path in paths:
        wave = audio.resample(*audio.read(path), RATE)
        made.append(folder / path.name)
        audio.write_flac(made[-1], 0.9 * np.stack([wave, 0.89 * wave], axis=1), RATE, bits=16)
    return made


def command(paths: list[Path], minutes: float, rounds: int, folder: Path) -> None:
    """`curator add` as a process of its own, on twelve stereo files, with one worker and with two in turn."""
    takes = folder / "takes"
    takes.mkdir()
    whole = np.concatenate([audio.resample(*audio.read(path), RATE) for path in paths])
    length = round(minutes * 60 * RATE / 12)
    for number in range(12):
        take = np.resize(np.roll(whole, -number * length), length) * (1 - 0.01 * number)
        audio.write_flac(takes / f"{number}.flac", np.stack([take, take], axis=1), RATE, bits=16)
    del whole
    print(f"curator add on {minutes:.0f} minutes in 12 files at 48 kHz stereo")
    ratios = []
    for number in range(rounds):
        walls = {}
        for workers in (1, 2):
            walls[workers], spent = added(takes, folder / f"library-{number}-{workers}", workers)
            seconds = minutes * 60
            print(
                f"  {workers} workers: {seconds / walls[workers]:.0f} x real time by the clock,"
                f" {seconds / spent:.0f} x by processor seconds of all processes",
                flush=True,
            )
        ratios.append(walls[1] / walls[2])
    print(f"  two workers are {statistics.median(ratios):.2f} times as fast as one (median of {rounds})")


def added(takes: Path, library: Path, workers: int) -> tuple[float, float]:
    """Seconds by the clock, and of the processor over all processes, of one `curator add`."""
    # The job outlives the command by a moment; as its new parent this process can wait for it and count its seconds.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    curator = [sys.executable, "-m", "curator", "--library", str(library)]
    subprocess.run(
        [*curator, "add", str(takes), "--speaker", "alto", "--workers", str(workers), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall = time.perf_counter() - began
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def long_recording(paths: list[Path], hours: float, folder: Path) -> None:
    """The recordings one after another, 48 kHz stereo, until the hours are full."""
    path = folder / "long.flac"
    wave = np.concatenate([audio.resample(*audio.read(each), RATE) for each in paths])
    left = round(hours * 3600 * RATE)
    with audio.new_audio(path, RATE, channels=2, container="FLAC", subtype="PCM_16") as append:
        while left:
            part = 0.9 * wave[:left]
            append(np.stack([part, part], axis=1))
            left -= len(part)
    del wave
    process = multiprocessing.get_context("spawn").Process(target=long_file, args=(path, hours))
    process.start()
    process.join()


def long_file(path: Path, hours: float) -> None:
    """Analyse one file in a process of its own, slice it again, and print what that took."""
    began = time.process_time()
    found = analyse(path, "alto")
    spent = time.process_time() - began
    assert found.activity is not None
    began = time.process_time()
    slicer.slice_activity("long", found.activity, found.recording.samples, found.recording.sample_rate)
    sliced = time.process_time() - began
    print(f"{hours:g} h at 48 kHz stereo: {hours * 3600 / spent:.0f} x real time, {len(found.clips)} clips")
    print(f"  peak memory {peak_mb():.0f} MB; slicing again from the stored activity: {sliced:.1f} s", flush=True)


if __name__ == "__main__":
    main()
