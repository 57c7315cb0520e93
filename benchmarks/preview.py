"""From the command to the sound of a set as a voice, without training: seconds, cold and warm.

    python -m benchmarks.preview AUDIO --library DIR --minutes 5,30

AUDIO is the folder of labelled recordings; its long ones are added to DIR until a set of so many minutes can be frozen
(what is there is used again). Ten seconds of other speakers are previewed by `curator preview` as a person would call
it, first with nothing kept of the set, then again. Told are the seconds by the clock from the call to the written file,
and the processor seconds of the job that the command starts, as the app's key does; loading its libraries is in both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.better_material import SPEECH
from benchmarks.voice import curator
from catalog import audio, sets
from catalog.jobs import Job
from catalog.library import Library

INPUT_S, SET = 10, "long"
RATE = 24000
LONG = "long_raw/*.flac"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--minutes", default="5,30", help="lengths of sets, separated by commas")
    given = parser.parse_args()
    for minutes in map(int, given.minutes.split(",")):
        library = Library(given.library / f"of-{minutes}")
        freeze(library.root, given.audio, minutes)
        source = library.root / "spoken.wav"
        if not source.exists():
            cut(sorted(given.audio.glob(SPEECH)), source)
        seconds = sets.load(library, SET, verify=False).info.seconds
        walls, own = {}, {}
        for found, speak in ((walls, by_command), (own, by_job)):
            shutil.rmtree(library.media / "features" / "previews", ignore_errors=True)
            for state in ("cold", "warm"):
                found[state] = speak(library, source)
        for state, wall in walls.items():
            print(
                f"a set of {seconds / 60:.1f} minutes, {state}: {wall:.1f} s by the clock, {own[state]:.1f} s of "
                f"processor until {soundfile.info(source).duration:.0f} s can be heard",
                flush=True,
            )


def freeze(library: Path, folder: Path, minutes: int) -> None:
    """A set of at least so many minutes, or of all there is."""
    if (library / "sets" / SET).exists():
        return
    left = 60.0 * minutes
    for path in sorted(folder.glob(LONG)):
        if left > 0:
            curator(library, "add", str(path), "--speaker", "target")
            left -= soundfile.info(path).duration
    curator(library, "verdict", "accept", "--where", "true")
    curator(library, "set", "create", SET)


def cut(paths: list[Path], out: Path) -> None:
    """Ten seconds of some files, one after the other."""
    parts = [audio.resample(*audio.read(path), RATE) for path in paths]
    audio.write_wav(out, np.concatenate(parts)[: INPUT_S * RATE], RATE)


def by_command(library: Library, source: Path) -> float:
    """Preview once as a person does: seconds by the clock."""
    out, began = library.root / "preview.wav", time.perf_counter()
    command = [sys.executable, "-m", "curator", "--library", str(library.root), "preview", SET, str(source)]
    subprocess.run([*command, "--out", str(out), "--overwrite", "--json"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def by_job(library: Library, source: Path) -> float:
    """Preview once as a job of its own: its seconds of processor."""
    request = {"library": str(library.root), "set": SET, "input": str(source), "out": "", "overwrite": True}
    job = Job.create(library.jobs, "preview", {**request, "transpose": "auto", "f0_method": "auto"})
    process = subprocess.Popen([sys.executable, "-m", "infer.preview_job", str(job.path)], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    job.outcome()
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
