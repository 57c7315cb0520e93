"""How fast recordings are analysed, and where the time goes: `python benchmarks/ingest.py AUDIO_FOLDER`.

Processor seconds of one thread (not wall clock, so that a busy machine says the same), as milliseconds for each second
of audio and as times real time, over the recordings of `long_raw`; then, with --hours, a long recording made of them,
for the memory of the whole analysis and for the slicer alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from catalog import audio  # noqa: E402
from catalog.records import Activity  # noqa: E402
from curator import vad  # noqa: E402
from curator.activity import ActivityMeter, Tracks  # noqa: E402
from curator.analysis import analyse  # noqa: E402
from curator.pitch import PitchMeter  # noqa: E402
from curator.scores.clip_audio import ClipAudio  # noqa: E402
from curator.scores.registry import SCORERS  # noqa: E402
from curator.slicer import slice_activity  # noqa: E402

Value = TypeVar("Value")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=0.0, help="also analyse a recording of this length")
    options = parser.parse_args()
    paths = sorted(options.folder.glob("long_raw/*.flac"))
    analyse(paths[0], "warm")
    seconds = {path: stages(path) for path in paths}
    total = defaultdict(float)
    for spent in seconds.values():
        for name, value in spent.items():
            total[name] += value
    length = total.pop("audio")
    print(f"{length:.0f} s of audio at {rates(paths)} Hz")
    for name, value in sorted(total.items(), key=lambda item: -item[1]):
        print(f"  {name:<22}{value / length * 1e3:7.2f} ms/s  {length / max(value, 1e-9):7.0f} x")
    began = time.process_time()
    for path in paths:
        analyse(path, "whole")
    spent_whole = time.process_time() - began
    print(f"  {'analyse() as a whole':<22}{spent_whole / length * 1e3:7.2f} ms/s  {length / spent_whole:7.0f} x")
    print(f"  peak memory {peak_mb():.0f} MB")
    if options.hours:
        long_recording(paths, options.hours)


def rates(paths: list[Path]) -> str:
    """The sample rates of the files."""
    return ", ".join(str(rate) for rate in sorted({audio.probe(path).sample_rate for path in paths}))


def stages(path: Path) -> dict[str, float]:
    """Processor seconds of each stage on one file, each run by itself."""
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Value]) -> Value:
        began = time.process_time()
        value = work()
        spent[name] = spent.get(name, 0.0) + time.process_time() - began
        return value

    timed("hash", lambda: audio.sha256(path))
    wave, rate = timed("decode", lambda: audio.read(path))
    low = timed("resample", lambda: audio.resample(wave, rate, vad.RATE))
    timed("voice activity", lambda: vad.probabilities(low))
    timed("f0", lambda: pitched(low))
    activity, pitch = metered(wave, rate)
    sliced = timed("slice", lambda: slice_activity("benchmark", activity, len(wave), rate))
    tracks = Tracks.of(activity, len(wave), rate)
    for clip in sliced.clips:
        part = ClipAudio(wave[clip.start : clip.end], rate, clip.start, tracks, pitch)
        for scorer in SCORERS:
            timed(f"score: {scorer.name}", lambda scorer=scorer, part=part: scorer.compute(part))  # type: ignore[misc]
    return spent | {"audio": len(wave) / rate}


def pitched(low: np.ndarray) -> None:
    """The f0 track in blocks of 30 s, as the analysis feeds it."""
    meter = PitchMeter()
    for start in range(0, len(low), 30 * vad.RATE):
        meter.feed(low[start : start + 30 * vad.RATE])
    meter.finish()


def metered(wave: np.ndarray, rate: int) -> tuple[Activity, object]:
    """Activity and pitch of samples in memory."""
    meter = ActivityMeter(rate)
    for start in range(0, len(wave), 30 * rate):
        meter.feed(wave[start : start + 30 * rate])
    return meter.finish()


def long_recording(paths: list[Path], hours: float) -> None:
    """The recordings one after another until the hours are full."""
    rate = 48_000
    waves = [audio.resample(*audio.read(path), rate) for path in paths]
    wanted = round(hours * 3600 * rate)
    whole = np.resize(np.concatenate(waves), wanted)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        audio.write_flac(path, whole, rate, bits=16)
        length = len(whole) / rate
        del whole, waves
        child(path, length)


def child(path: Path, length: float) -> None:
    """Analyse in a process of its own, so that its memory is its own."""
    process = multiprocessing.get_context("spawn").Process(target=long_file, args=(path, length))
    process.start()
    process.join()


def long_file(path: Path, length: float) -> None:
    """Analyse one file and slice it again, and print what that took."""
    began = time.process_time()
    found = analyse(path, "long")
    spent = time.process_time() - began
    assert found.activity is not None
    began = time.process_time()
    slice_activity("long", found.activity, found.recording.samples, found.recording.sample_rate)
    sliced = time.process_time() - began
    print(f"{length / 3600:.1f} h at 48 kHz: {length / spent:.0f} x real time, {len(found.clips)} clips")
    print(f"  peak memory {peak_mb():.0f} MB; slicing again from the stored activity: {sliced:.1f} s", flush=True)


def peak_mb() -> float:
    """Peak memory of this process, MB; Linux's own figure, since getrusage counts what a parent held before."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main()
