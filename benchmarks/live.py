"""A live voice on a simulated stream: latency, computing time a block, and what would have been heard as gaps.

    python -m benchmarks.live MODEL FILE --library DIR [--blocks 50 100 250] [--seconds 60] [--out FOLDER]

Feeds the file block by block, as a microphone would (repeated until it is long enough), and times each block on one
thread: by the wall, which on a busy machine is the other programs' time as well, and by the processor, which is what a
core that is free would take. A block is late that takes longer than it lasts. A gap is heard when a block is not ready
when the one before has been played: playing begins with the first block and the reserve of `LiveSettings` before it,
and a block waits for the one before it.
Latency is from a sound to its conversion with the median computing time of a free core. With --out, what was heard is
written for every block length.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catalog import audio, registry
from catalog.library import Library
from infer.live import LiveSettings, LiveVoice
from infer.options import ConvertOptions
from infer.voice import load_voice


def main() -> None:
    """Print a line for each block length."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("file", type=Path)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--blocks", type=int, nargs="+", default=[50, 100, 150, 200, 250, 500], help="milliseconds")
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    library = Library(given.library)
    voice = load_voice(registry.load(library, given.model), library.weights, "cpu")
    wave, rate = audio.read(given.file)
    once = audio.resample(wave, rate, given.rate)
    stream = np.tile(once, int(np.ceil(given.seconds * given.rate / len(once))))
    print(f"{'':19}processor ms a block               wall ms a block")
    print("block ms latency ms   median   95 %  worst  late  gaps   median   95 %  worst  late  gaps  of")
    for block_ms in given.blocks:
        live = LiveVoice(voice, ConvertOptions(), given.rate, LiveSettings(block_s=block_ms / 1000))
        count = round(given.seconds * 1000 / block_ms)
        spent, elapsed, heard = [], [], []
        for block in stream[: count * live.block].reshape(-1, live.block):
            cpu, wall = time.process_time(), time.perf_counter()
            heard.append(live.process(block))
            spent.append(time.process_time() - cpu)
            elapsed.append(time.perf_counter() - wall)
        latency = 1000 * (live.settings.latency_s + float(np.median(spent)))
        columns = (figures(spent, live.settings), figures(elapsed, live.settings))
        print(f"{block_ms:8d} {latency:10.0f}   {columns[0]}   {columns[1]}  {len(spent)}", flush=True)
        if given.out:
            given.out.mkdir(parents=True, exist_ok=True)
            audio.write_wav(given.out / f"live-{block_ms}.wav", np.concatenate(heard), given.rate)


def figures(seconds: Sequence[float], settings: LiveSettings) -> str:
    """Median, 95th percentile and worst in ms, late blocks and gaps."""
    times = [1000 * float(np.quantile(seconds, share)) for share in (0.5, 0.95, 1.0)]
    late = sum(each > settings.block_s for each in seconds)
    return f"{times[0]:6.1f} {times[1]:6.1f} {times[2]:6.1f} {late:5d} {gaps(seconds, settings):5d}"


def gaps(seconds: Sequence[float], settings: LiveSettings) -> int:
    """Blocks that were not ready in time, when playing goes on as soon as one is."""
    ready, due, found = 0.0, None, 0
    for number, each in enumerate(seconds):
        ready = max(number * settings.block_s, ready) + each
        if due is None:
            due = ready + settings.reserve_s
        elif ready > due:
            found += 1
            due = ready
        due += settings.block_s
    return found


if __name__ == "__main__":
    main()
