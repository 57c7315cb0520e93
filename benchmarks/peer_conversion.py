"""The conversion network beside RVC's own, in one run: same weights, same input, single precision, no noise.

    git clone https://github.com/RVC-Project/Retrieval-based-Voice-Conversion-WebUI CHECKOUT
    python -m benchmarks.peer_conversion CHECKOUT --size 40k --seconds 30 --threads 2

Each side runs in a process of its own (both call a package `infer`), turn by turn. RVC takes the piece as a whole, as
it does up to 41 s; ours takes it as a conversion on a processor does, in pieces with a second of context on both
sides, of which the decoder hears as much as reaches into the piece; that cost is in the figure. Prints the best wall
and processor seconds of each, their ratio, and how far the two waveforms lie apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

PAD_FRAMES = 100
"""A second of context on each side of a piece."""


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("checkout", type=Path)
    options.add_argument("--size", default="40k", choices=("32k", "40k", "48k"))
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--piece", type=int, default=10, help="seconds of a piece on our side")
    options.add_argument("--side", choices=("peer", "ours"), help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return options


def main() -> None:
    given = parser().parse_args()
    if given.side:
        return run_side(given)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), given.size, given.seconds)
        best: dict[str, dict[str, float]] = {}
        for _ in range(given.rounds):
            for side in ("peer", "ours"):
                found = start(side, given, folder)
                seen = best.setdefault(side, found)
                best[side] = {key: min(value, seen[key]) for key, value in found.items()}
        waves = {side: np.load(Path(folder) / f"{side}.npy") for side in best}
    for side, found in best.items():
        print(f"{side}: {found['wall']:.2f} s, {found['processor']:.2f} s of processor for {given.seconds} s of audio")
    print(f"ratio: {best['peer']['wall'] / best['ours']['wall']:.2f} by the clock, "
          f"{best['peer']['processor'] / best['ours']['processor']:.2f} of processor")  # fmt: skip
    inner = slice(given.seconds * 100, -given.seconds * 100)
    print(f"largest difference of the waveforms: {np.abs(waves['peer'] - waves['ours'])[inner].max():.1e}")
    return None


def prepare(folder: Path, size: str, seconds: int) -> None:
    """One set of weights and one input for both sides."""
    from infer.synthesizer import Synthesizer, published_config

    torch.manual_seed(0)
    config = published_config("v2", size)
    frames = seconds * 100
    torch.save(Synthesizer(config, posterior=False).state_dict(), folder / "weights.pt")
    f0 = 200 * 2 ** (0.5 * torch.sin(torch.arange(frames) / 50))[None]
    torch.save({"phone": torch.randn(1, frames, config.phone_dim), "f0": f0}, folder / "input.pt")
    (folder / "config.json").write_text(json.dumps(config.to_list()))


def start(side: str, given: argparse.Namespace, folder: str) -> dict[str, float]:
    """One side in its own process."""
    command = [sys.executable, __file__, str(given.checkout), "--size", given.size, "--seconds", str(given.seconds)]
    command += ["--threads", str(given.threads), "--piece", str(given.piece), "--side", side, "--folder", folder]
    place = str(given.checkout if side == "peer" else Path(__file__).parents[1])
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=place, env=environment(place))
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def environment(place: str) -> dict[str, str]:
    """The environment of a side, where its own `infer` is found first."""
    import os

    return {**os.environ, "PYTHONPATH": place}


def run_side(given: argparse.Namespace) -> None:
    """Load one side's network, run it twice, and print the better times."""
    torch.set_num_threads(given.threads)
    config = json.loads((given.folder / "config.json").read_text())
    weights = torch.load(given.folder / "weights.pt", weights_only=True)
    held = torch.load(given.folder / "input.pt", weights_only=True)
    make = peer if given.side == "peer" else ours
    speak = make(config, weights, held["phone"], held["f0"], given.piece * 100)
    times = []
    with torch.inference_mode():
        for _ in range(2):
            wall, processor = time.perf_counter(), time.process_time()
            wave = speak()
            times.append((time.perf_counter() - wall, time.process_time() - processor))
    np.save(given.folder / f"{given.side}.npy", wave.numpy())
    found = {"wall": min(wall for wall, _ in times), "processor": min(own for _, own in times)}
    # the checkout has no package of this name, and linux tells the peak of this process alone
    status = Path("/proc/self/status")
    peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")] if status.exists() else []
    print(json.dumps(found | {"peak_mb": float(peaks[0].split()[1]) / 1024 if peaks else float("nan")}))


def peer(config: list[Any], weights: Any, phone: Tensor, f0: Tensor, piece: int) -> Callable[[], Tensor]:
    """RVC's network on the whole input, its random draws replaced by zeros."""
    # the checkout's package has no __init__ and would lose against ours
    package = ModuleType("infer")
    package.__path__ = [str(Path.cwd() / "infer")]
    sys.modules["infer"] = package
    from infer.module import models  # type: ignore[import-not-found]

    network = models.SynthesizerTrnMs768NSFsid(*config, is_half=False)
    del network.enc_q
    network.load_state_dict(weights, strict=True)
    network.eval()
    torch.randn_like = torch.zeros_like  # type: ignore[assignment]
    torch.rand = torch.zeros  # type: ignore[assignment]
    frames = torch.tensor([phone.shape[1]])
    return lambda: network.infer(phone, frames, coarse(f0), f0, torch.tensor([0]))[0][0, 0]


def ours(config: list[Any], weights: Any, phone: Tensor, f0: Tensor, piece: int) -> Callable[[], Tensor]:
    """Our network in pieces with their context, as a conversion on a processor runs it."""
    from infer.speak import decoded
    from infer.synthesizer import Synthesizer, SynthesizerConfig

    network = Synthesizer(SynthesizerConfig.from_list(config), posterior=False)
    network.load_state_dict(weights)
    network.fold_weight_norm().eval()
    hop, total = network.config.hop, phone.shape[1]
    before, around = network.reach

    def speak() -> Tensor:
        parts = []
        for start in range(0, total, piece):
            stop = min(start + piece, total)
            first, last = max(0, start - PAD_FRAMES), min(total, stop + PAD_FRAMES)
            head, end = decoded((start - first, stop - first), last - first, around)
            flowing = last - first - max(head - before, 0)
            wave = network.infer(
                phone[:, first:last], torch.tensor([last - first]), coarse(f0[:, first:last]), f0[:, first:last],
                torch.tensor([0]), noise_z=torch.zeros(1, 192, flowing),
                noise_src=torch.zeros(1, (end - head) * hop, 1), skip_head=head, return_length=end - head,
            )  # fmt: skip
            parts.append(wave[0, (start - first - head) * hop : (stop - first - head) * hop])
        return torch.cat(parts)

    return speak


def coarse(f0: Tensor) -> Tensor:
    """f0 in Hz as the numbers 1 to 255 that the networks read."""
    mel = 1127 * torch.log(1 + f0 / 700)
    low, high = 1127 * np.log(1 + 50 / 700), 1127 * np.log(1 + 1100 / 700)
    return ((mel - low) * 254 / (high - low) + 1).clamp(1, 255).round().long()


if __name__ == "__main__":
    main()
