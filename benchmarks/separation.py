"""What separation costs: `python -m benchmarks.separation --seconds 30`.

A network of the published size (htdemucs' own settings, random weights, so nothing is said of its ear) takes noise
apart in a process of its own: processor seconds for each second of audio on one thread, and peak memory, which must not
grow with the length. Beside it stands Demucs' own way of applying the same network, and how far its answer differs.
"""

from __future__ import annotations

import argparse
import os
import time
from fractions import Fraction

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.memory import peak_mb  # noqa: E402
from infer.separation import Demucs  # noqa: E402

RATE = 44_100
SOURCES = ["drums", "bass", "other", "vocals"]
PUBLISHED = {
    "bottom_channels": 512,
    "t_layers": 5,
    "t_heads": 8,
    "segment": Fraction(39, 5),
    "samplerate": RATE,
}
"""What htdemucs sets other than the defaults of its class, as far as it bears on size and speed."""


def main() -> None:
    """Print the figures."""
    from demucs.apply import apply_model
    from demucs.htdemucs import HTDemucs

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = HTDemucs(SOURCES, **PUBLISHED).eval().requires_grad_(False)
    print(f"{sum(each.numel() for each in network.parameters()) / 1e6:.0f} million parameters")
    separator = Demucs("published size", network, tuple(SOURCES))
    mix = (0.1 * np.random.default_rng(0).standard_normal((round(options.seconds * RATE), 2))).astype(np.float32)
    began = time.process_time()
    parts = list(separator.separate(lambda: np.array_split(mix, 10)))
    spent = time.process_time() - began
    print(f"ours: {spent / options.seconds:.2f} processor seconds a second, peak memory {peak_mb():.0f} MB", flush=True)
    began = time.process_time()
    wave = torch.from_numpy(mix.T.copy())
    mono = wave.mean(0)
    whole = apply_model(network, ((wave - mono.mean()) / mono.std())[None], shifts=0, overlap=0.25)[0]
    whole = whole * mono.std() + mono.mean()
    spent = time.process_time() - began
    print(f"demucs.apply: {spent / options.seconds:.2f} processor seconds a second, peak memory {peak_mb():.0f} MB")
    ours = np.concatenate([part["vocals"] for part in parts])
    print(f"largest difference of the vocals: {np.abs(ours - whole[3].numpy().T).max():.1e}")


if __name__ == "__main__":
    main()
