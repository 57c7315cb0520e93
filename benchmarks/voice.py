"""Train the small preset on a real speaker, convert recordings of others, and measure what came out.

    pip install --no-deps resemblyzer webrtcvad-wheels pocketsphinx
    python -m benchmarks.voice TARGET_FOLDER SOURCE_FILE... --library DIR [--steps N] [--encoder phonetic]

Prints, for transposes of 0, +12, -12 semitones and auto: length against the source, median f0, the deviation of the
median f0 from the transposed source's (over all voiced frames of each, and over the frames where the source is voiced),
the share of frames that became voiced and that ceased to be, level, clipping, silence, and the cosine of speaker
embeddings (Resemblyzer, GE2E of Wan et al. 2018) between the result and the target's own recordings, beside the same
for the unconverted source. Two proxies for how well it is understood: the share of the source's speech frames on which
the embedded encoder hears the same phone in the result, and the share of the source's phones that pocketsphinx hears in
the same order in the result (two unrelated recordings share about 20 %). At the end the processor seconds that a second
of conversion takes, on one thread and with everything loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from catalog import audio
from infer.phone_encoder import PAUSE, PHONES

TRANSPOSES = ("0", "12", "-12", "auto")
HEADS = (
    "length", "Δ ms", "f0 Hz", "Δ st all", "Δ st voiced", "voiced +%", "far +%", "voiced -%",
    "dBFS", "peak", "clip %", "silent %", "similarity", "frames %", "phones %",
)  # fmt: skip


def main() -> None:
    """Run the whole way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="folder with the target speaker's recordings")
    parser.add_argument("source", type=Path, nargs="+", help="files of other speakers")
    parser.add_argument("--library", type=Path, required=True, help="where to work; what is there is used again")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--encoder", default="phone", help="content encoder of the voice")
    arguments = parser.parse_args()
    prepare(arguments.library, arguments.target, arguments.steps, "--encoder", arguments.encoder)
    embed = embedder()
    target = np.mean([embed(path) for path in held_sample(arguments.target)], axis=0)
    hear = listener()
    for path in arguments.source:
        print(f"\n{path.name:14}" + "".join(f"{head:>12}" for head in HEADS))
        source = describe(path, embed, target, hear)
        show("source", source, source, 0.0)
        for transpose in TRANSPOSES:
            out = arguments.library / f"{path.stem} {transpose}.wav"
            done = curator(arguments.library, "convert", "voice", str(path), "--out", str(out),
                           "--transpose", transpose, "--overwrite")  # fmt: skip
            facts = describe(out, embed, target, hear)
            show(f"transpose {transpose}", facts, source, done["outputs"][0]["transpose"])
        print(f"processor seconds a second: {cost(arguments.library, path):.3f}")


def prepare(library: Path, target: Path, steps: int, *more: str) -> None:
    """Catalogue, accept what has no flag, freeze and train (with `more`); what is done is not done again."""
    curator(library, "add", str(target), "--speaker", "target")
    if not (library / "sets" / "all").exists():
        curator(library, "verdict", "accept", "--where", "coalesce(snr_db, 99) > 15")
        curator(library, "set", "create", "all")
    if not (library / "models" / "voice").exists():
        print(curator(library, "train", "all", "--name", "voice", "--steps", str(steps), *more)["card"]["metrics"])


