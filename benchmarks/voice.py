"""Train the small preset on a real speaker, convert another's recording, and measure what came out.

    pip install --no-deps resemblyzer webrtcvad-wheels
    python benchmarks/voice.py TARGET_FOLDER SOURCE_FILE --library DIR [--steps N]

Prints, for transposes of 0, +12, -12 semitones and auto: length against the source, median f0, the deviation of the
median f0 from the transposed source's (over all voiced frames of each, and over the frames where the source is voiced),
the share of frames that became voiced, level, clipping, silence, and the cosine of speaker embeddings (Resemblyzer,
GE2E of Wan et al. 2018) between the result and the target's own recordings, beside the same for the unconverted source.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from catalog import audio

TRANSPOSES = ("0", "12", "-12", "auto")


def main() -> None:
    """Run the whole way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="folder with the target speaker's recordings")
    parser.add_argument("source", type=Path, help="a file of another speaker")
    parser.add_argument("--library", type=Path, required=True, help="where to work; what is there is used again")
    parser.add_argument("--steps", type=int, default=1500)
    arguments = parser.parse_args()
    prepare(arguments.library, arguments.target, arguments.steps)
    embed = embedder()
    target = np.mean([embed(path) for path in held_sample(arguments.target)], axis=0)
    heads = (
        "length",
        "Δ ms",
        "f0 Hz",
        "Δ st all",
        "Δ st voiced",
        "voiced +%",
        "dBFS",
        "peak",
        "clip %",
        "silent %",
        "similarity",
    )
    print(" " * 14 + "".join(f"{head:>12}" for head in heads))
    source = describe(arguments.source, embed, target)
    show("source", source, source, 0.0)
    for transpose in TRANSPOSES:
        out = arguments.library / f"converted {transpose}.wav"
        done = curator(arguments.library, "convert", "voice", str(arguments.source), "--out", str(out),
                       "--transpose", transpose, "--overwrite")  # fmt: skip
        show(f"transpose {transpose}", describe(out, embed, target), source, done["outputs"][0]["transpose"])


def prepare(library: Path, target: Path, steps: int) -> None:
    """Catalogue, accept what has no flag, freeze and train; what is done is not done again."""
    curator(library, "add", str(target), "--speaker", "target")
    if not (library / "sets" / "all").exists():
        curator(library, "verdict", "accept", "--where", "coalesce(snr_db, 99) > 15")
        curator(library, "set", "create", "all")
    if not (library / "models" / "voice").exists():
        print(curator(library, "train", "all", "--name", "voice", "--steps", str(steps))["card"]["metrics"])


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


def held_sample(folder: Path, count: int = 12) -> list[Path]:
    """Some of the target's files, evenly spaced."""
    paths = list(audio.find_audio([folder]))
    return paths[:: max(1, len(paths) // count)][:count]


def describe(path: Path, embed: Any, target: np.ndarray) -> dict[str, Any]:
    """One file by numbers."""
    from infer.f0 import extract

    wave, rate = audio.read(path)
    f0 = extract(audio.resample(wave, rate, 16000), "auto")
    frames = wave[: len(wave) // (rate // 50) * (rate // 50)].reshape(-1, rate // 50)
    level = 20 * np.log10(np.sqrt((frames**2).mean(1)) + 1e-9)
    embedding = embed(path)
    return {
        "seconds": len(wave) / rate,
        "f0": f0,
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
    extra = 100 * float(((f0 > 0) & (before == 0)).mean())
    level = (facts["dbfs"], facts["peak"], facts["clipped"], facts["silent"])
    values = (facts["seconds"], late, median, off, off_voiced, extra, *level)
    print(f"{name:14}" + "".join(f"{value:12.2f}" for value in values) + f"{facts['similarity']:12.3f}")


if __name__ == "__main__":
    main()
