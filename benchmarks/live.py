"""A live voice on a simulated stream: latency, computing time a block, and blocks that would have been dropped.

    python benchmarks/live.py MODEL FILE --library DIR [--blocks 100 250 500] [--rate 48000] [--out FOLDER]

Feeds the file block by block, as a microphone would, and times each. A block that takes longer than it lasts counts as
late. With --out, what was heard is written for every block length.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from catalog import audio, registry
from catalog.library import Library
from infer.live import LiveSettings, LiveVoice
from infer.options import ConvertOptions
from infer.voice import load_voice


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    options.add_argument("file", type=Path)
    options.add_argument("--library", type=Path, required=True)
    options.add_argument("--blocks", type=int, nargs="+", default=[100, 250, 500], help="milliseconds")
    options.add_argument("--rate", type=int, default=48000)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    library = Library(given.library)
    voice = load_voice(registry.load(library, given.model), library.weights)
    wave, rate = audio.read(given.file)
    stream = audio.resample(wave, rate, given.rate)
    print("block ms  latency ms  compute ms: median     95 %    worst   late blocks")
    for block_ms in given.blocks:
        live = LiveVoice(voice, ConvertOptions(), given.rate, LiveSettings(block_s=block_ms / 1000))
        whole = len(stream) // live.block * live.block
        heard = [live.process(block) for block in stream[:whole].reshape(-1, live.block)]
        figures = live.figures
        times = (1000 * figures.quantile(share) for share in (0.5, 0.95, 1.0))
        row = "".join(f"{value:9.1f}" for value in times)
        latency = 1000 * (live.settings.latency_s + figures.quantile(0.5))
        print(f"{block_ms:8d}{latency:12.0f}  {row:>34}   {figures.late} of {figures.blocks}")
        if given.out:
            given.out.mkdir(parents=True, exist_ok=True)
            audio.write_wav(given.out / f"live-{block_ms}.wav", np.concatenate(heard), given.rate)


if __name__ == "__main__":
    main()