def curator(library: Path, *arguments: str) -> Any:
    """Run one command and give its JSON."""
    command = [sys.executable, "-m", "curator", "--library", str(library), *arguments, "--json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode == 2:
        sys.exit(f"curator {arguments[0]} failed: {run.stdout}")
    return json.loads(run.stdout)


def embedder() -> Any:
    """A function from a file to its unit speaker embedding (256,)."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)

    def embed(path: Path) -> np.ndarray:
        wave, rate = audio.read(path)
        return np.asarray(encoder.embed_utterance(preprocess_wav(wave, source_sr=rate)))

    return embed


def listener() -> Any:
    """A function from a wave at 16 kHz to the phones heard in it: of each frame, and as pocketsphinx's sequence."""
    import torch
    from pocketsphinx import Decoder, get_model_path

    from infer.phone_encoder import load_phone_encoder

    encoder = load_phone_encoder()
    decoder = Decoder(hmm=get_model_path("en-us/en-us"), allphone=get_model_path("en-us/en-us-phone.lm.bin"),
                      lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL")  # fmt: skip

    def hear(wave: np.ndarray) -> tuple[np.ndarray, list[str]]:
        frames = encoder.posteriors(torch.from_numpy(wave))[0].argmax(-1).numpy()
        decoder.start_utt()
        decoder.process_raw((wave * (0.7 * 32767 / np.abs(wave).max())).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        silent = ("SIL", "+NSN+", "+SPN+", "(NULL)")
        return frames, [part.word for part in decoder.seg() if part.word not in silent]

    return hear


def cost(library: Path, source: Path) -> float:
    """Processor seconds of converting one second of `source`."""
    import torch

    from catalog import registry
    from catalog.library import Library
    from infer.convert import Conversion
    from infer.options import ConvertOptions
    from infer.source import load
    from infer.voice import load_voice

    torch.set_num_threads(1)
    shelf = Library(library)
    voice = load_voice(registry.load(shelf, "voice"), shelf.weights, "cpu")
    spent = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as name:
            track, seconds = load(source, Path(name), [])
            conversion = Conversion(voice, ConvertOptions(), Path(name))
            began = time.process_time()
            conversion.run(track, seconds)
            spent.append((time.process_time() - began) / seconds)
            conversion.close()
            track.close()
    return min(spent)


def in_order(wanted: list[str], heard: list[str]) -> float:
    """Percent of `wanted` that stands in `heard` in the same order (longest common subsequence)."""
    row = [0] * (len(heard) + 1)
    for phone in wanted:
        before = row[:]
        for place, other in enumerate(heard):
            row[place + 1] = before[place] + 1 if phone == other else max(before[place + 1], row[place])
    return 100 * row[-1] / max(1, len(wanted))


def held_sample(folder: Path, count: int = 12) -> list[Path]:
    """Some of the target's files, evenly spaced."""
    paths = list(audio.find_audio([folder]))
    return paths[:: max(1, len(paths) // count)][:count]


def describe(path: Path, embed: Any, target: np.ndarray, hear: Any) -> dict[str, Any]:
    """One file by numbers."""
    from infer.f0 import extract

    wave, rate = audio.read(path)
    narrow = audio.resample(wave, rate, 16000)
    f0 = extract(narrow, "auto")
    heard, phones = hear(narrow)
    frames = wave[: len(wave) // (rate // 50) * (rate // 50)].reshape(-1, rate // 50)
    level = 20 * np.log10(np.sqrt((frames**2).mean(1)) + 1e-9)
    embedding = embed(path)
    return {
        "seconds": len(wave) / rate,
        "f0": f0,
        "heard": heard,
        "phones": phones,
        "dbfs": 20 * np.log10(np.sqrt((wave**2).mean()) + 1e-9),
        "peak": float(np.abs(wave).max()),
        "clipped": 100 * float((np.abs(wave) > 0.999).mean()),
        "silent": 100 * float((level < -60).mean()),
        "similarity": float(embedding @ target / np.linalg.norm(embedding) / np.linalg.norm(target)),
    }


def show(name: str, facts: dict[str, Any], source: dict[str, Any], transpose: float) -> None:
    """One line of the table."""
    late = 1000 * (facts["seconds"] - source["seconds"])
    frames = min(len(facts["f0"]), len(source["f0"]))
    f0, before = facts["f0"][:frames], source["f0"][:frames]
    both = (f0 > 0) & (before > 0)
    median = float(np.median(f0[f0 > 0]))
    off = 12 * np.log2(median / np.median(before[before > 0])) - transpose
    off_voiced = 12 * np.log2(np.median(f0[both]) / np.median(before[both])) - transpose
    # further than 30 ms from any voice of the source
    far = (f0 > 0) & (np.convolve(before > 0, np.ones(7), "same") == 0)
    parts = ((f0 > 0) & (before == 0), far, (f0 == 0) & (before > 0))
    extra, lone, lost = (100 * float(part.mean()) for part in parts)
    level = (facts["dbfs"], facts["peak"], facts["clipped"], facts["silent"])
    count = min(len(facts["heard"]), len(source["heard"]))
    speech = source["heard"][:count] != PHONES.index(PAUSE)
    same = 100 * float((facts["heard"][:count] == source["heard"][:count])[speech].mean())
    understood = (same, in_order(source["phones"], facts["phones"]))
    values = (facts["seconds"], late, median, off, off_voiced, extra, lone, lost, *level)
    print(
        f"{name:14}" + "".join(f"{value:12.2f}" for value in values) + f"{facts['similarity']:12.3f}"
        + "".join(f"{value:12.1f}" for value in understood)
    )  # fmt: skip


if __name__ == "__main__":
    main()
