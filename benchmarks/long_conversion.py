"""A recording of hours through a conversion: peak memory, speed, and what is left when it is cancelled.

    python -m benchmarks.long_conversion AUDIO --library DIR --hours 1
    python -m benchmarks.long_conversion AUDIO --library DIR --rvc-seconds 60,120,240
    python -m benchmarks.long_conversion AUDIO --library DIR --rvc-seconds 3600 --peer CHECKOUT --threads 2

AUDIO is the folder of labelled recordings; the long ones are put end to end until the length is reached. The first
form speaks them with a small-preset voice trained in DIR (what is there is used again); the second with a network of
RVC's size at 40 kHz and random weights, at several lengths, so that memory can be seen not to grow with them. Each
conversion is a job process of its own, of which the system tells the highest memory and the processor seconds; what
each quarter of the recording took, and the highest memory up to its end, are told as well, to see whether they stay the
same. The third form runs RVC's own network (`benchmarks.peer_conversion`) in the same run, of the same size, on pieces
of 41 s as it cuts them, as many as `--peer-seconds` holds, and compares real-time factors: RVC's is that of its network
alone, ours that of the whole job with reading, f0, content, joining and writing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks import peer_conversion
from benchmarks import voice as peers
from benchmarks.better_material import TARGET
from catalog import audio, registry
from catalog.jobs import Job
from catalog.library import Library

RATE = 24000
LONG = "long_raw/*_clean.flac"
RVC = "rvc-40k-random"
PIECE_S = 41
"""What RVC converts at once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--rvc-seconds", help="lengths, separated by commas")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--peer", type=Path, help="a checkout of RVC, to run its network as well")
    parser.add_argument("--peer-seconds", type=int, default=123, help="of audio that RVC's network speaks")
    parser.add_argument("--threads", type=int, help="of either side; as many as there are processors by default")
    given = parser.parse_args()
    if given.threads:
        os.environ |= {name: str(given.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    library = Library(given.library)
    with tempfile.TemporaryDirectory(dir=given.library if given.library.is_dir() else None) as name:
        if given.hours:
            peers.prepare(given.library, given.audio / TARGET, given.steps)
            source = long_recording(given.audio, given.hours * 3600, Path(name))
            report("small preset", run(library, "voice", source, Path(name) / "out.wav"))
            cancel(library, "voice", source, Path(name) / "cancelled.wav")
        for seconds in (given.rvc_seconds or "").split(","):
            if seconds:
                publish_rvc(library)
                source = long_recording(given.audio, float(seconds), Path(name))
                facts = run(library, RVC, source, Path(name) / f"{seconds}.wav")
                report("v2 40k", facts)
                if given.peer:
                    beside(facts, given.peer, given.peer_seconds, given.threads or os.cpu_count() or 1)


def long_recording(folder: Path, seconds: float, where: Path) -> Path:
    """Recordings end to end, as one FLAC of 24 kHz."""
    parts = [audio.resample(*audio.read(path), RATE) for path in sorted(folder.glob(LONG))]
    path, left = where / f"{seconds:.0f}.flac", round(seconds * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while left > 0:
            for part in parts:
                file.write(part[:left])
                left -= len(part[:left])
    return path


def publish_rvc(library: Library) -> None:
    """A network of the published size and random weights, which reads the embedded encoder."""
    import torch

    from infer.content import load_encoder
    from infer.synthesizer import Synthesizer, published_config
    from infer.weights import write_safetensors

    if (library.models / RVC).exists():
        return
    torch.manual_seed(0)
    encoder = load_encoder("phone", library.weights)
    config = replace(published_config("v2", "40k"), phone_dim=encoder.dim)

    def build(folder: Path) -> dict[str, Any]:
        write_safetensors(folder / "model.safetensors", Synthesizer(config, posterior=False), half=True)
        told = {"name": encoder.name, "version": encoder.version, "dim": encoder.dim}
        return {"version": "v2", "f0": True, "sample_rate": 40000, "config": config.to_dict(), "encoder": told}

    registry.publish(library, RVC, build=build)


def start(library: Library, model: str, source: Path, out: Path) -> tuple[Job, subprocess.Popen[bytes]]:
    """A conversion job in its own process."""
    request = {"library": str(library.root), "model": model, "inputs": [str(source)], "out": str(out), "options": {}}
    job = Job.create(library.jobs, "convert", request)
    return job, subprocess.Popen([sys.executable, "-m", "infer", str(job.path)], stdout=subprocess.DEVNULL)


def run(library: Library, model: str, source: Path, out: Path) -> dict[str, Any]:
    """Convert, and measure the process."""
    began = time.perf_counter()
    job, process = start(library, model, source, out)
    quarters = in_quarters(job, process.pid)
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    result = job.result()
    assert result is not None
    if not result.get("outputs"):
        sys.exit(f"failed: {result}")
    told = [event for event in job.events()[0] if event["type"] == "progress"]
    return {
        "seconds": soundfile.info(source).duration,
        "off_ms": 1000 * abs(soundfile.info(out).duration - soundfile.info(source).duration),
        "wall": wall,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "quarters": quarters,
        "told": len(told),
        "rate": float(np.median([event["rate"] for event in told if event["note"].startswith("converting")])),
    }


def in_quarters(job: Job, pid: int) -> list[tuple[float, float]]:
    """While a job converts: real-time factor of each quarter of the recording, and the peak in MB up to its end."""
    found: list[tuple[float, float]] = []
    last: tuple[float, float] | None = None
    for event in job.follow(poll_s=0.5):
        if event["type"] != "progress" or not event["note"].startswith("converting"):
            continue
        here = (float(event["t"]), float(event["done"]))
        last = last or here
        if here[1] >= event["total"] * (len(found) + 1) / 4 and here[1] > last[1]:
            found.append(((here[0] - last[0]) / (here[1] - last[1]), peak_of(pid)))
            last = here
    return found


def peak_of(pid: int) -> float:
    """Peak resident memory of a running process in MB, as Linux tells it; NaN elsewhere."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))


def beside(facts: dict[str, Any], checkout: Path, seconds: int, threads: int) -> None:
    """RVC's network on pieces of 41 s beside what a conversion took."""
    asked = [str(checkout.resolve()), "--seconds", str(PIECE_S), "--threads", str(threads)]
    given = peer_conversion.parser().parse_args(asked)
    with tempfile.TemporaryDirectory() as folder:
        peer_conversion.prepare(Path(folder), given.size, given.seconds)
        # each start speaks its piece twice and gives the better time
        runs = [peer_conversion.start("peer", given, folder) for _ in range(max(1, round(seconds / PIECE_S / 2)))]
    best = {key: min(each[key] for each in runs) for key in ("wall", "processor")}
    ours, theirs = facts["wall"] / facts["seconds"], best["wall"] / PIECE_S
    own, their = facts["processor"] / facts["seconds"], best["processor"] / PIECE_S
    print(
        f"real-time factor: ours {ours:.3f} (processor {own:.3f}), RVC's network alone {theirs:.3f} ({their:.3f}), "
        f"{theirs / ours:.2f} times as fast by the clock, {their / own:.2f} by the processor; "
        f"peak {facts['peak_mb']:.0f} MB against {max(each['peak_mb'] for each in runs):.0f} MB for {PIECE_S} s"
    )


def report(name: str, facts: dict[str, Any]) -> None:
    """One line, and one a quarter."""
    print(
        f"{name}: {facts['seconds']:.0f} s in {facts['wall']:.0f} s, {facts['processor']:.0f} s of processor "
        f"({facts['processor'] / facts['seconds']:.4f} a second), peak {facts['peak_mb']:.0f} MB, length off by "
        f"{facts['off_ms']:.2f} ms, progress told {facts['told']:.0f} times, {facts['rate']:.1f} s a second",
        flush=True,
    )
    for number, (factor, peak) in enumerate(facts["quarters"], 1):
        print(f"  quarter {number}: real-time factor {factor:.3f}, peak until then {peak:.0f} MB", flush=True)


def cancel(library: Library, model: str, source: Path, out: Path) -> None:
    """Stop a conversion in its middle: nothing of it may be left."""
    job, process = start(library, model, source, out)
    for event in job.follow():
        if event["type"] == "progress" and event["note"].startswith("converting"):
            job.ask_stop()
            break
    asked = time.perf_counter()
    process.wait()
    left = [path.name for path in job.path.iterdir() if path.name.startswith("scratch")]
    left += [path.name for path in out.parent.iterdir() if path.name.startswith(out.stem)]
    print(
        f"cancelled: {job.state()}, ended {time.perf_counter() - asked:.2f} s later, left behind: {left or 'nothing'}"
    )


if __name__ == "__main__":
    main()
