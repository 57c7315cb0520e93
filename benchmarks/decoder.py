"""How long the conversion network takes, for the published sizes: the whole, its decoder, and its parts off.

    python -m benchmarks.decoder --size 40k --seconds 10 --threads 2

Prints wall and processor seconds of the best of several runs: as trained, with the weight norm folded, and folded
with the decoder laid out flat, which is what a conversion uses; and how far the results lie apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from infer.synthesizer import Synthesizer, published_config
from infer.weight_norm import fold_weight_norm


def best(run: Callable[[], Tensor], repeats: int) -> tuple[float, float, Tensor]:
    """Least wall seconds, least processor seconds, and the result."""
    out = run()
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        out = run()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return min(walls), min(processors), out


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", default="40k", choices=("32k", "40k", "48k"))
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--repeats", type=int, default=3)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    config = published_config("v2", given.size)
    networks = [Synthesizer(config, posterior=False).eval() for _ in range(3)]
    for network in networks[1:]:
        network.load_state_dict(networks[0].state_dict())
    fold_weight_norm(networks[1])
    networks[2].fold_weight_norm()
    frames = round(given.seconds * config.frame_rate)
    phone, f0 = torch.randn(1, frames, config.phone_dim), torch.full((1, frames), 200.0)
    noise_z, noise_src = torch.randn(1, 192, frames), torch.randn(1, frames * config.hop, 1)

    def convert(network: Synthesizer) -> Tensor:
        return network.infer(
            phone, torch.tensor([frames]), torch.full((1, frames), 60), f0, torch.tensor([0]),
            noise_z=noise_z, noise_src=noise_src,
        )  # fmt: skip

    first: Tensor | None = None
    with torch.inference_mode():
        z, voice = torch.randn(1, 192, frames), torch.randn(1, 256, 1)
        for name, network in zip(("as trained", "folded", "folded and flat"), networks, strict=True):
            wall, processor, out = best(partial(convert, network), given.repeats)
            decoder, _, _ = best(partial(network.dec, z, f0, voice, noise_src), given.repeats)
            first = out if first is None else first
            print(
                f"{name}: {wall:.2f} s ({processor:.2f} s of processor) for {given.seconds:g} s, decoder "
                f"{decoder:.2f} s; differs from the first by {float((out - first).abs().max()):.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
