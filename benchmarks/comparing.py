"""How long comparing clips with each other takes: `python -m benchmarks.comparing [--clips 100000] [--speakers 50]`.

Makes a library of clips with features drawn at random in the proportions of real ones (no sound is decoded), of which
2 % repeat another, then compares all of them, and then a few more that come later. Processor time and the highest
memory of the process.
"""

from __future__ import annotations

import argparse
import base64
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from catalog.library import Library
from catalog.records import Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store
from curator import comparing
from curator.scores.duplicates import Duplicates
from curator.scores.fingerprint import KEPT, Fingerprint
from curator.scores.speaker import Speaker, Voice
from infer.speaker_network import SIZE

CLIPS_A_RECORDING = 200
WINDOWS = 9
SECONDS = 10
FEW = 200
PAIRS_OF_A_PEAK = 5


def main() -> None:
    """Make, compare, add, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--speakers", type=int, default=50)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    middles = random.normal(size=(options.speakers, SIZE))
    with tempfile.TemporaryDirectory() as folder, Store(Library(Path(folder) / "library")) as store:
        print(f"{'':<44}{'CPU s':>8}{'appended':>10}{'MB':>7}")
        began = time.process_time()
        for number in range(options.clips // CLIPS_A_RECORDING):
            store.take_in(recording(random, number, middles, CLIPS_A_RECORDING))
        show(f"taking in {options.clips} clips", began, options.clips)
        for name, work in (("voices", comparing.compare_voices), ("repeats", comparing.find_repeats)):
            began = time.process_time()
            show(f"{name}, all clips new", began, work(store))
        store.take_in(recording(random, -1, middles, FEW))
        for name, work in (("voices", comparing.compare_voices), ("repeats", comparing.find_repeats)):
            began = time.process_time()
            show(f"{name}, {FEW} more clips", began, work(store))
        began = time.process_time()
        show("nothing new", began, comparing.compare(store))


def show(name: str, began: float, count: int) -> None:
    """A line of the table."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<44}{time.process_time() - began:>8.2f}{count:>10}{memory:>7.0f}", flush=True)


def recording(random: np.random.Generator, number: int, middles: np.ndarray, clips: int) -> Analysis:
    """A recording of one speaker with so many clips and their features."""
    sha = f"{number + 2:064x}"[::-1]
    speaker = number % len(middles)
    scorings, found, last = [], [], b""
    for n in range(clips):
        clip = Clip(clip_id(sha[:16], n * SECONDS, (n + 1) * SECONDS), sha[:16], n * SECONDS, (n + 1) * SECONDS)
        data = {Speaker.name: voice(random, middles[speaker]), Duplicates.name: fingerprint(random)}
        if n % 50 == 49:
            data[Duplicates.name] = last
        last = data[Duplicates.name]
        features = {name: base64.b64encode(each).decode() for name, each in data.items()}
        versions = {Speaker.name: Speaker.version, Duplicates.name: Duplicates.version}
        found.append(clip)
        scorings.append(Scoring(clip.id, {"speaker_similarity": None, "duplicate_of": None}, versions, {}, features))
    whole = Recording(sha[:16], sha, f"/takes/{number}.wav", f"voice {speaker}", 1, 1, clips * SECONDS, "WAV/PCM_16", 1)
    return Analysis(whole, None, found, [], scorings, "dp-1")


def voice(random: np.random.Generator, middle: np.ndarray) -> bytes:
    """A clip's vectors, near its speaker's."""
    vectors = middle + 0.5 * random.normal(size=(WINDOWS, SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    starts = np.arange(WINDOWS, dtype=np.float64)
    return Voice(starts, starts + 2, vectors.astype(np.float32)).packed()


def fingerprint(random: np.random.Generator) -> bytes:
    """Pairs of peaks, five to a first peak; low lines and short steps are more frequent, as they are in voices."""
    peaks = KEPT // PAIRS_OF_A_PEAK + 1
    line = np.repeat(np.minimum(random.geometric(0.02, peaks) - 1, 239), PAIRS_OF_A_PEAK)[:KEPT]
    frame = np.repeat(random.integers(0, SECONDS * 62, peaks), PAIRS_OF_A_PEAK)[:KEPT]
    step = np.clip(np.round(random.normal(0, 12, KEPT)), -63, 63).astype(np.int64) + 64
    later = np.minimum(random.geometric(0.08, KEPT) + 1, 48)
    pairs = ((line << 14) | (step << 6) | later).astype(np.uint32)
    order = np.lexsort((frame, pairs))
    return Fingerprint(pairs[order], frame[order].astype(np.uint16)).packed()


if __name__ == "__main__":
    main()
